"""Everything that runs functions without a caller who waits: the queue with its worker, deliveries, and schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .closing import close_in_turn

if TYPE_CHECKING:
    from .aws_clients import AwsClients
    from .event_service import EventService
    from .queue_worker import QueueWorker
    from .scheduler import Scheduler

__all__ = ["Events"]


class Events(NamedTuple):
    """The parts, which start and end together."""

    worker: QueueWorker
    scheduler: Scheduler
    clients: AwsClients
    service: EventService

    def start(self) -> None:
        """Begin to run events."""
        self.worker.start()
        self.scheduler.start()

    async def finished(self) -> None:
        """Wait until no event is running, or due soon in a queue that ends with this server."""
        await self.scheduler.close()
        await self.worker.finished()

    async def close(self) -> None:
        """Run no more events, and abandon those that are running."""
        await close_in_turn(self.scheduler.close, self.worker.close, self.clients.close)
