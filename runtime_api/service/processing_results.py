"""What a mapping says of its last batch: Lambda's texts, and which sources show them."""

from __future__ import annotations

from .mapping_sources import SOURCES, kind_of_source

__all__ = ["FAILED", "NOTHING", "OK", "problem", "shown_result"]

NOTHING = "No records processed"
OK = "OK"
FAILED = "PROBLEM: Function call failed"


def problem(reason: str) -> str:
    """Return the result of a mapping that cannot read its source, or not invoke its function."""
    return f"PROBLEM: {reason}"


def shown_result(source_arn: str | None, result: str) -> str | None:
    """Return the LastProcessingResult of a mapping that has come to this result.

    Mappings of queues never show how a batch ended (recorded); here they tell why none comes.
    """
    kind = kind_of_source(source_arn)
    if kind is not None and SOURCES[kind].first_result is None and result in (NOTHING, OK, FAILED):
        return None
    return result
