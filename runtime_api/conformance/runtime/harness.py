"""The test harness of one case: a Runtime API, the bootstrap's process, and one queue of what is observed of it."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import suppress
from math import ceil
from typing import TYPE_CHECKING

from runtime_api.conformance.verdicts import CannotRun
from runtime_api.sandbox import Exited, Output, StartRefused
from runtime_api.sandbox.plain.process import PlainSandbox

from .calls import Call, ProcessExit
from .listener import RuntimeApiListener
from .private_tmp import with_private_tmp
from .processes import are_running, pids_of, processes_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from runtime_api.conformance.exchange import Recorder
    from runtime_api.sandbox import Launch, SandboxEvent

__all__ = ["RUNTIME", "Harness", "Observation"]

RUNTIME = "runtime"
LOOK_S = 0.1  # between two looks at the processes
TIMES_WHEN_WORKING = 4  # how often a bootstrap that works gets the timeout
ASLEEP_LOOKS = 15  # in a row, at which nothing runs: what has not happened by then waits for something else
Observation = Call | ProcessExit


class Harness:
    """Used as a context: leaving it ends the process and every connection."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.api = RuntimeApiListener(recorder, self._observe)
        self.output = b""
        self._sandbox = PlainSandbox()
        self._private_tmp = False
        self._observations: deque[Observation] = deque()
        self._changed = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._refusal: str | None = None

    async def __aenter__(self) -> Self:
        await self.api.open()
        await self._sandbox.open(self._notify)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.recorder.stop()
        await self._sandbox.close()
        if self._ending is not None:
            self._ending.cancel()
            await asyncio.gather(self._ending, return_exceptions=True)
        await self.api.close()

    def start(self, launch: Launch, *, private_tmp: bool = False) -> None:
        """Start the bootstrap, with a /tmp of its own or this machine's; CannotRun when that is impossible."""
        command = os.fsencode(" ".join(launch.argv)).decode("utf-8", "backslashreplace")
        self.recorder.note("kit", "kit", f"start {command}")
        self._private_tmp = private_tmp
        self._sandbox.start(with_private_tmp(launch) if private_tmp else launch)
        if self._refusal is not None:
            raise CannotRun(f"the bootstrap cannot be started: {self._refusal}")

    def signal(self, number: int) -> None:
        """Send a signal to the bootstrap, but not to what gives it a /tmp of its own."""
        if not self._private_tmp:
            self._sandbox.signal(RUNTIME, number)
            return
        for pid in pids_of(self.api.address):
            with suppress(ProcessLookupError):
                if os.getsid(pid) != pid:  # bubblewrap leads the session
                    os.kill(pid, number)

    async def next_observation(self, timeout_s: float) -> Observation | None:
        """The next observation in order; None when there is none in time."""
        if await self._wait(self._is_observed, timeout_s):
            return self._observations.popleft()
        return None

    async def expected_observation(self, timeout_s: float, *, or_sleeps: bool = False) -> Observation | None:
        """The same, with more time while the bootstrap works; `or_sleeps`: None as soon as it sleeps instead."""
        if or_sleeps:
            await self._wait_awake(self._is_observed, timeout_s)
            return await self.next_observation(0)
        for _ in range(TIMES_WHEN_WORKING):
            if await self._wait(self._is_observed, timeout_s) or not await self._works():
                break
        return await self.next_observation(0)

    def _is_observed(self) -> bool:
        return bool(self._observations)

    async def _works(self) -> bool:
        """Whether the processes run most of the time: on a busy machine they may wait long for a processor."""
        running = 0
        for _ in range(ASLEEP_LOOKS):
            if await self._wait(self._is_observed, LOOK_S):
                return True
            running += are_running(processes_of(self.api.address))
        return running > ASLEEP_LOOKS / 2

    async def wait_output(self, wanted: bytes, timeout_s: float) -> bool:
        """Whether the process writes these bytes in time, or has written them already, and does not sleep instead."""
        return await self._wait_awake(lambda: wanted in self.output, timeout_s)

    async def _wait_awake(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for a condition that a bootstrap brings about by itself: not once all its processes sleep."""
        asleep = 0
        for _ in range(ceil(timeout_s / LOOK_S)):
            if await self._wait(condition, LOOK_S):
                return True
            processes = processes_of(self.api.address)
            asleep = asleep + 1 if processes and not are_running(processes) else 0
            if asleep >= ASLEEP_LOOKS:
                return False
        return False

    async def _wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        if condition():
            return True
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
            self.recorder.output(event.lines)
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
