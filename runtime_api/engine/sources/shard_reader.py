"""Reads one shard and hands its batches to the function, as the shard's rules say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runtime_api.engine.ids import uuid4
from runtime_api.engine.pauses import pause
from runtime_api.service.seams.dispatch import InvokeResult, RestoreFailed, Throttled
from runtime_api.service.seams.positions import LEASE_S, Position
from runtime_api.service.streams.attempts import Answer
from runtime_api.service.streams.shard import Attempt, Report, Shard
from runtime_api.store.aws_requests import AwsError

from .back_off import BackOff
from .failure_reports import FailureReports

if TYPE_CHECKING:
    from runtime_api.service.seams.positions import HeldShard
    from runtime_api.service.streams.policy import StreamPolicy

    from . import SourceContext
    from .results import Results
    from .stream_api import Page, StreamApi

__all__ = ["ShardReader"]

EXPIRED = "ExpiredIteratorException"
TRIMMED = "TrimmedDataAccessException"  # of DynamoDB streams: the records behind the position are gone
RENEWAL_S = LEASE_S / 3  # between two renewals of the lease
BEHIND_S = 0.2  # between reads that bring nothing though there is more: five a second are allowed
QUIET_SHARE = 1 / 60  # of the time for which nothing has come: how long to wait for the next read at least
LONGEST_IDLE_S = 10.0  # so that a mapping nobody uses costs next to nothing
UNHANDLED = "Unhandled"


class ShardReader:
    """Owns the tasks of one shard."""

    def __init__(
        self,
        context: SourceContext,
        api: StreamApi,
        held: HeldShard,
        results: Results,
        policy: StreamPolicy,
        *,
        starts_latest: bool,
    ) -> None:
        """`starts_latest`: a shard of which nothing has been read yet is read from its end on."""
        self.held = held
        self.is_closed = False  # nothing is written to the shard any more
        self._context = context
        self._api = api
        self._results = results
        self._part = f"shard {held.shard}"
        self._position = held.position or Position()
        self._reads_at = self._position  # up to which records were read, not handled
        self._is_latest = starts_latest
        self._behind_ms: float | None = None
        arn = context.mapping.settings.event_source_arn or ""
        self._shard = Shard(held.shard, arn, policy, self._position)
        self._back_off = BackOff(context.random)
        self._reports = FailureReports(context, held.shard)
        self._stopped = asyncio.Event()
        self._is_lost = False  # another server has the shard
        self._in_hand = 0
        self._kept_s = 0.0  # when the lease was renewed last
        self._news = asyncio.Event()
        self._nudge = asyncio.Event()  # to read at once
        self._room = asyncio.Event()

    @property
    def is_finished(self) -> bool:
        """Whether the shard was handled to its end."""
        return self._shard.is_finished

    @property
    def lag_ms(self) -> float | None:
        """Return how long the oldest record has waited that is not done, or how far reading is behind."""
        oldest_ms = self._shard.oldest_ms
        return self._behind_ms if oldest_ms is None else max(self._now_ms() - oldest_ms, 0)

    async def run(self) -> None:
        """Read and invoke until the shard is finished or lost, or `stop` was called and nothing is in hand."""
        unwatch = self._context.clock.watch(self._wake)
        try:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read())
                try:
                    await self._handle(group)
                finally:
                    reading.cancel()
        finally:
            unwatch()

    def stop(self) -> None:
        """Take nothing more."""
        self._stopped.set()
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._nudge.set()

    async def _handle(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._news.clear()
            for each in [] if self._stopped.is_set() else self._shard.due(self._now_ms()):
                self._in_hand += 1
                group.create_task(self._attempt(each) if isinstance(each, Attempt) else self._report(each))
            await self._keep()
            if self._is_lost or self._shard.is_finished or (self._stopped.is_set() and not self._in_hand):
                return
            self._room.set()
            wake_ms = None if self._stopped.is_set() else self._shard.wake_ms()
            wait_s = RENEWAL_S if wake_ms is None else max(wake_ms - self._now_ms(), 0) / 1000
            await pause(self._news, min(wait_s, RENEWAL_S))

    async def _keep(self) -> None:
        """Save how far the shard has been handled, or renew the lease when it is time to."""
        position, positions = self._shard.position, self._context.positions
        now_s = asyncio.get_running_loop().time()
        if position != self._position:
            self._is_lost = not await positions.save(self.held, position)
            self._position = position
        elif now_s >= self._kept_s + RENEWAL_S:
            self._is_lost = not await positions.renew(self.held)
        else:
            return
        self._kept_s = now_s

    async def _attempt(self, attempt: Attempt) -> None:
        answer = await self._invoke(attempt)
        if answer is None:
            self._shard.throttled(attempt, self._now_ms())
        else:
            self._results.batch(succeeded=answer.function_error is None)
            self._results.well(f"{self._part}, its function")
            report = self._shard.answered(attempt, answer, self._now_ms())
            if report is not None:
                await self._send(report)
        self._end()

    async def _invoke(self, attempt: Attempt) -> Answer | None:
        """Invoke the function; None when it could not be run."""
        context, arn, event = self._context, self._context.mapping.function_arn, attempt.event
        if len(event) > context.limits.request_bytes:
            self._results.note(f"{self._part}: a record of {len(event)} bytes is too large for an event")
            return Answer(uuid4(), b"", UNHANDLED)
        result = await context.functions.invoke(arn, event)
        facts = context.functions.about(arn)
        version = "$LATEST" if facts is None else facts.version
        match result:
            case InvokeResult():
                return Answer(result.request_id, result.payload, result.function_error, version)
            case RestoreFailed():
                return Answer(uuid4(), b"", UNHANDLED, version)
            case Throttled():
                return None
            case _:
                self._results.problem(f"{self._part}, its function", result.message)
                return None

    async def _report(self, report: Report) -> None:
        await self._send(report)
        self._end()

    async def _send(self, report: Report) -> None:
        """Tell the destination of what was given up; the shard goes on once that is done, or cannot be done."""
        tries = 0
        request_id, now_ms = uuid4(), self._now_ms()
        while not self._stopped.is_set():
            try:
                await self._reports.send(report.given_up, request_id, now_ms)
            except AwsError as error:
                if not error.is_lasting:
                    tries += 1
                    self._results.problem(f"{self._part}, its on-failure destination", str(error))
                    await pause(self._stopped, self._back_off.after(tries))
                    continue
                self._results.note(f"{self._part}: the on-failure destination was not told: {error}")
            self._results.well(f"{self._part}, its on-failure destination")
            self._shard.reported(report, self._now_ms())
            return

    def _end(self) -> None:
        self._in_hand -= 1
        self._news.set()

    async def _read(self) -> None:
        iterator, failures = None, 0
        loop = asyncio.get_running_loop()
        heard_s = loop.time()
        while not self._stopped.is_set():
            self._nudge.clear()
            if not self._shard.wants_records:
                self._room.clear()
                await self._room.wait()
                continue
            asked_ms = self._now_ms()
            try:
                if iterator is None:
                    iterator = await self._iterator()
                page = await self._api.read(self.held.shard, iterator, self._reads_at)
            except AwsError as error:
                iterator = None  # whatever is wrong, it may be that
                failures += 1
                await self._pause_after(error, failures)
                continue
            if failures:
                failures = 0
                self._results.well(self._part)
            if self._take(page, asked_ms):
                return
            iterator = page.following
            if page.records:
                heard_s = loop.time()
            else:
                await pause(self._nudge, self._idle_s(loop.time() - heard_s) if page.is_tip else BEHIND_S)

    def _idle_s(self, quiet_s: float) -> float:
        """How long to wait for the next read of a shard in which nothing has come for so long."""
        return max(self._api.idle_s, min(quiet_s * QUIET_SHARE, LONGEST_IDLE_S))

    async def _iterator(self) -> str:
        is_latest, self._is_latest = self._is_latest, False
        return await self._api.iterator(self.held.shard, self._reads_at, is_latest=is_latest)

    def _take(self, page: Page, asked_ms: float) -> bool:
        """Take what was read; returns whether it was the last of the shard."""
        self._behind_ms = page.behind_ms
        if page.records:
            self._shard.add(page.records, self._now_ms())
            self._reads_at = Position(page.records[-1].sequence_number, self._reads_at.began_ms)
        elif page.is_tip:
            self._shard.saw_tip(asked_ms)
        # Where the service says how far behind it is: DynamoDB has empty pages in front of others.
        is_at_end = self.is_closed and page.behind_ms == 0 and not page.records
        is_last = page.following is None or is_at_end
        if is_last:
            self._shard.end()
        self._news.set()
        return is_last

    async def _pause_after(self, error: AwsError, failures: int) -> None:
        if error.code == EXPIRED and failures == 1:
            return  # it happens; twice in a row it does not
        if error.code == TRIMMED:
            self._reads_at = Position(began_ms=self._reads_at.began_ms)
        self._results.problem(self._part, str(error))
        await pause(self._stopped, self._back_off.after(failures))

    def _now_ms(self) -> float:
        return self._context.clock.now_ms()
