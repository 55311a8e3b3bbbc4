"""What a function's name, partial ARN or full ARN stands for, among the records of a catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arns import LATEST, parse_function_name
from .errors import ResourceNotFoundException
from .records import FunctionSpec
from .seams.catalog import ResolvedVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .seams.catalog import FunctionRecord

__all__ = ["resolve_name", "resolved_version"]

SHOWN_NAMES = 20


def resolved_version(record: FunctionRecord, qualifier: str | None = None) -> ResolvedVersion:
    """Return the snapshot of a record, as invoked with this qualifier."""
    spec = record.spec
    return ResolvedVersion(
        spec=spec,
        code=record.code,
        settings=record.settings,
        arn=spec.arn(spec.version),
        invoked_arn=spec.arn(qualifier),
        concurrency=record.concurrency,
        max_queued=record.max_queued,
        revision=record.revision,
    )


def resolve_name(records: Mapping[str, FunctionRecord], function: str, qualifier: str | None) -> ResolvedVersion:
    """Return what a caller means by `function` and the qualifier beside it, among `records` by all of their names."""
    named = parse_function_name(function, qualifier)
    record = records.get(named.name)
    if record is not None and named.qualifier in (None, LATEST, record.spec.version):
        return resolved_version(record, named.qualifier)
    asked = FunctionSpec(named.name) if record is None else record.spec
    raise ResourceNotFoundException(
        f"Function not found: {asked.arn(named.qualifier)} (known here: {_listed(records)})"
    )


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - SHOWN_NAMES} more" if len(ordered) > SHOWN_NAMES else ""
    return ", ".join(ordered[:SHOWN_NAMES]) + more or "none"
