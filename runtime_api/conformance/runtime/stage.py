"""The stage of one case: a door, a process behind it, and one queue of what happens."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from runtime_api.conformance.verdicts import CannotRun
from runtime_api.sandbox import Exited, Output, StartRefused
from runtime_api.sandbox.process import PlainSandbox

from .calls import Call, Ended
from .door import Door

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from runtime_api.conformance.exchange import Recorder
    from runtime_api.sandbox import Launch, SandboxEvent

__all__ = ["RUNTIME", "Happening", "Stage"]

RUNTIME = "runtime"
Happening = Call | Ended


class Stage:
    """Opened for one case; leaving it ends the process and every connection."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.door = Door(recorder, self._happened)
        self.output = b""
        self.sandbox = PlainSandbox()
        self._happenings: deque[Happening] = deque()
        self._changed = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._refusal: str | None = None

    async def __aenter__(self) -> Self:
        await self.door.open()
        await self.sandbox.open(self._notify)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.sandbox.close()
        if self._ending is not None:
            self._ending.cancel()
            await asyncio.gather(self._ending, return_exceptions=True)
        await self.door.close()

    def start(self, launch: Launch) -> None:
        """Start the bootstrap; CannotRun when there is nothing that can be started."""
        self.recorder.note("kit", "kit", f"start {' '.join(launch.argv)}")
        self.sandbox.start(launch)
        if self._refusal is not None:
            raise CannotRun(f"the bootstrap cannot be started: {self._refusal}")

    async def next_happening(self, patience: float) -> Happening | None:
        """The next thing that happened, in order; None when nothing does."""
        if await self._wait(lambda: bool(self._happenings), patience):
            return self._happenings.popleft()
        return None

    async def wait_output(self, wanted: bytes, patience: float) -> bool:
        """Whether the process has written this, sooner or later."""
        return await self._wait(lambda: wanted in self.output, patience)

    async def _wait(self, condition: object, patience: float) -> bool:
        assert callable(condition)
        try:
            async with asyncio.timeout(patience):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _happened(self, happening: Happening) -> None:
        self._happenings.append(happening)
        self._changed.set()

    def _notify(self, event: SandboxEvent) -> None:
        if isinstance(event, Output):
            self.output += event.lines
            self.recorder.note("process", "process", f"wrote {event.lines[:300].decode('utf-8', 'replace')!r}")
            self._changed.set()
        elif isinstance(event, StartRefused):
            self._refusal = event.reason
        elif isinstance(event, Exited):
            self._ending = asyncio.ensure_future(self._ended(event))

    async def _ended(self, event: Exited) -> None:
        """What the process sent last is told before its end."""
        await self.door.settle()
        ended = Ended(event.status.code, event.status.signal)
        self.recorder.note("process", "process", str(ended))
        self._happened(ended)
