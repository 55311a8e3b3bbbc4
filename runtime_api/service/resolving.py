"""What a function's name, partial ARN or full ARN stands for, among the records of a catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arns import LATEST, parse_function_name
from .errors import ResourceNotFoundException
from .records import FunctionSpec
from .retries import patience_of
from .seams.catalog import ResolvedVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .function_record import Alias
    from .seams.catalog import FunctionRecord

__all__ = ["resolve_name", "resolved_version"]

SHOWN_NAMES = 20


def resolved_version(record: FunctionRecord, number: str = LATEST, qualifier: str | None = None) -> ResolvedVersion:
    """Return the snapshot of a version, as invoked with this qualifier."""
    found = record.versions[number]
    return ResolvedVersion(
        spec=found.spec,
        code=found.code,
        settings=found.settings,
        arn=record.function.arn(number),
        invoked_arn=record.function.arn(qualifier),
        concurrency=found.concurrency,
        max_queued=found.max_queued,
        revision=found.revision,
        reserved=record.function.reserved_concurrency,
        patience=patience_of(record.function.event_invoke.get(qualifier or LATEST)),
    )


def resolve_name(
    records: Mapping[str, FunctionRecord], function: str, qualifier: str | None, draw: Callable[[], float]
) -> ResolvedVersion:
    """Return what a caller means by `function` and the qualifier beside it, among `records` by all of their names.

    `draw` gives a number from 0 to 1, which decides where an alias that routes to two versions leads.
    """
    named = parse_function_name(function, qualifier)
    record = records.get(named.name)
    if record is None:
        missing = FunctionSpec(named.name).arn(named.qualifier or LATEST)
        raise ResourceNotFoundException(f"Function not found: {missing}", known=sorted(records)[:SHOWN_NAMES])
    alias = record.function.aliases.get(named.qualifier or "")
    number = named.qualifier or LATEST if alias is None else _route(alias, draw)
    if number not in record.versions:
        raise ResourceNotFoundException(f"Function not found: {record.function.arn(named.qualifier)}")
    return resolved_version(record, number, named.qualifier)


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
