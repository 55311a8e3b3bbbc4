"""The timers of one environment: one timer of the event loop serves them all.

It is moved only when it would ring too late, so an invocation that ends in time touches no timer of the loop.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.effects import SetTimer

__all__ = ["Alarms", "now_ms", "wall_offset_ms"]


def now_ms() -> float:
    """Monotonic time in milliseconds; the loop's own clock knows only whole milliseconds."""
    return time.monotonic() * 1000


def wall_offset_ms() -> float:
    """What makes Unix milliseconds of `now_ms`."""
    return (time.time() - time.monotonic()) * 1000


class Alarms:
    """Calls `ring` with each alarm when its time has come, once, and the earliest first."""

    def __init__(self, ring: Callable[[SetTimer], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ring = ring
        self._alarms: dict[str, SetTimer] = {}  # by their keys: a request id is never a process's name
        self._handle: asyncio.TimerHandle | None = None
        self._handle_at = 0.0

    def set(self, alarm: SetTimer) -> None:
        """Ring at the alarm's time; it replaces the one with its key."""
        self._alarms[alarm.key] = alarm
        if self._handle is None or alarm.at < self._handle_at:
            self._arm(alarm.at)

    def drop(self, key: str) -> None:
        """Forget the alarm with this key, if there is one."""
        self._alarms.pop(key, None)

    def close(self) -> None:
        """Ring no more."""
        self._alarms.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self, at: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle_at = at
        self._handle = self._loop.call_later(max(at - now_ms(), 0) / 1000, self._look)

    def _look(self) -> None:
        self._handle = None
        now = now_ms()
        due = [alarm for alarm in self._alarms.values() if alarm.at <= now]
        for alarm in sorted(due, key=lambda alarm: alarm.at):
            # The ones that rang before may have dropped this one, or set it anew.
            if self._alarms.get(alarm.key) is alarm:
                del self._alarms[alarm.key]
                self._ring(alarm)
        if self._alarms and self._handle is None:
            self._arm(min(alarm.at for alarm in self._alarms.values()))
