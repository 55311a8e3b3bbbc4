"""Events are run when they are due, a few of each version at a time, and none is forgotten."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from runtime_api.engine.clock import Clock
from runtime_api.engine.event_delivery import Undelivered
from runtime_api.engine.queue_worker import QueueWorker
from runtime_api.service.function_record import EventInvoke
from runtime_api.service.queued_event import QueuedEvent
from runtime_api.service.refusals import SHUT_DOWN
from runtime_api.service.seams.dispatch import InvokeResult, RunResult, Throttled, Unavailable
from runtime_api.service.seams.event_queue import Queued
from runtime_api.store.memory_catalog import MemoryCatalog
from runtime_api.store.memory_queue import MemoryQueue
from runtime_api.web.http1.outbox import Outbox
from tests.loops import run
from tests.service.versions import a_function, a_record, an_invocation

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.events import Invocation
    from runtime_api.service.queued_event import Delivery
    from runtime_api.service.seams.catalog import ResolvedVersion

TIMEOUT_S = 20.0
DONE = InvokeResult("r", b"{}", None, b"")
FAILED = InvokeResult("r", b'{"errorMessage":"boom"}', "Unhandled", b"")


class FakeDispatch:
    """Keeps invocations running until the test gives their results."""

    def __init__(self) -> None:
        self.running: dict[str, asyncio.Future[RunResult]] = {}
        self.invocations: dict[str, Invocation] = {}
        self.revisions: dict[str, int] = {}

    def run(
        self, version: ResolvedVersion, invocation: Invocation, wants_tail: bool = False
    ) -> asyncio.Future[RunResult]:
        future: asyncio.Future[RunResult] = asyncio.get_running_loop().create_future()
        self.running[invocation.request_id] = future
        self.invocations[invocation.request_id] = invocation
        self.revisions[invocation.request_id] = version.revision
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
        self.catalog = MemoryCatalog()
        self.clock = Clock()
        self.crowd = Outbox()
        self.log = b""
        self.delivered: list[tuple[str, str]] = []
        self.failures: list[Undelivered] = []  # of the next deliveries
        self.worker = QueueWorker(
            self.queue,
            self.catalog,
            self.dispatch,
            self._deliver,
            self._write,
            self.clock,
            crowd=self.crowd,
            max_queued=10,
        )
        self.worker.start()

    def _write(self, lines: bytes) -> None:
        self.log += lines

    async def _deliver(self, event: QueuedEvent, delivery: Delivery) -> Undelivered | None:
        if self.failures:
            return self.failures.pop(0)
        self.delivered.append((event.invocation.request_id, delivery.target))
        return None

    def add(self, name: str = "f", concurrency: int = 1, **fields: Any) -> None:
        """Add a function, or replace it."""
        record = a_record(name, concurrency=concurrency)
        self.catalog.set(replace(record, function=a_function(name, **fields)))

    async def put(self, request_id: str, name: str = "f", due_ms: float = 0, concurrency: int = 1) -> None:
        if self.catalog.get(name) is None:
            self.add(name, concurrency)
        await self.put_unknown(request_id, name, due_ms)

    async def put_unknown(self, request_id: str, name: str, due_ms: float = 0) -> None:
        """Put in an event, whether there is a function for it or not."""
        invocation = replace(an_invocation(request_id), function_arn=a_function(name).arn())
        assert await self.queue.put(QueuedEvent(invocation, self.clock.now_ms()), due_ms) == Queued()

    async def buried(self) -> list[tuple[str, str]]:
        """The request ids of events that were given up, and why."""
        found = await self.queue.buried(100)
        return [(each.event.invocation.request_id, each.reason) for each in found if each.event is not None]

    def settle(self, request_id: str, result: RunResult = DONE) -> None:
        self.dispatch.running[request_id].set_result(result)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until this holds."""
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():  # noqa: ASYNC110 - nothing here could set an event
                await asyncio.sleep(0)

    async def rests(self) -> None:
        """Wait until no event is leased."""
        async with asyncio.timeout(TIMEOUT_S):
            while any(each.is_leased for each in await self.queue.waiting(100)):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)

    async def finish(self) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await self.worker.finished()
            await self.worker.close()
        assert self.crowd.callers == 0


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


