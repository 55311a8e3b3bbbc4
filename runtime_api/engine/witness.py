"""Remembers of a runtime what explains a failure later: its refused calls, and whether it has written anything."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from runtime_api.protocol.diagnosis import Refused, complains_of_bash, diagnose

if TYPE_CHECKING:
    from runtime_api.protocol import effects as fx

__all__ = ["Witness"]

KEPT = 4  # the last refusal is the one that explains most


class Witness:
    """Of one runtime process after the other."""

    def __init__(self) -> None:
        self.has_written = self._speaks_bash = False
        self._refused: deque[Refused] = deque(maxlen=KEPT)

    def start(self) -> None:
        """A process is started anew."""
        self.has_written = self._speaks_bash = False
        self._refused.clear()

    def wrote(self, lines: bytes) -> None:
        """Remember that it has written, and whether its shell is the wrong one."""
        self.has_written = True
        self._speaks_bash = self._speaks_bash or complains_of_bash(lines)

    def refused(self, effect: fx.Refuse) -> None:
        """Remember a call that was refused."""
        self._refused.append(Refused(effect.refusal, effect.request_id))

    def explain(self, outcome: fx.Outcome) -> str | None:
        """What the runtime did to this invocation, in one sentence; None when there is nothing to add."""
        if outcome.fault is None or outcome.reached is None:
            return None
        return diagnose(
            outcome.fault.error_type,
            outcome.reached,
            self._refused,
            has_written=self.has_written,
            speaks_bash=self._speaks_bash,
        )
