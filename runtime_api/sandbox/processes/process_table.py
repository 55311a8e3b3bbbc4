"""The processes of one sandbox that are not over yet, by name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .managed_process import ManagedProcess

__all__ = ["ProcessTable"]


class ProcessTable:
    """Finds a process by its name and does to all of them what concerns their output."""

    def __init__(self) -> None:
        self._processes: dict[str, ManagedProcess] = {}
        self._paused = False
        self._empty = asyncio.Event()
        self._empty.set()

    def __iter__(self) -> Iterator[ManagedProcess]:
        return iter(tuple(self._processes.values()))

    def __bool__(self) -> bool:
        return bool(self._processes)

    def find(self, name: str) -> ManagedProcess | None:
        """The process of this name; None when it is over or never was."""
        return self._processes.get(name)

    def add(self, process: ManagedProcess) -> None:
        """Take a new process in; its output waits if that of the others does."""
        self._processes[process.launch.name] = process
        self._empty.clear()
        if self._paused:
            process.outputs.pause()

    def remove(self, name: str) -> None:
        """Forget a process that is over."""
        del self._processes[name]
        if not self._processes:
            self._empty.set()

    async def emptied(self) -> None:
        """Wait until every process is over."""
        await self._empty.wait()

    def drain(self) -> None:
        """Pass on what has been written up to now; nothing while output is paused."""
        if not self._paused:
            for process in self._processes.values():
                process.outputs.drain()

    def pause_output(self) -> None:
        """Stop reading what the processes write."""
        self._paused = True
        for process in self._processes.values():
            process.outputs.pause()

    def resume_output(self) -> None:
        """Go on reading."""
        self._paused = False
        for process in self._processes.values():
            process.outputs.resume()
