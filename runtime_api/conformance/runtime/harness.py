"""The test harness of one case: a Runtime API, the bootstrap's process, and one queue of what is observed of it."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from typing import TYPE_CHECKING

from runtime_api.conformance.verdicts import CannotRun
from runtime_api.sandbox import Exited, Output, StartRefused
from runtime_api.sandbox.process import PlainSandbox

from .calls import Call, ProcessExit
from .listener import RuntimeApiListener

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from runtime_api.conformance.exchange import Recorder
    from runtime_api.sandbox import Launch, SandboxEvent

__all__ = ["RUNTIME", "Harness", "Observation"]

RUNTIME = "runtime"
Observation = Call | ProcessExit


class Harness:
    """Used as a context: leaving it ends the process and every connection."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.api = RuntimeApiListener(recorder, self._observe)
        self.output = b""
        self.sandbox = PlainSandbox()
        self._observations: deque[Observation] = deque()
        self._changed = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._refusal: str | None = None

    async def __aenter__(self) -> Self:
        await self.api.open()
        await self.sandbox.open(self._notify)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.recorder.stop()
        await self.sandbox.close()
        if self._ending is not None:
            self._ending.cancel()
            await asyncio.gather(self._ending, return_exceptions=True)
        await self.api.close()

    def start(self, launch: Launch) -> None:
        """Start the bootstrap; CannotRun when that is impossible."""
        command = os.fsencode(" ".join(launch.argv)).decode("utf-8", "backslashreplace")
        self.recorder.note("kit", "kit", f"start {command}")
        self.sandbox.start(launch)
        if self._refusal is not None:
            raise CannotRun(f"the bootstrap cannot be started: {self._refusal}")

    async def next_observation(self, timeout_s: float) -> Observation | None:
        """The next observation in order; None when there is none in time."""
        if await self._wait(lambda: bool(self._observations), timeout_s):
            return self._observations.popleft()
        return None

    async def wait_output(self, wanted: bytes, timeout_s: float) -> bool:
        """Whether the process writes these bytes in time, or has written them already."""
        return await self._wait(lambda: wanted in self.output, timeout_s)

    async def _wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _observe(self, observation: Observation) -> None:
        self._observations.append(observation)
        self._changed.set()

    def _notify(self, event: SandboxEvent) -> None:
        if isinstance(event, Output):
            self.output += event.lines
            self.recorder.note("process", "process", "writes", body=event.lines)
            self._changed.set()
        elif isinstance(event, StartRefused):
            self._refusal = event.reason
        elif isinstance(event, Exited):
            self._ending = asyncio.ensure_future(self._exited(event))

    async def _exited(self, event: Exited) -> None:
        """Observe the last calls of the process before its end."""
        await self.api.settle()
        exited = ProcessExit(event.status.code, event.status.signal)
        self.recorder.note("process", "process", str(exited))
        self._observe(exited)
