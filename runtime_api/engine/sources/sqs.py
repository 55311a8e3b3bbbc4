"""Polls a queue of SQS: waits for messages, runs them in batches, and deletes what has been handled.

A message is deleted once the function has handled it, and at no other time: one that fails, or whose batch is lost
with this server, is back in the queue when its visibility timeout is over, and goes to the dead-letter queue of its
queue's redrive policy in the end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from runtime_api.engine.pauses import pause
from runtime_api.service.batch_failures import REPORTS_FAILURES
from runtime_api.service.mapping_filters import patterns_of
from runtime_api.service.processing_results import NOTHING, problem
from runtime_api.service.queues.batches import cut, handled, sort_out, without_groups
from runtime_api.service.queues.messages import MessageError
from runtime_api.service.queues.scaling import MOST, Found, QueueScaling
from runtime_api.service.refusals import SHUT_DOWN
from runtime_api.service.seams.dispatch import Throttled, Unavailable
from runtime_api.store.aws_requests import AwsError

from .back_off import BackOff
from .queue import MOST_AT_ONCE, Queue

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from runtime_api.service.mapping_record import EventSourceMapping
    from runtime_api.service.queues.batches import Batch
    from runtime_api.service.queues.messages import Message
    from runtime_api.service.seams.dispatch import RunResult

    from . import SourceContext

__all__ = ["QueueSource"]

T = TypeVar("T")
EVENT_SPARE = 1000  # bytes by which an event stays below the limit of an invocation
SHORT_S = 0.25  # in which most batches are handled, so that nobody has to know for how long theirs is hidden
LOOK_S = 1.0  # for the function to be able to run again
NO_CAPACITY = "the function cannot be invoked: it is not there, or its reserved concurrency is 0"


class QueueSource:
    """Polls one queue for one mapping."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._mapping = context.mapping
        self._queue = Queue(context.clients, context.mapping.settings.event_source_arn or "", context.note)
        self._back_off = BackOff(context.random)
        self._loop = asyncio.get_running_loop()
        self._scaling = QueueScaling(self._loop.time(), 1 if self._queue.is_fifo else MOST)
        self._news = asyncio.Event()  # something that decides whether a turn begins
        self._stopping = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()  # turns that wait for their first message
        self._failures = 0  # of requests for messages, in a row
        self._shows_problem = bool(context.mapping.last_result)
        self._resume_s = 0.0  # no turn begins before
        self._heard_s = self._loop.time()  # when messages have come last

    async def run(self) -> None:
        """Poll until it is stopped, and every batch in hand has its end."""
        async with asyncio.TaskGroup() as group:
            while not self._stopping.is_set():
                self._news.clear()
                for _ in range(self._turns()):
                    turn = group.create_task(self._turn())
                    self._asking.add(turn)
                    turn.add_done_callback(self._asking.discard)
                await self._wait_for_news()

    def stop(self) -> None:
        """Take nothing more; what a request brings that is still under way is given back."""
        self._stopping.set()
        self._news.set()
        if self._queue.may_be_left_waiting:
            for turn in self._asking:
                turn.cancel()

    def adopt(self, mapping: EventSourceMapping) -> bool:
        """Go on with changed settings from the next batch on."""
        self._mapping = mapping
        self._news.set()
        return True

    async def standing(self) -> Mapping[str, Any]:
        """Return how many messages wait in the queue and how many are in hand, as far as it says."""
        return await self._queue.standing()

    def _turns(self) -> int:
        """How many turns begin now."""
        now_s = self._loop.time()
        if now_s < self._resume_s:
            return 0
        capacity = self._context.functions.capacity(self._mapping.function_arn)
        if capacity == 0:
            self._show(NO_CAPACITY)
            self._resume_s = now_s + LOOK_S
            return 0
        most = (self._mapping.settings.scaling_config or {}).get("MaximumConcurrency", capacity)
        if self._failures:  # one is enough to find out whether it works again
            capacity = self._scaling.busy + 1
        return self._scaling.begin(min(capacity, most), now_s)

    async def _wait_for_news(self) -> None:
        """Wait until a turn may begin: something has happened, a pause is over, or one more is allowed by now."""
        now_s = self._loop.time()
        wait_s = self._resume_s - now_s if self._resume_s > now_s else self._scaling.next_s()
        await pause(self._news, wait_s)

    async def _turn(self) -> None:
        """Take messages, and run them."""
        messages = await self._first()
        turn = asyncio.current_task()
        assert turn is not None
        self._asking.discard(turn)
        settings = self._mapping.settings
        if messages and settings.maximum_batching_window_in_seconds:
            until_s = self._loop.time() + settings.maximum_batching_window_in_seconds
            most, most_bytes = settings.batch_size, self._most_bytes()
            await self._kept(messages, self._queue.fill(messages, most, most_bytes, until_s, self._stopping))
        found = Found.FULL if len(messages) >= settings.batch_size else Found.SOME
        self._scaling.received(found if messages else Found.NOTHING, self._loop.time())
        self._news.set()
        if not messages:
            return
        try:
            await self._handle(messages)
        finally:
            self._scaling.ended()
            self._news.set()

    def _first_request(self) -> int:
        return min(self._mapping.settings.batch_size, MOST_AT_ONCE)

    async def _first(self) -> list[Message]:
        """Wait for the first messages of a turn; none when there are none yet, or that does not work."""
        try:
            messages = await self._queue.receive(self._first_request())
        except (AwsError, MessageError) as error:
            self._failed(str(error))
            return []
        self._works()
        now_s = self._loop.time()
        if messages:
            self._heard_s = now_s
        else:
            self._resume_s = now_s + self._queue.rest_s(now_s - self._heard_s)
        return messages

    def _works(self) -> None:
        if self._failures:
            self._context.note("it can be polled again")
        self._failures = 0
        if self._shows_problem:
            self._shows_problem = False
            self._context.report(NOTHING)

    def _failed(self, reason: str) -> None:
        """Pause after a request for messages that has failed; only the first in a row is logged."""
        self._failures += 1
        self._resume_s = self._loop.time() + self._back_off.after(self._failures)
        if self._failures == 1:
            self._context.note(f"{reason}; it is polled again until that works")
        self._show(reason)

    def _show(self, reason: str) -> None:
        """Show what keeps messages from coming, until some could be asked for."""
        self._shows_problem = True
        self._context.report(problem(reason))

    def _most_bytes(self) -> int:
        return self._context.limits.request_bytes - EVENT_SPARE

    async def _handle(self, messages: list[Message]) -> None:
        """Run messages that were taken, in order."""
        if self._stopping.is_set():
            await self._queue.give_back(messages)
            return
        settings, arn = self._mapping.settings, self._queue.arn
        is_windowed = bool(settings.maximum_batching_window_in_seconds)
        wanted, others = sort_out(messages, patterns_of(settings), arn, is_windowed=is_windowed)
        await self._queue.delete(others)
        failed_groups: frozenset[str | None] = frozenset()
        for batch in cut(wanted, settings.batch_size, self._most_bytes()):
            following = without_groups(batch, failed_groups)
            if following.items:
                failed = await self._run(following)
                failed_groups |= {message.group for message in failed if message.group is not None}

    async def _run(self, batch: Batch) -> list[Message]:
        """Run a batch; returns the messages that have failed."""
        result = await self._invoke(batch)
        if isinstance(result, Throttled) or (isinstance(result, Unavailable) and result.message == SHUT_DOWN):
            await self._queue.give_back(batch.messages)
            return batch.messages
        reports = REPORTS_FAILURES in (self._mapping.settings.function_response_types or ())
        done, failed, text = handled(batch, result, reports_failures=reports)
        self._context.report(text)
        await self._queue.delete(done)
        return failed

    async def _invoke(self, batch: Batch) -> RunResult:
        """Invoke the function with a batch; while it is throttled the batch waits, unless it has to stop."""
        messages = batch.messages
        trace = next((message.trace for message in messages if message.trace), None)
        waits = 0
        while True:
            result = await self._kept(
                messages, self._context.functions.invoke(self._mapping.function_arn, batch.payload, trace)
            )
            if not isinstance(result, Throttled) or self._stopping.is_set():
                return result
            waits += 1
            self._scaling.throttled(self._loop.time())
            pause_s = self._back_off.after(waits)
            await self._queue.keep(messages, pause_s)
            await pause(self._stopping, pause_s)

    async def _kept(self, messages: list[Message], work: Coroutine[Any, Any, T]) -> T:
        """Do something with messages, and keep them hidden where it takes long."""
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self._keep(messages))
            result = await work
            keeping.cancel()
        return result

    async def _keep(self, messages: list[Message]) -> None:
        await asyncio.sleep(SHORT_S)
        while visibility_s := await self._queue.visibility_s():
            await asyncio.sleep(visibility_s / 2)
            await self._queue.keep(messages)
