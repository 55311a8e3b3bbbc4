"""Execution environments without processes, and a factory whose failures a test decides."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runtime_api.protocol.fleet_actions import Readiness
from runtime_api.service.seams.dispatch import InvokeResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.events import Invocation
    from runtime_api.service.seams.catalog import ResolvedVersion
    from runtime_api.service.seams.dispatch import RunResult

__all__ = ["FakeEnvironment", "FakeFactory"]


class FakeEnvironment:
    """Answers with the name of its code: at once, or after `release` when the payload is b"wait"."""

    def __init__(self, version: ResolvedVersion, available: Callable[[FakeEnvironment], None]) -> None:
        self.code = version.code.id
        self.provisioned = version.settings.provisioned
        self.lost: Callable[[FakeEnvironment], None] | None = None
        self.readiness = Readiness.WARM
        self.closed = False
        self.fails_to_close: Exception | None = None
        self._available = available
        self._held: list[Callable[[], None]] = []

    def open(self) -> None:
        self._available(self)

    def invoke(self, invocation: Invocation, wants_tail: bool, future: asyncio.Future[RunResult]) -> None:
        def answer() -> None:
            if not future.done():
                future.set_result(InvokeResult(invocation.request_id, self.code.encode(), None, b""))
            self._available(self)

        if invocation.payload == b"wait":
            self._held.append(answer)
        else:
            answer()

    @property
    def is_held(self) -> bool:
        """Whether an invocation waits to be released."""
        return bool(self._held)

    def lose_its_runtime(self) -> None:
        """Tell of a runtime that has exited while it was idle."""
        self.readiness = Readiness.COLD
        if self.lost is not None:
            self.lost(self)

    def release(self) -> None:
        """Answer the invocations that wait."""
        held, self._held = self._held, []
        for answer in held:
            answer()

    async def close(self) -> None:
        self.closed = True
        self.release()
        if self.fails_to_close is not None:
            raise self.fails_to_close


class FakeFactory:
    """Makes fake environments; raises the errors in `build_errors` and `open_errors` first, one at a time."""

    def __init__(self) -> None:
        self.made: list[FakeEnvironment] = []
        self.build_errors: list[Exception] = []
        self.open_errors: list[Exception] = []
        self.log = b""

    def build(self, version: ResolvedVersion, available: Callable[[FakeEnvironment], None]) -> FakeEnvironment:
        if self.build_errors:
            raise self.build_errors.pop(0)
        self.made.append(FakeEnvironment(version, available))
        return self.made[-1]

    async def open(self, version: ResolvedVersion, environment: FakeEnvironment) -> None:
        await asyncio.sleep(0)
        if self.open_errors:
            raise self.open_errors.pop(0)
        environment.open()

    def write(self, version: ResolvedVersion, lines: bytes) -> None:
        self.log += lines
