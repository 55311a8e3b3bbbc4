"""The Telemetry API and the Logs API of an execution environment (spec 8): subscriptions, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime_api.protocol import events as ev
from runtime_api.protocol import wire
from runtime_api.protocol.errors import Refusal
from runtime_api.protocol.subscriptions import TelemetryApi

from . import replies
from .extensions import identifier_of
from .routes import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runtime_api.protocol import effects as fx

    from .http1.exchange import Exchange

__all__ = ["SubscriptionApi"]


class SubscriptionApi:
    """Posts subscriptions to one environment, and answers them; deliveries are the environment's.

    `with_logs`: there is a Logs API, too, which concurrent mode does not have (spec 5).
    """

    def __init__(self, post: Callable[..., None], *, with_logs: bool) -> None:
        self._post = post
        logs = {wire.LOGS.encode(): Route(b"PUT", self._logs)} if with_logs else {}
        self.routes: Mapping[bytes, Route] = {wire.TELEMETRY.encode(): Route(b"PUT", self._telemetry), **logs}

    def _telemetry(self, exchange: Exchange) -> None:
        self._subscribe(exchange, TelemetryApi.TELEMETRY)

    def _logs(self, exchange: Exchange) -> None:
        self._subscribe(exchange, TelemetryApi.LOGS)

    def _subscribe(self, exchange: Exchange, api: TelemetryApi) -> None:
        identifier = identifier_of(exchange)
        if isinstance(identifier, Refusal):
            exchange.reply(identifier.status, replies.JSON, wire.refusal_body(identifier))
        else:
            self._post(ev.SubscribeCalled(exchange, identifier, api, exchange.body))

    def subscribed(self, effect: fx.Subscribe) -> None:
        """Answer 200, with AWS's one body."""
        call: Any = effect.call
        call.connection.kept = True
        call.reply(replies.OK, replies.JSON, wire.SUBSCRIBED)
