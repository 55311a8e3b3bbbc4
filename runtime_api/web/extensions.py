"""The Extensions API of one execution environment (spec 7): its routes, and the answers to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import wire
from runtime_api.protocol.errors import MISSING_ERROR_TYPE, Refusal
from runtime_api.protocol.extension_states import ExtensionMove
from runtime_api.protocol.registration import read_identifier, read_registration

from . import replies
from .routes import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runtime_api.service.records import FunctionSpec

    from .http1.exchange import Exchange

__all__ = ["ExtensionsApi", "identifier_of"]


class ExtensionsApi:
    """Posts what extensions do to one environment, and answers them; `spec` is the function's description."""

    def __init__(self, post: Callable[..., None], spec: FunctionSpec) -> None:
        self._post = post
        self._spec = spec
        self.routes: Mapping[bytes, Route] = {
            wire.REGISTER.encode(): Route(b"POST", self._register),
            wire.EVENT_NEXT.encode(): Route(b"GET", self._event_next),
            wire.EXTENSION_INIT_ERROR.encode(): Route(b"POST", self._init_error),
            wire.EXTENSION_EXIT_ERROR.encode(): Route(b"POST", self._exit_error),
        }

    # -- requests

    def _register(self, exchange: Exchange) -> None:
        get = exchange.headers.get
        name, features = _text(get(wire.EXTENSION_NAME_HEADER)), _text(get(wire.EXTENSION_FEATURE_HEADER))
        registration = read_registration(name, features, exchange.body)
        if isinstance(registration, Refusal):
            _refuse(exchange, registration)
        else:
            self._post(ev.RegisterCalled(exchange, registration, _secret_uuid()))

    def _event_next(self, exchange: Exchange) -> None:
        identifier = identifier_of(exchange)
        if isinstance(identifier, Refusal):
            _refuse(exchange, identifier)
        else:
            self._post(ev.EventNextCalled(exchange, identifier))

    def _init_error(self, exchange: Exchange) -> None:
        self._error(exchange, ExtensionMove.INIT_ERROR)

    def _exit_error(self, exchange: Exchange) -> None:
        self._error(exchange, ExtensionMove.EXIT_ERROR)

    def _error(self, exchange: Exchange, move: ExtensionMove) -> None:
        identifier = identifier_of(exchange)
        if isinstance(identifier, Refusal):
            _refuse(exchange, identifier)
        elif not exchange.headers.get(wire.EXTENSION_ERROR_TYPE_HEADER):
            _refuse(exchange, MISSING_ERROR_TYPE)
        else:
            self._post(ev.ExtensionErrorPosted(exchange, identifier, move))

    # -- answers, as the environment asks for them

    def register(self, effect: fx.Registered) -> None:
        """Answer 200 with the identifier and what the function is."""
        spec, call = self._spec, _kept(effect.call)
        account = spec.account if effect.wants_account else None
        body = wire.registered_body(spec.name, spec.version, spec.handler, account)
        call.reply(replies.OK, wire.registered_headers(effect.identifier) + replies.JSON, body)

    def deliver_invoke(self, effect: fx.DeliverInvoke) -> None:
        """Answer 200 with the INVOKE event."""
        _deliver(effect.call, wire.invoke_event(effect.invocation, effect.deadline_ms))

    def deliver_shutdown(self, effect: fx.DeliverShutdown) -> None:
        """Answer 200 with the SHUTDOWN event."""
        left_ms = effect.at - time.monotonic() * 1000
        _deliver(effect.call, wire.shutdown_event(effect.reason, round(time.time() * 1000 + left_ms)))

    def hang_up(self, effect: fx.HangUp) -> None:
        """Close the connection of a process that has ended."""
        call: Any = effect.call
        call.connection.abort()


def identifier_of(exchange: Exchange) -> str | Refusal:
    """Which extension says it calls."""
    return read_identifier(_text(exchange.headers.get(wire.EXTENSION_IDENTIFIER_HEADER)))


def _deliver(call: ev.Call, body: bytes) -> None:
    headers = wire.extension_event_headers(_secret_uuid()) + replies.JSON
    _kept(call).reply(replies.OK, headers, body)


def _kept(call: Any) -> Exchange:
    """The exchange that a call stands for; its peer may take as long as it likes for the next one."""
    call.connection.kept = True
    exchange: Exchange = call
    return exchange


def _refuse(exchange: Exchange, refusal: Refusal) -> None:
    exchange.reply(refusal.status, replies.JSON, wire.refusal_body(refusal))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def _secret_uuid() -> str:
    """A UUID that nobody can guess: an identifier lets its holder speak as the extension."""
    # A function without extensions starts sooner without these.
    import secrets
    from uuid import UUID

    return str(UUID(bytes=secrets.token_bytes(16), version=4))
