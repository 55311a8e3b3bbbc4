"""Everything that runs functions without a caller who waits: the queue with its worker, schedules, and pollers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runtime_api.store.memory_positions import MemoryPositions
from runtime_api.store.memory_queue import MemoryQueue

from .aws_clients import AwsClients, AwsSettings
from .clock import Clock
from .closing import close_in_turn
from .event_delivery import EventDelivery
from .event_service import EventService
from .invoker import Invoker
from .mapped_functions import MappedFunctions
from .pollers import Pollers
from .queue_worker import RETRY_BASE_S, QueueWorker
from .scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runtime_api.protocol.limits import Limits
    from runtime_api.service.owners import Owner
    from runtime_api.service.schedules import Schedule
    from runtime_api.service.seams.catalog import Catalog
    from runtime_api.service.seams.dispatch import Dispatch
    from runtime_api.service.seams.event_queue import EventQueue
    from runtime_api.service.seams.positions import Positions
    from runtime_api.store.sqlite.database import Database
    from runtime_api.store.sqlite.schedules import StoredSchedules

    from .pollers import Report
    from .queue_worker import Crowd

__all__ = ["EventSettings", "Events"]


class EventSettings(NamedTuple):
    """How events are run: an event that fails is tried again after `retry_base_s`, and once more after twice that.

    `aws` says where the queues, topics and buckets are that events go to in the end.
    """

    retry_base_s: float = RETRY_BASE_S
    aws: AwsSettings = AwsSettings()
    schedules: Sequence[Schedule] = ()


class Events:
    """Puts the parts together, which start and end at once; `invoker` is what fills the queue."""

    def __init__(
        self,
        settings: EventSettings,
        catalog: Catalog,
        dispatch: Dispatch,
        limits: Limits,
        owner: Owner,
        crowd: Crowd,
        write: Callable[[bytes], None],
        database: Database | None = None,
        *,
        enforces_policies: bool = False,
    ) -> None:
        """`owner`: whose functions schedules invoke; `write` takes log lines; without `database` nothing is kept."""
        clock = Clock()
        queue, schedules, positions = _stores(database, limits, write)
        self.invoker = Invoker(catalog, dispatch, queue, limits, enforces_policies=enforces_policies, clock=clock)
        self._clients = AwsClients(settings.aws)
        self._worker = QueueWorker(
            queue,
            catalog,
            dispatch,
            EventDelivery(self._clients, self.invoker).deliver,
            write,
            clock,
            crowd=crowd,
            max_queued=limits.waiting_invocations,
            retry_base_s=settings.retry_base_s,
        )
        self._scheduler = Scheduler(settings.schedules, self.invoker, owner, clock, write, schedules)
        functions = MappedFunctions(catalog, self.invoker)
        self.pollers = Pollers(functions, self._clients, clock, limits, write, positions)
        self.service = EventService(queue, self._scheduler, clock, self.pollers)

    def start(self, report: Report) -> None:
        """Begin to run events; `report` takes what event source mappings come to."""
        self._worker.start()
        self._scheduler.start()
        self.pollers.start(report)

    async def finished(self) -> None:
        """Wait until no event is running, or due soon in a queue that ends with this server."""
        await self._scheduler.close()
        await self.pollers.finished()
        await self._worker.finished()

    async def close(self) -> None:
        """Run no more events, and abandon those that are running."""
        await close_in_turn(self._scheduler.close, self.pollers.close, self._worker.close, self._clients.close)


def _stores(
    database: Database | None, limits: Limits, write: Callable[[bytes], None]
) -> tuple[EventQueue, StoredSchedules | None, Positions]:
    if database is None:
        return MemoryQueue(limits.waiting_events), None, MemoryPositions()
    # An invocation from the command line starts sooner without these.
    from runtime_api.store.sqlite.event_queue import SqliteQueue
    from runtime_api.store.sqlite.positions import SqlitePositions
    from runtime_api.store.sqlite.schedules import StoredSchedules

    def note(line: str) -> None:
        write(f"bootjack: {line}\n".encode())

    queue = SqliteQueue(database, limits.waiting_events, note)
    return queue, StoredSchedules(database, note), SqlitePositions(database, note)
