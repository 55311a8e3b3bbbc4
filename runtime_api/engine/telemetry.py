"""The telemetry of one execution environment: what is kept of an init for subscribers to come, and their deliveries.

An environment without subscribers pays for the records of its init only. They are let go when the init has ended:
nobody can subscribe after that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runtime_api.protocol.platform_events import InitReport, InitStart, Lines, Start
from runtime_api.protocol.telemetry import HELD_BYTES
from runtime_api.protocol.telemetry_events import EventWriter

from .closing import close_together
from .delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.effects import Subscribe
    from runtime_api.protocol.journal import Entry, Journal
    from runtime_api.protocol.subscriptions import Subscription

    from .consumers import Connect

__all__ = ["InitRecords", "Telemetry"]


class Telemetry:
    """Delivers what a journal records to those who have subscribed; `note` gets lines for the log of the server.

    `runtime` is the name of the runtime's process; `json_lines`: the function's log format is JSON.
    """

    def __init__(
        self, journal: Journal, connect: Connect, note: Callable[[str], None], runtime: str, *, json_lines: bool
    ) -> None:
        self._journal = journal
        self._connect = connect
        self._note = note
        self._runtime = runtime
        self._json_lines = json_lines
        self._init = InitRecords(journal)
        self._subscribed: dict[str, _Subscribed] = {}  # by the name of the extension
        self._ending: set[Delivery] = set()
        self._init.expect()

    @property
    def is_quiet(self) -> bool:
        """Whether no subscriber owes the answer to a delivery."""
        return not any(each.delivery.is_sending for each in self._subscribed.values())

    @property
    def is_done(self) -> bool:
        """Whether every subscriber has received everything."""
        return all(each.delivery.is_done for each in self._subscribed.values())

    def subscribe(self, effect: Subscribe) -> None:
        """Deliver to this extension from now on, and what its init has brought before.

        The same subscription again changes nothing. Another one takes the place of the first, and begins anew.
        """
        known = self._subscribed.get(effect.extension)
        if known is not None:
            if known.subscription == effect.subscription:
                return
            self._end(known)
        writer = EventWriter(effect.subscription, self._runtime, json_lines=self._json_lines)
        delivery = Delivery(effect.extension, effect.subscription, writer, self._connect, self._note)
        self._init.replay(delivery)
        self._journal.subscribe(delivery.consume)
        self._subscribed[effect.extension] = _Subscribed(effect.subscription, effect.process, delivery)
        for each in self._subscribed.values():  # however many there are, an environment takes so much memory
            each.delivery.bound(HELD_BYTES // len(self._subscribed))

    def flush(self) -> None:
        """Send everything at once: processes are ending."""
        for each in self._subscribed.values():
            each.delivery.flush()

    def pause(self) -> None:
        """Send nothing: the processes are about to be frozen."""
        for each in self._subscribed.values():
            each.delivery.pause()

    def resume(self) -> None:
        """Go on: the processes are thawed."""
        for each in self._subscribed.values():
            each.delivery.resume()

    def process_ended(self, process: str) -> None:
        """End the deliveries to this process; the others hear of its end soon. Another init may follow."""
        for name, each in tuple(self._subscribed.items()):
            if each.process == process:
                del self._subscribed[name]
                self._end(each)
        self.flush()
        self._init.expect()

    async def close(self) -> None:
        """End all deliveries."""
        self._init.forget()
        for each in self._subscribed.values():
            self._end(each)
        self._subscribed.clear()
        await close_together([delivery.close() for delivery in self._ending])

    def _end(self, each: _Subscribed) -> None:
        self._journal.unsubscribe(each.delivery.consume)
        self._ending.add(each.delivery)
        each.delivery.stop(self._ending.discard)


class _Subscribed(NamedTuple):
    """One subscription, and what serves it."""

    subscription: Subscription
    process: str  # that receives the deliveries
    delivery: Delivery


class InitRecords:
    """A consumer of the journal that keeps what it says of an init, from its start to its report.

    Where the init is part of an invocation, that has started before it.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._expecting = False
        self._began = False
        self._entries: list[Entry] = []
        self._size = 0
        self._lost_lines = self._lost_bytes = 0

    def expect(self) -> None:
        """Keep the records of the next init, or go on with those of the present one."""
        if not self._expecting:
            self._expecting = True
            self._journal.subscribe(self._keep)

    def forget(self) -> None:
        """Keep nothing."""
        if self._expecting:
            self._journal.unsubscribe(self._keep)
        self._expecting = self._began = False
        self._entries.clear()
        self._size = self._lost_lines = self._lost_bytes = 0

    def replay(self, delivery: Delivery) -> None:
        """Give a new subscriber everything that is kept."""
        for entry in self._entries:
            delivery.consume(entry)
        if self._lost_lines:
            delivery.miss(self._lost_lines, self._lost_bytes)

    def _keep(self, entry: Entry) -> None:
        if not self._began:
            if not any(isinstance(record, InitStart | Start) for record in entry.records):
                return
            self._began = True
        lines = [record.data for record in entry.records if isinstance(record, Lines)]
        if lines and self._size > HELD_BYTES:
            self._lost_lines += sum(data.count(b"\n") for data in lines)
            self._lost_bytes += sum(map(len, lines))
            return
        self._entries.append(entry)
        self._size += sum(map(len, lines))
        if any(isinstance(record, InitReport) for record in entry.records):
            self.forget()
