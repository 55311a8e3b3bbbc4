"""Runs the steps of a case against a bootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runtime_api.conformance.matching import expanded, filled

from .case_run import CommandUnsupported, Deviated
from .steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .case_run import CaseRun

__all__ = ["Deviation", "run_steps"]


class Deviation(NamedTuple):
    """How a bootstrap deviated from what a step expects."""

    expected: str
    happened: str
    unimplemented: str = ""  # why this only means that the subject lacks an optional part


async def run_steps(run: CaseRun, steps: Sequence[Mapping[str, Any]]) -> Deviation | None:
    """Run every step until one deviates."""
    for step in steps:
        try:
            await STEPS[step["do"]](run, {"id": run.names["id"], **filled(expanded(step), run.names)})
        except Deviated as deviated:
            unimplemented = step.get("otherwise", {}).get(deviated.kind, "")
            return Deviation(deviated.expected, deviated.happened, unimplemented)
        except CommandUnsupported as unsupported:
            return Deviation("", "", str(unsupported))
    return None
