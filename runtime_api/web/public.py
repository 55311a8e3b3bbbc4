"""The public port: one listener, and what answers there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.engine.closing import close_in_turn
from runtime_api.engine.tasks import Tasks

from .api import Api
from .front import Front
from .http1.server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.engine.event_service import EventService
    from runtime_api.engine.invoker import Invoker
    from runtime_api.engine.log_service import LogService
    from runtime_api.engine.management import Management
    from runtime_api.protocol.limits import Limits

    from .callers import Callers
    from .guard import Guard
    from .http1.outbox import Outbox
    from .http1.roster import Bounds

__all__ = ["PublicPort"]


class PublicPort:
    """The listener for callers."""

    def __init__(
        self,
        invoker: Invoker,
        management: Management,
        limits: Limits,
        outbox: Outbox,
        host: str,
        guard: Guard,
        callers: Callers,
        bounds: Bounds,
        note: Callable[[str], None],
        log_service: LogService | None = None,
        event_service: EventService | None = None,
    ) -> None:
        api = Api(invoker, management, guard, callers, limits.request_bytes, log_service, event_service)
        self._host = host
        self._tasks = Tasks()
        front = Front(invoker, guard, callers, outbox, limits.request_bytes, api, self._tasks)
        self._server = HttpServer(front, outbox, bounds, note)

    async def listen(self, port: int) -> tuple[str, int]:
        """Open the listener; returns its address. OSError when the address is not available."""
        return await self._server.listen(self._host, port)

    def stop_listening(self) -> None:
        """Accept no new connections."""
        self._server.stop_listening()

    async def close(self, timeout_s: float) -> None:
        """Close every connection; peers get `timeout_s` to read what is written."""
        await close_in_turn(lambda: self._tasks.close(timeout_s), lambda: self._server.close(timeout_s))
