"""The public port: one listener, Invoke in the fast lane, everything else on aiohttp.

The first request that needs aiohttp imports it on a thread (0.2 s). Connections that wait for it are not read
meanwhile.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

from runtime_api.engine.closing import close_in_turn

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
    from .http1.exchange import Exchange
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
        self._log_service = log_service
        self._event_service = event_service
        self._invoker = invoker
        self._management = management
        self._limits = limits
        self._guard = guard
        self._callers = callers
        self._host = host
        front = Front(invoker, guard, callers, outbox, limits.request_bytes, self._pass_on)
        self._server = HttpServer(front, outbox, bounds, note)
        self._import: asyncio.Future[Any] | None = None
        self._waiting: list[Exchange] = []
        self._api: Any = None  # aiohttp's server, once it is needed
        self._closed = False

    async def listen(self, port: int) -> tuple[str, int]:
        """Open the listener; returns its address. OSError when the address is not available."""
        return await self._server.listen(self._host, port)

    def stop_listening(self) -> None:
        """Accept no new connections."""
        self._server.stop_listening()

    async def close(self, timeout_s: float) -> None:
        """Close every connection; peers get `timeout_s` to read what is written."""
        self._closed = True
        if self._import is not None:
            await asyncio.wait((self._import,))
        api = self._api
        await close_in_turn(
            lambda: api.shutdown(timeout_s) if api is not None else None,
            lambda: self._server.close(timeout_s),
        )

    def _pass_on(self, exchange: Exchange) -> None:
        """Hand the connection over to aiohttp, starting with this request."""
        if self._api is not None:
            exchange.connection.hand_over(self._api.open_lane(self._server.roster))
            return
        exchange.connection.hold()
        self._waiting.append(exchange)
        if self._import is None:
            self._import = asyncio.get_running_loop().run_in_executor(None, import_module, "runtime_api.web.api")
            self._import.add_done_callback(self._imported)

    def _imported(self, future: asyncio.Future[Any]) -> None:
        if self._closed:
            return  # the server closes the connections
        make_server = future.result().ApiServer
        self._api = make_server(
            self._invoker,
            self._management,
            self._guard,
            self._callers,
            self._limits,
            self._log_service,
            self._event_service,
        )
        waiting, self._waiting = self._waiting, []
        for exchange in waiting:
            exchange.connection.hand_over(self._api.open_lane(self._server.roster))
