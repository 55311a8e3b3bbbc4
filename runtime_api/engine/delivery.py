"""Delivers the telemetry of one subscriber: a consumer of the journal, and a task that sends batch after batch.

A batch that does not arrive is tried again, with growing pauses, while the subscriber lives; what comes meanwhile
waits, up to a bound (`protocol/telemetry.py`). Nothing that produces telemetry waits for it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from runtime_api.protocol.telemetry import Feed

from .alarms import now_ms, wall_offset_ms
from .consumers import NotDeliveredError, consumer_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.journal import Entry
    from runtime_api.protocol.subscriptions import Subscription
    from runtime_api.protocol.telemetry import Batch
    from runtime_api.protocol.telemetry_events import EventWriter

    from .consumers import Connect, Consumer

__all__ = ["Delivery"]

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
SEND_S = 30.0  # to take and to answer one batch
HURRY_MS = 25.0  # what is left when processes are ending goes this soon


class Delivery:
    """Sends what `consume` takes, until it is closed; `note` gets lines for the log of the server."""

    def __init__(
        self,
        name: str,
        subscription: Subscription,
        writer: EventWriter,
        connect: Connect,
        note: Callable[[str], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._name = name
        self._connect = connect
        self._note = note
        self._feed = Feed(writer, subscription.buffering)
        self._consumer: Consumer = consumer_at(subscription.destination, connect)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._hurries = False
        self._paused = False
        self._news = asyncio.Event()  # a batch may be there
        self._again = asyncio.Event()  # the pause between two attempts is over
        self.is_sending = False
        self._is_idle = True  # no batch is in hand, nor one to try again
        self._task = self._loop.create_task(self._run())

    @property
    def is_done(self) -> bool:
        """Whether everything that was consumed has arrived, or is lost."""
        return self._is_idle and not self._feed.is_ready and self._feed.due_at is None

    def consume(self, entry: Entry) -> None:
        """Take an entry of the journal."""
        feed = self._feed
        if not feed.hold(entry, now_ms()):
            return
        wake_at = feed.wake_at
        if self._timer is None or (wake_at is not None and wake_at < self._timer_at):
            self._arm()

    def bound(self, held_bytes: int) -> None:
        """Let no more than this wait for the subscriber."""
        self._feed.bound(held_bytes)

    def miss(self, records: int, size: int) -> None:
        """Count lines that are lost already."""
        self._feed.miss(records, size)

    def flush(self) -> None:
        """Send what is held at once, and what comes from now on soon: the processes are ending."""
        self._hurries = True
        self._stop_timer()
        self._collect(flush=True)
        self._again.set()

    def pause(self) -> None:
        """Begin no further attempt."""
        self._paused = True

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        self._news.set()
        self._again.set()

    def stop(self, ended: Callable[[Delivery], None]) -> None:
        """Send nothing more; `ended` is called when nothing of it is left."""
        self._stop_timer()
        self._task.cancel()
        self._consumer.close()
        self._task.add_done_callback(lambda _task: ended(self))

    async def close(self) -> None:
        """Wait for its end, once it is stopped."""
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    # -- from entries to batches

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        wake_at = self._feed.wake_at
        if wake_at is not None:
            self._stop_timer()
            self._timer_at = min(wake_at, now_ms() + HURRY_MS) if self._hurries else wake_at
            self._timer = self._loop.call_later(max(self._timer_at - now_ms(), 0) / 1000, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._collect(flush=self._hurries)

    def _collect(self, *, flush: bool = False) -> None:
        # The loop's clock may ring half a millisecond before the time by ours.
        self._feed.collect(now_ms() + 1, wall_offset_ms(), flush=flush)
        if self._timer is None:
            self._arm()
        if self._feed.is_ready:
            self._news.set()

    # -- from batches to the subscriber

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._feed.is_ready and not self._paused:
                self._is_idle = False
                batch = self._feed.take(now_ms(), wall_offset_ms())
                self._tell_of_loss(batch)
                if batch.events:
                    await self._deliver(batch)
                self._is_idle = True

    async def _deliver(self, batch: Batch) -> None:
        pause_s = FIRST_PAUSE_S
        while not await self._arrives(batch):
            self._again.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._again.wait()
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            while self._paused:
                self._again.clear()
                await self._again.wait()

    async def _arrives(self, batch: Batch) -> bool:
        self.is_sending = True
        try:
            async with asyncio.timeout(SEND_S):
                await self._consumer.send(batch.events)
        except (NotDeliveredError, TimeoutError):
            self._consumer.close()
            return False
        finally:
            self.is_sending = False
        return True

    def _tell_of_loss(self, batch: Batch) -> None:
        if batch.lost_records:
            self._note(f"{batch.lost_records} records of telemetry were lost, since {self._name} did not take them")