def test_a_throttled_event_is_tried_again_and_the_attempt_does_not_count() -> None:
    async def main() -> None:
        setting = Setting()
        await setting.put("a")
        for refused in (Throttled(1, 1, 0), Unavailable("no descriptors left")):
            await setting.dispatch.runs("a")
            setting.settle("a", refused)
            await setting.rests()
            setting.clock.advance(3)
        await setting.dispatch.runs("a")
        setting.settle("a")
        await setting.finish()
        assert await setting.buried() == []

    run(main())


def test_an_event_that_fails_three_times_is_given_up_and_the_log_says_so() -> None:
    async def main() -> None:
        setting = Setting()
        await setting.put("a")
        for wait_s in (60, 120, 0):
            await setting.dispatch.runs("a")
            setting.settle("a", FAILED)
            await setting.rests()
            setting.clock.advance(wait_s)
        await setting.finish()
        assert await setting.buried() == [("a", "it has failed 3 times")]
        assert setting.log == b"bootjack: event a of f is given up: it has failed 3 times\n"

    run(main())


def test_each_retry_is_a_delivery_of_its_own() -> None:
    async def main() -> None:
        setting = Setting()
        await setting.put("a")
        await setting.dispatch.runs("a")
        first = setting.dispatch.invocations["a"]
        setting.settle("a", FAILED)
        await setting.rests()
        setting.clock.advance(60)
        await setting.dispatch.runs("a")
        second = setting.dispatch.invocations["a"]
        assert (second.request_id, second.invocation_id == first.invocation_id) == (first.request_id, False)
        await setting.worker.close()

    run(main())


def test_an_event_waits_for_its_function_to_come_back() -> None:
    async def main() -> None:
        setting = Setting()
        await setting.put_unknown("a", "later")
        await setting.put("b")
        await setting.dispatch.runs("b")
        setting.add("later")
        setting.clock.advance(1)
        await setting.dispatch.runs("b", "a")
        await setting.worker.close()

    run(main())


def test_a_retry_runs_on_the_function_as_it_is_then() -> None:
    async def main() -> None:
        setting = Setting()
        await setting.put("a")
        await setting.dispatch.runs("a")
        setting.settle("a", FAILED)
        await setting.rests()
        before = setting.dispatch.revisions["a"]
        setting.add()
        setting.clock.advance(60)
        await setting.dispatch.runs("a")
        assert setting.dispatch.revisions["a"] > before
        await setting.worker.close()

    run(main())


def test_a_failed_delivery_is_repeated_without_running_the_event_again() -> None:
    async def main() -> None:
        setting = Setting()
        destinations = {"OnSuccess": {"Destination": "arn:good"}}
        setting.add(event_invoke={"$LATEST": EventInvoke({"DestinationConfig": destinations}, 0)})
        setting.failures = [Undelivered("no route", False)]
        await setting.put("a")
        await setting.dispatch.runs("a")
        setting.settle("a")
        await setting.until(lambda: not setting.failures)
        await setting.rests()
        assert setting.delivered == []
        setting.clock.advance(1)
        await setting.until(lambda: setting.delivered == [("a", "arn:good")])
        await setting.finish()
        assert await setting.buried() == []

    run(main())


def test_a_delivery_that_is_refused_for_good_is_given_up_with_its_reason() -> None:
    async def main() -> None:
        setting = Setting()
        destinations = {"OnFailure": {"Destination": "arn:bad"}}
        settings = {"DestinationConfig": destinations, "MaximumRetryAttempts": 0}
        setting.add(event_invoke={"$LATEST": EventInvoke(settings, 0)})
        setting.failures = [Undelivered("no such queue", True)]
        await setting.put("a")
        await setting.dispatch.runs("a")
        setting.settle("a", FAILED)
        await setting.finish()
        assert await setting.buried() == [("a", "it has failed; not sent to arn:bad: no such queue")]

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
        assert [name for name, _ in await setting.buried()] == ["a"]
        assert b"Traceback" in setting.log
        assert b"LookupError: a defect" in setting.log

    run(main())


def test_an_event_that_the_end_of_the_server_keeps_from_running_stays_in_the_queue() -> None:
    async def main() -> None:
        setting = Setting()
        await setting.put("a")
        await setting.dispatch.runs("a")
        setting.settle("a", Unavailable(SHUT_DOWN))
        await setting.put("b", name="g")
        await setting.dispatch.runs("b")
        assert await setting.buried() == []
        assert "a" in [each.event.invocation.request_id for each in await setting.queue.waiting(9)]
        await setting.worker.close()

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
