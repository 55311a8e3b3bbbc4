"""What a function's name, partial ARN or full ARN stands for, among the records of a catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arns import LATEST, function_arn, parse_function_name
from .errors import ResourceNotFoundException
from .owners import Owner
from .seams.catalog import ResolvedVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .function_record import Alias, Function
    from .seams.catalog import FunctionRecord

    Records = Mapping[str, FunctionRecord]  # by every name that they answer to

__all__ = ["not_reachable", "resolve_name", "resolved_version"]

SHOWN_NAMES = 20


def resolved_version(record: FunctionRecord, number: str = LATEST, qualifier: str | None = None) -> ResolvedVersion:
    """Return the snapshot of a version, as invoked with this qualifier."""
    found, function = record.versions[number], record.function
    reserved = function.reserved_concurrency
    return ResolvedVersion(
        spec=found.spec,
        code=found.code,
        settings=found.settings,
        arn=function.arn(number),
        invoked_arn=function.arn(qualifier),
        concurrency=found.concurrency if reserved is None else reserved,
        max_queued=found.max_queued,
        revision=found.revision,
        policy=function.policies.get("" if qualifier in (None, LATEST) else qualifier),
        directories=found.code.directories,
        tenancy=found.tenancy,
        event_invoke=function.event_invoke.get(qualifier or LATEST),
        dead_letter_arn=_dead_letter_arn(function, number),
        may_recurse=function.recursive_loop == "Allow",
    )


def resolve_name(
    records: Mapping[Owner, Records],
    everybodys: Records,
    function: str,
    qualifier: str | None,
    caller: Owner,
    is_signed: bool,
    draw: Callable[[], float],
) -> ResolvedVersion:
    """Return what a caller means by `function` and the qualifier beside it.

    `records` are those of each owner; what is not there is looked for among `everybodys`. A caller who does not sign
    has no region, and may name a function of any. `draw` gives a number from 0 to 1, which decides where an alias
    that routes to two versions leads.
    """
    named = parse_function_name(function, qualifier)
    owner = Owner(named.account or caller.account, named.region or caller.region)
    record = records.get(owner, {}).get(named.name) or everybodys.get(named.name)
    if is_signed and owner.region != caller.region and (record is None or not record.everybodys):
        raise not_reachable(owner.region, caller.region)
    if record is None:
        missing = function_arn(owner.region, owner.account, named.name, named.qualifier or LATEST)
        elsewhere = [found[named.name].function.arn() for found in records.values() if named.name in found]
        known = [*sorted(elsewhere), *sorted({*records.get(owner, ()), *everybodys})]
        raise ResourceNotFoundException(f"Function not found: {missing}", known=known[:SHOWN_NAMES])
    alias = record.function.aliases.get(named.qualifier or "")
    number = named.qualifier or LATEST if alias is None else _route(alias, draw)
    if number not in record.versions:
        raise ResourceNotFoundException(f"Function not found: {record.function.arn(named.qualifier)}")
    return resolved_version(record, number, named.qualifier)


def _dead_letter_arn(function: Function, number: str) -> str | None:
    version = function.version(number)
    config = None if version is None else version.configuration.dead_letter_config
    return config.get("TargetArn") or None if config else None


def not_reachable(region: str, own: str) -> ResourceNotFoundException:
    """Return the error for an ARN of another region."""
    return ResourceNotFoundException(f"Functions from '{region}' are not reachable in this region ('{own}')")


def _route(alias: Alias, draw: Callable[[], float]) -> str:
    """The version that an invocation by this alias runs on (guide 2548)."""
    if not alias.weights:
        return alias.version
    drawn = draw()
    for version, weight in alias.weights.items():
        drawn -= weight
        if drawn < 0:
            return version
    return alias.version
