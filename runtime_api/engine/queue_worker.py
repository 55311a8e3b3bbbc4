"""Runs the events of a queue when they are due, each in a task of its own.

Of each version no more events are leased than its execution environments can run at once. The others stay in the
queue, where they are safe and where other servers can lease them.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runtime_api.service.retries import next_attempt_ms
from runtime_api.service.seams.dispatch import InvokeResult, Throttled
from runtime_api.service.seams.event_queue import LeasedEvent

from .ids import invocation_id
from .tracebacks import traceback_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.service.seams.dispatch import Dispatch
    from runtime_api.service.seams.event_queue import EventQueue

__all__ = ["QueueWorker"]

RETRY_BASE_S = 60.0  # Lambda's
SOON_MS = 5000.0  # longer than a throttled event waits
RETRY_MS = 1000.0  # after a throttle: the environments are all busy with other callers' invocations


class QueueWorker:
    """Leases events and runs them; `write` takes log lines about events that cannot be run."""

    def __init__(
        self,
        queue: EventQueue,
        dispatch: Dispatch,
        write: Callable[[bytes], None],
        retry_base_s: float = RETRY_BASE_S,
    ) -> None:
        """`retry_base_s`: how long a failed event waits for its first retry; the second one waits twice as long."""
        self._retry_base_s = retry_base_s
        self._queue = queue
        self._dispatch = dispatch
        self._write = write
        self._running: Counter[str] = Counter()  # events by the ARN of their version
        self._busy: set[str] = set()  # ARNs of versions that are not to be leased now
        self._news = asyncio.Event()
        self._empty = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        queue.watch(self._wake)

    def start(self) -> None:
        """Begin to lease events."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def finished(self) -> None:
        """Wait until no event is running or due soon; those that wait for a retry do not hold anybody up."""
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
                found = await self._queue.lease(_now_ms(), self._busy)
                if isinstance(found, LeasedEvent):
                    self._begin(found)
                    group.create_task(self._run(found))
                else:
                    await self._rest(found.next_due_ms)

    async def _rest(self, until_ms: float | None) -> None:
        """Wait for news, or for the next event to become due."""
        if not self._running and (until_ms is None or until_ms > _now_ms() + SOON_MS):
            self._empty.set()
        try:
            async with asyncio.timeout(None if until_ms is None else max(until_ms - _now_ms(), 0) / 1000):
                await self._news.wait()
        except TimeoutError:
            pass

    def _begin(self, leased: LeasedEvent) -> None:
        version = leased.event.version
        self._running[version.arn] += 1
        if self._running[version.arn] >= version.concurrency * version.settings.slots:
            self._busy.add(version.arn)

    async def _run(self, leased: LeasedEvent) -> None:
        event, queue = leased.event, self._queue
        try:
            invocation = event.invocation
            if event.failures:  # a delivery of its own: a late answer of the one before must not count for it
                invocation = replace(invocation, invocation_id=invocation_id())
            result = await self._dispatch.run(event.version, invocation)
            if isinstance(result, InvokeResult):
                await self._finish(leased, result)
            elif isinstance(result, Throttled):
                await queue.retry(leased, _now_ms() + RETRY_MS)
            else:
                await self._bury(leased, result.message)
        except Exception as error:
            self._write(traceback_lines(f"event {event.invocation.request_id} could not be run", error))
            await self._bury(leased, repr(error))
        finally:
            self._end(event.version.arn)

    async def _finish(self, leased: LeasedEvent, result: InvokeResult) -> None:
        """Forget an event that has been run; if its function has failed, try it again as long as Lambda does."""
        event, failures = leased.event, leased.event.failures + 1
        if result.function_error is None:
            await self._queue.done(leased)
            return
        due_ms = next_attempt_ms(event.version.patience, failures, event.accepted_ms, _now_ms(), self._retry_base_s)
        if due_ms is None:
            await self._bury(leased, f"it has failed {failures} times" if failures > 1 else "it has failed")
        else:
            await self._queue.retry(leased, due_ms, failed=True)

    async def _bury(self, leased: LeasedEvent, reason: str) -> None:
        event = leased.event
        name, request_id = event.version.spec.name, event.invocation.request_id
        self._write(f"bootjack: event {request_id} of {name} is given up: {reason}\n".encode(errors="replace"))
        await self._queue.bury(leased, reason)

    def _end(self, arn: str) -> None:
        self._running[arn] -= 1
        if not self._running[arn]:
            del self._running[arn]
        self._busy.discard(arn)
        self._wake()


def _now_ms() -> float:
    return time.time() * 1000
