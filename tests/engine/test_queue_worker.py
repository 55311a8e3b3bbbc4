"""Events are run when they are due, a few of each version at a time, and none is forgotten."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from runtime_api.engine import queue_worker
from runtime_api.engine.queue_worker import QueueWorker
from runtime_api.service.seams.dispatch import InvokeResult, RunResult, Throttled, Unavailable
from runtime_api.service.seams.event_queue import QueuedEvent
from runtime_api.store.memory_queue import MemoryQueue
from tests.loops import run
from tests.service.versions import a_version, an_invocation

if TYPE_CHECKING:
    import pytest

    from runtime_api.protocol.events import Invocation
    from runtime_api.service.seams.catalog import ResolvedVersion

TIMEOUT_S = 20.0
DONE = InvokeResult("r", b"{}", None, b"")


class FakeDispatch:
    """Keeps invocations running until the test gives their results."""

    def __init__(self) -> None:
        self.running: dict[str, asyncio.Future[RunResult]] = {}

    def run(
        self, version: ResolvedVersion, invocation: Invocation, wants_tail: bool = False
    ) -> asyncio.Future[RunResult]:
        future: asyncio.Future[RunResult] = asyncio.get_running_loop().create_future()
        self.running[invocation.request_id] = future
        return future

    async def runs(self, *request_ids: str) -> None:
        """Wait until exactly these are running."""
        async with asyncio.timeout(TIMEOUT_S):
            while self._running() != list(request_ids):  # noqa: ASYNC110 - nothing here could set an event
                await asyncio.sleep(0)

    def _running(self) -> list[str]:
        return [name for name, future in self.running.items() if not future.done()]


class Setting:
    """A worker with its queue. Made inside the loop."""

    def __init__(self) -> None:
        self.queue = MemoryQueue(100)
        self.dispatch = FakeDispatch()
        self.log = b""
        self.worker = QueueWorker(self.queue, self.dispatch, self._write)
        self.worker.start()

    def _write(self, lines: bytes) -> None:
        self.log += lines

    async def put(self, request_id: str, name: str = "f", due_ms: float = 0, concurrency: int = 1) -> None:
        event = QueuedEvent(a_version(name, concurrency=concurrency), an_invocation(request_id))
        assert await self.queue.put(event, due_ms)

    def settle(self, request_id: str, result: RunResult = DONE) -> None:
        self.dispatch.running[request_id].set_result(result)

    async def finish(self) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await self.worker.finished()
            await self.worker.close()


def test_events_of_one_version_run_in_order_as_many_at_once_as_it_has_environments() -> None:
    async def main() -> None:
        setting = Setting()
        for name in ("a", "b", "c"):
            await setting.put(name, concurrency=2)
        await setting.put("other", "g")
        await setting.dispatch.runs("a", "b", "other")
        setting.settle("b")
        await setting.dispatch.runs("a", "other", "c")
        for name in ("a", "other", "c"):
            setting.settle(name)
        await setting.finish()

    run(main())


def test_an_event_runs_when_it_is_due() -> None:
    async def main() -> None:
        setting = Setting()
        due_ms = time.time() * 1000 + 30
        await setting.put("later", due_ms=due_ms)
        await setting.dispatch.runs("later")
        assert time.time() * 1000 >= due_ms
        setting.settle("later")
        await setting.finish()

    run(main())


def test_a_throttled_event_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_worker, "RETRY_MS", 1.0)

    async def main() -> None:
        setting = Setting()
        await setting.put("a")
        await setting.dispatch.runs("a")
        setting.settle("a", Throttled(1, 1, 0))
        await setting.dispatch.runs()
        await setting.dispatch.runs("a")
        setting.settle("a")
        await setting.finish()
        assert not setting.queue.buried

    run(main())


def test_an_event_that_cannot_be_run_is_buried_and_the_log_says_so() -> None:
    async def main() -> None:
        setting = Setting()
        await setting.put("a")
        await setting.dispatch.runs("a")
        setting.settle("a", Unavailable("no descriptors left"))
        await setting.finish()
        assert [reason for _, reason in setting.queue.buried] == ["no descriptors left"]
        assert setting.log == b"bootjack: event a of f is given up: no descriptors left\n"

    run(main())


def test_a_defect_buries_its_event_and_the_worker_continues() -> None:
    async def main() -> None:
        setting = Setting()
        await setting.put("a")
        await setting.dispatch.runs("a")
        setting.dispatch.running["a"].set_exception(LookupError("a defect"))
        await setting.put("b")
        await setting.dispatch.runs("b")
        setting.settle("b")
        await setting.finish()
        assert [event.invocation.request_id for event, _ in setting.queue.buried] == ["a"]
        assert b"Traceback" in setting.log
        assert b"LookupError: a defect" in setting.log

    run(main())


def test_finished_waits_for_running_events_and_for_those_not_due_yet() -> None:
    async def main() -> None:
        setting = Setting()
        await setting.put("a")
        finished: Any = asyncio.ensure_future(setting.worker.finished())
        await setting.dispatch.runs("a")
        assert not finished.done()
        await setting.put("b", due_ms=time.time() * 1000 + 20)
        setting.settle("a")
        await setting.dispatch.runs("b")
        assert not finished.done()
        setting.settle("b")
        async with asyncio.timeout(TIMEOUT_S):
            await finished
        await setting.worker.close()

    run(main())


def test_closing_abandons_running_events() -> None:
    async def main() -> None:
        setting = Setting()
        await setting.put("a")
        await setting.dispatch.runs("a")
        async with asyncio.timeout(TIMEOUT_S):
            await setting.worker.close()

    run(main())
