"""Runs the events of a queue when they are due.

Of each group no more events are leased than its function's execution environments can run at once. The others stay in
the queue, where they are safe and where other servers can lease them. An event that is run has no task of its own:
what an event costs on top of a synchronous invocation is mostly such machinery.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol

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
    from runtime_api.service.seams.catalog import Catalog, ResolvedVersion
    from runtime_api.service.seams.dispatch import Dispatch, Pending, RunResult
    from runtime_api.service.seams.event_queue import EventQueue

    from .clock import Clock
    from .event_delivery import Deliver

__all__ = ["Crowd", "QueueWorker"]

RETRY_BASE_S = 60.0  # Lambda's
SOON_MS = 5000.0  # longer than an event waits that was throttled for the first or second time
DELIVERIES = 10  # at once, of one function
STORE_RETRY_S = 1.0  # after the queue itself could not be read
LONGEST_REST_S = 3600.0  # the wall clock may be set meanwhile
KNOWN = 1000  # functions whose names are remembered


class Crowd(Protocol):
    """Counts the invocations that run at once: answers to many are written together."""

    callers: int


class _Known(NamedTuple):
    """A function that events ask for, and the last version of it that they ran on."""

    name: str
    qualifier: str | None
    owner: Owner
    found: ResolvedVersion | None = None
    version: ResolvedVersion | None = None  # the same, with invocations that may wait


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
        crowd: Crowd,
        max_queued: int,
        retry_base_s: float = RETRY_BASE_S,
    ) -> None:
        """`retry_base_s`: how long a failed event waits for its first retry; the second one waits twice as long.

        `max_queued`: events of one version that wait for an environment after they have left the queue; where other
        invocations are throttled they may wait (spec-service CO-06).
        """
        self._retry_base_s = retry_base_s
        self._max_queued = max_queued
        self._crowd = crowd
        self._queue = queue
        self._catalog = catalog
        self._dispatch = dispatch
        self._deliver = deliver
        self._write = write
        self._clock = clock
        self._known: dict[str, _Known] = {}  # by ARN
        self._running: Counter[str] = Counter()  # events by their group
        self._busy: set[str] = set()  # groups that are not to be leased now
        self._deliveries: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._empty = asyncio.Event()
        self._draining = False
        self._closed = False
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
        self._closed = True
        tasks = [*self._deliveries, *([] if self._task is None else [self._task])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _wake(self) -> None:
        self._empty.clear()
        self._news.set()

    async def _work(self) -> None:
        alarm: asyncio.TimerHandle | None = None
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            try:
                until_ms = None if self._draining else await self._lease_all()
            except Exception as error:  # the disk fails: events wait until it works again
                self._write(traceback_lines("no event can be leased", error))
                await asyncio.sleep(STORE_RETRY_S)
                continue
            if alarm is not None:
                alarm.cancel()
                alarm = None
            wait_ms = inf if until_ms is None else max(until_ms - self._clock.now_ms(), 0)
            if wait_ms > SOON_MS and not self._running:
                self._empty.set()
            if until_ms is not None:
                alarm = loop.call_later(min(wait_ms / 1000, LONGEST_REST_S), self._news.set)
            await self._news.wait()

    async def _lease_all(self) -> float | None:
        """Begin every event that is due; returns when the next one is."""
        while True:
            now_ms = self._clock.now_ms()
            found = await self._queue.lease(now_ms, self._busy)
            if not isinstance(found, LeasedEvent):
                return found.next_due_ms
            self._begin(found, now_ms)

    def _begin(self, leased: LeasedEvent, now_ms: float) -> None:
        """Take an event's turn, and run it."""
        event, most = leased.event, DELIVERIES
        version: ResolvedVersion | ServiceError
        try:
            version = found = self._resolve(event.invocation.function_arn)
            if event.verdict is None:
                most = found.concurrency * found.settings.slots
        except ServiceError as error:
            version = error
        group = leased.group
        self._running[group] += 1
        self._crowd.callers += 1
        if self._running[group] >= most:
            self._busy.add(group)
        try:
            self._run(leased, version, now_ms)
        except Exception as error:
            self._defect(leased, error)

    def _resolve(self, arn: str) -> ResolvedVersion:
        known = self._known.get(arn)
        if known is None:
            region, account, _, name, *qualifier = arn.split(":")[3:]
            known = _Known(name, qualifier[0] if qualifier else None, Owner(account, region))
        found = self._catalog.resolve(known.name, known.qualifier, known.owner)
        if known.found is not found or known.version is None:
            version = replace(found, max_queued=self._max_queued)
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[arn] = known._replace(found=found, version=version)
            return version
        return known.version

    def _run(self, leased: LeasedEvent, version: ResolvedVersion | ServiceError, now_ms: float) -> None:
        event = leased.event
        if event.verdict is not None:
            task = asyncio.get_running_loop().create_task(self._make_delivery(leased))
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)
            return
        if isinstance(version, ServiceError):
            self._conclude(leased, unresolved(event, version.message, now_ms))
            return
        verdict = before_attempt(event, version, now_ms)
        if verdict is not None:
            self._conclude(leased, verdict)
            return
        invocation = event.invocation
        if event.failures:  # a delivery of its own: a late answer of the one before must not count for it
            invocation = replace(invocation, invocation_id=invocation_id())
        pending = self._dispatch.run(version, invocation)
        pending.add_done_callback(partial(self._ran, leased, version))

    def _ran(self, leased: LeasedEvent, version: ResolvedVersion, pending: Pending[RunResult]) -> None:
        if self._closed:
            return
        try:
            result = pending.result()
            if isinstance(result, Unavailable) and result.message == SHUT_DOWN:
                self._end(leased)  # it stays in the queue, for the next server
                return
            now_ms = self._clock.now_ms()
            self._conclude(leased, after_attempt(leased.event, version, result, now_ms, self._retry_base_s))
        except Exception as error:
            self._defect(leased, error)

    async def _make_delivery(self, leased: LeasedEvent) -> None:
        event = leased.event
        try:
            failure = await self._deliver(event, event.deliveries[0])
            reason, is_lasting = (None, False) if failure is None else failure
            self._conclude(leased, after_delivery(event, reason, is_lasting, self._clock.now_ms()))
        except Exception as error:
            self._defect(leased, error)

    def _conclude(self, leased: LeasedEvent, following: Next) -> None:
        """End an event's turn, and let it go on as was decided."""
        self._end(leased)
        try:
            self._settle(leased, following)
        except Exception as error:  # the store is closed, for example: it runs once more
            request_id = leased.event.invocation.request_id
            self._write(traceback_lines(f"what has become of event {request_id} could not be written", error))

    def _settle(self, leased: LeasedEvent, following: Next) -> None:
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

    def _defect(self, leased: LeasedEvent, error: Exception) -> None:
        """Bury an event that could not be run because of a defect of this program."""
        self._write(traceback_lines(f"event {leased.event.invocation.request_id} could not be run", error))
        self._conclude(leased, Buried(leased.event, repr(error)))

    def _end(self, leased: LeasedEvent) -> None:
        self._crowd.callers -= 1
        group = leased.group
        left = self._running[group] - 1
        if left > 0:
            self._running[group] = left
        else:
            del self._running[group]
        self._busy.discard(group)
        self._wake()
