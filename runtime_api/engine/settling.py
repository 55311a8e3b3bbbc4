"""Holds the exit of a process back until everything that the process has sent before it has been read.

The kernel closes a process's sockets before it reports the exit: a response posted just before is there to be read,
and so is the end of each connection. The connections of other processes have nothing unread, parked calls included,
so they make nobody wait.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.sandbox import Exited

__all__ = ["Settling", "Unread"]

LOOK_S = 0.002  # between two looks at what has been sent
LOOKS = 200


class Unread(Protocol):
    """Where processes send what they have to say."""

    @property
    def has_unread(self) -> bool: ...


class Settling:
    """Gives each exit to `settled`, in its time."""

    def __init__(self, settled: Callable[[Exited], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._settled = settled
        self._timers: dict[str, asyncio.TimerHandle] = {}  # by the process's name

    def exited(self, event: Exited, sent: Unread, looks: int = LOOKS) -> None:
        """A process has exited."""
        self._timers.pop(event.name, None)
        if looks and sent.has_unread:
            self._timers[event.name] = self._loop.call_later(LOOK_S, self.exited, event, sent, looks - 1)
        else:
            self._settled(event)

    def close(self) -> None:
        """Give up what is held back."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
