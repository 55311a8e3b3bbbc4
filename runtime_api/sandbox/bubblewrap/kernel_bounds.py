"""A sandbox's control group, kept off the loop: to put a process in takes the kernel some 20 ms."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from .cgroup import new_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.protocol.events import ExitStatus

    from .cgroup import Bounds, Hierarchy

__all__ = ["KernelBounds"]


class KernelBounds:
    """Bounds one sandbox where this machine lets us make control groups, and does nothing elsewhere."""

    def __init__(self, hierarchies: Sequence[Hierarchy], bounds: Bounds) -> None:
        self._loop = asyncio.get_running_loop()
        self._bounds = bounds
        self._group = new_group(hierarchies, bounds)
        self._admissions: set[asyncio.Future[None]] = set()
        self._kills = 0

    def admit(self, pid: int) -> None:
        """Put a process and its descendants in; nothing waits for that."""
        if self._group is not None:
            admission = self._loop.run_in_executor(None, self._group.admit, pid)
            self._admissions.add(admission)
            admission.add_done_callback(self._admissions.discard)

    def exceeded_bytes(self, status: ExitStatus) -> int:
        """How much memory was taken if the kernel killed a process for it just now; 0 if it did not."""
        if self._group is None or status.signal != signal.SIGKILL:
            return 0
        kills, self._kills = self._kills, self._group.killed()
        return self._bounds.memory_bytes if self._kills > kills else 0

    async def close(self) -> None:
        """Remove the group, once nothing is in it any more."""
        if self._group is not None:
            await asyncio.gather(*self._admissions)
            await self._loop.run_in_executor(None, self._group.remove)
