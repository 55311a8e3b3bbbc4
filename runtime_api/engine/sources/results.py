"""What a mapping's last result is while parts of its poller come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.service.processing_results import FAILED, NOTHING, OK, problem

if TYPE_CHECKING:
    from . import SourceContext

__all__ = ["Results"]


class Results:
    """Reports each change once: a problem hides how the last batch ended, until every part has got over it."""

    def __init__(self, context: SourceContext) -> None:
        self._report = context.report
        self.note = context.note
        before = context.mapping.last_result
        self._batch = before if before in (OK, FAILED) else NOTHING
        self._problems: dict[str, str] = {}  # by the part that has one
        self._shown = before

    def batch(self, *, succeeded: bool) -> None:
        """Note how a batch has ended."""
        self._batch = OK if succeeded else FAILED
        self._show()

    def problem(self, part: str, reason: str) -> None:
        """Note what keeps a part from going on; the log tells it once."""
        reason = " ".join(reason.split())
        if self._problems.get(part) != reason:
            self.note(f"{part}: {reason}")
        self._problems[part] = reason
        self._show()

    def well(self, part: str) -> None:
        """Note that a part goes on."""
        if self._problems.pop(part, None) is not None:
            self.note(f"{part}: goes on")
        self._show()

    def _show(self) -> None:
        reasons = list(self._problems.values())
        shown = problem(reasons[0]) if reasons else self._batch
        if shown != self._shown:
            self._shown = shown
            self._report(shown)
