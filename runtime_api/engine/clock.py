"""The time by which events and schedules are due: the wall clock, and how far a test has moved it ahead."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock"]


class Clock:
    """Tells Unix time in milliseconds; it is never moved back."""

    def __init__(self) -> None:
        self._ahead_ms = 0.0
        self._watchers: list[Callable[[], None]] = []

    def now_ms(self) -> float:
        """Return the time."""
        return time.time() * 1000 + self._ahead_ms

    def watch(self, moved: Callable[[], None]) -> Callable[[], None]:
        """Call `moved` from now on whenever the clock has been moved; returns what ends that."""
        self._watchers.append(moved)
        return lambda: self._watchers.remove(moved)

    def advance(self, seconds: float) -> None:
        """Move the clock ahead."""
        self._ahead_ms += seconds * 1000
        for moved in self._watchers:
            moved()
