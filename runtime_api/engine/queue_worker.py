"""Runs the events of a queue when they are due, each in a task of its own.

Of each group no more events are leased than its function's execution environments can run at once. The others stay in
the queue, where they are safe and where other servers can lease them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runtime_api.service.errors import ServiceError
from runtime_api.service.event_attempts import (
    Again,
    Buried,
    Done,
    after_attempt,
    after_delivery,
    before_attempt,
    unresolved,
)
from runtime_api.service.owners import Owner
from runtime_api.service.refusals import SHUT_DOWN
from runtime_api.service.seams.dispatch import Unavailable
from runtime_api.service.seams.event_queue import LeasedEvent

from .ids import invocation_id
from .tracebacks import traceback_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.service.event_attempts import Next
    from runtime_api.service.queued_event import QueuedEvent
    from runtime_api.service.seams.catalog import Catalog, ResolvedVersion
    from runtime_api.service.seams.dispatch import Dispatch
    from runtime_api.service.seams.event_queue import EventQueue, NothingDue

    from .clock import Clock
    from .event_delivery import Deliver

__all__ = ["QueueWorker"]

RETRY_BASE_S = 60.0  # Lambda's
SOON_MS = 5000.0  # longer than an event waits that was throttled for the first or second time
DELIVERIES = 10  # at once, of one function
STORE_RETRY_S = 1.0  # after the queue itself could not be read


class QueueWorker:
    """Leases events and runs them; `write` takes log lines about events that are given up."""

    def __init__(
        self,
        queue: EventQueue,
        catalog: Catalog,
        dispatch: Dispatch,
        deliver: Deliver,
        write: Callable[[bytes], None],
        clock: Clock,
        *,
        max_queued: int,
        retry_base_s: float = RETRY_BASE_S,
    ) -> None:
        """`retry_base_s`: how long a failed event waits for its first retry; the second one waits twice as long.

        `max_queued`: events of one version that wait for an environment after they have left the queue; where other
        invocations are throttled they may wait (spec-service CO-06).
        """
        self._retry_base_s = retry_base_s
        self._max_queued = max_queued
        self._queue = queue
        self._catalog = catalog
        self._dispatch = dispatch
        self._deliver = deliver
        self._write = write
        self._clock = clock
        self._running: Counter[str] = Counter()  # events by their group
        self._busy: set[str] = set()  # groups that are not to be leased now
        self._news = asyncio.Event()
        self._empty = asyncio.Event()
        self._draining = False
        self._task: asyncio.Task[None] | None = None
        queue.watch(self._wake)
        clock.watch(self._wake)

    def start(self) -> None:
        """Begin to lease events."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def finished(self) -> None:
        """Wait until no event is running, or due soon in a queue that ends with this server.

        Events that wait for a retry hold nobody up.
        """
        self._draining = self._queue.is_durable
        self._wake()
        await self._empty.wait()

    async def close(self) -> None:
        """Lease no more events, and abandon those that are running."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def _wake(self) -> None:
        self._empty.clear()
        self._news.set()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                try:
                    found = await self._lease()
                except Exception as error:  # the disk fails: events wait until it works again
                    self._write(traceback_lines("no event can be leased", error))
                    await asyncio.sleep(STORE_RETRY_S)
                    continue
                if isinstance(found, LeasedEvent):
                    version = self._begin(found.event)
                    group.create_task(self._run(found, version))
                else:
                    await self._rest(None if found is None else found.next_due_ms)

    async def _lease(self) -> LeasedEvent | NothingDue | None:
        return None if self._draining else await self._queue.lease(self._clock.now_ms(), self._busy)

    async def _rest(self, until_ms: float | None) -> None:
        """Wait for news, or for the next event to become due."""
        now_ms = self._clock.now_ms()
        if not self._running and (until_ms is None or until_ms > now_ms + SOON_MS):
            self._empty.set()
        try:
            async with asyncio.timeout(None if until_ms is None else max(until_ms - now_ms, 0) / 1000):
                await self._news.wait()
        except TimeoutError:
            pass

    def _begin(self, event: QueuedEvent) -> ResolvedVersion | ServiceError:
        """Take an event's turn; returns the version that it is to run on, or why there is none."""
        most, group = DELIVERIES, event.group
        found: ResolvedVersion | ServiceError
        try:
            found = version = self._resolve(event)
            if event.verdict is None:
                most = version.concurrency * version.settings.slots
        except ServiceError as error:
            found = error
        self._running[group] += 1
        if self._running[group] >= most:
            self._busy.add(group)
        return found

    def _resolve(self, event: QueuedEvent) -> ResolvedVersion:
        region, account, _, name, *qualifier = event.invocation.function_arn.split(":")[3:]
        found = self._catalog.resolve(name, qualifier[0] if qualifier else None, Owner(account, region))
        return replace(found, max_queued=self._max_queued)

    async def _run(self, leased: LeasedEvent, version: ResolvedVersion | ServiceError) -> None:
        event = leased.event
        group = event.group
        following: Next | None
        try:
            if event.verdict is not None:
                following = await self._make_delivery(event)
            elif isinstance(version, ServiceError):
                following = unresolved(event, version.message, self._clock.now_ms())
            else:
                following = await self._attempt(event, version)
        except Exception as error:
            self._write(traceback_lines(f"event {event.invocation.request_id} could not be run", error))
            following = Buried(event, repr(error))
        try:
            if following is not None:
                self._conclude(leased, following)
        finally:
            self._end(group)

    async def _attempt(self, event: QueuedEvent, version: ResolvedVersion) -> Next | None:
        """Run an event. None: this server ends before it was run."""
        verdict = before_attempt(event, version, self._clock.now_ms())
        if verdict is not None:
            return verdict
        invocation = event.invocation
        if event.failures:  # a delivery of its own: a late answer of the one before must not count for it
            invocation = replace(invocation, invocation_id=invocation_id())
        result = await self._dispatch.run(version, invocation)
        if isinstance(result, Unavailable) and result.message == SHUT_DOWN:
            return None
        return after_attempt(event, version, result, self._clock.now_ms(), self._retry_base_s)

    async def _make_delivery(self, event: QueuedEvent) -> Next:
        failure = await self._deliver(event, event.deliveries[0])
        if failure is None:
            return after_delivery(event, None, False, self._clock.now_ms())
        return after_delivery(event, failure.reason, failure.is_lasting, self._clock.now_ms())

    def _conclude(self, leased: LeasedEvent, following: Next) -> None:
        match following:
            case Done():
                self._queue.done(leased)
            case Again(event, due_ms):
                self._queue.put_back(leased, event, due_ms)
            case Buried(event, reason):
                name, request_id = event.invocation.function_arn.split(":")[6], event.invocation.request_id
                line = f"bootjack: event {request_id} of {name} is given up: {reason}\n"
                self._write(line.encode(errors="replace"))
                self._queue.bury(leased, event, reason, self._clock.now_ms())

    def _end(self, group: str) -> None:
        self._running[group] -= 1
        if not self._running[group]:
            del self._running[group]
        self._busy.discard(group)
        self._wake()
