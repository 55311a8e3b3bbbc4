"""Where cases share this machine's /tmp: the cases of a bootstrap that writes fixed names there take turns.

The processes of two cases that do not overlap have written a file of the same name when it has changed during both.
From then on each case runs alone, and a case that did not pass beside others runs again.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.conformance.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from runtime_api.conformance.verdicts import Judgement

__all__ = ["SharedTmp"]

MOST_LOOKED_AT = 5000  # entries of /tmp
Stamp = tuple[int, int, int]


class _Ran(NamedTuple):
    began: float
    ended: float
    written: frozenset[str]


class SharedTmp:
    """Runs cases side by side until two of them have written the same name; `say` gets a sentence about that."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._say = say
        self._ran: list[_Ran] = []
        self._fixed: set[str] = set()  # names that more than one case has written
        self._running = 0
        self._changed = asyncio.Condition()

    async def run(self, case: Callable[[], Awaitable[Judgement]]) -> Judgement:
        """Run a case beside others, or alone."""
        if not self._fixed:
            async with self._beside_others():
                judgement = await self._watched(case)
            if not self._fixed or judgement.verdict is Verdict.OK:
                return judgement
        async with self._alone():
            return await case()

    async def _watched(self, case: Callable[[], Awaitable[Judgement]]) -> Judgement:
        began, before = time.monotonic(), dict(self._stamps())
        judgement = await case()
        written = frozenset(name for name, stamp in self._stamps() if before.get(name) != stamp)
        fixed = {name for ran in self._ran if ran.ended <= began for name in ran.written & written}
        self._ran.append(_Ran(began, time.monotonic(), written))
        if fixed and not self._fixed:
            self._say(
                f"{self._folder / min(fixed)}: more than one case writes this file. Without bubblewrap they share "
                f"{self._folder}, so they run one after another."
            )
        self._fixed |= fixed
        return judgement

    def _stamps(self) -> Iterator[tuple[str, Stamp]]:
        """The files of this user in the folder and in its folders, each with what changes when it is written."""
        left = MOST_LOOKED_AT
        folders = [self._folder]
        while folders and left > 0:
            with suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    left -= 1
                    with suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        if status.st_uid == os.geteuid():
                            name = str(Path(entry.path).relative_to(self._folder))
                            yield name, (status.st_mtime_ns, status.st_ino, status.st_size)
                            if entry.is_dir(follow_symlinks=False) and os.sep not in name:
                                folders.append(Path(entry.path))

    async def _end(self) -> None:
        async with self._changed:
            self._running -= 1
            self._changed.notify_all()

    @asynccontextmanager
    async def _beside_others(self) -> AsyncIterator[None]:
        self._running += 1
        try:
            yield
        finally:
            await self._end()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: self._running == 0)
            self._running += 1
        try:
            yield
        finally:
            await self._end()
