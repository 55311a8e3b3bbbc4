"""The Runtime API of one execution environment: HTTP in, events to the environment, effects out as HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import wire
from runtime_api.protocol.errors import payload_too_large
from runtime_api.protocol.limits import CURRENT, Limits
from runtime_api.protocol.streaming import trailer_document

from . import replies
from .extensions import ExtensionsApi
from .guard import RuntimeApiGuard
from .routes import Route
from .telemetry import SubscriptionApi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from runtime_api.engine.streams import Flow
    from runtime_api.protocol.errors import Refusal
    from runtime_api.service.records import FunctionSpec

    from .http1.exchange import Exchange
    from .replies import PlainReply

__all__ = ["RuntimeApi"]

NO_ROUTES: Mapping[bytes, Route] = {}


class RuntimeApi:
    """Posts what the runtime does to one environment; answers the runtime when the environment says so.

    `others` are routes that the environment itself has nothing to do with. With `snap_start` the runtime may wait for
    a restore; in `concurrent` mode there is no Logs API.
    """

    def __init__(
        self,
        post: Callable[..., None],
        spec: FunctionSpec,
        limits: Limits = CURRENT,
        allowed_hosts: Iterable[str] = (),
        others: Mapping[bytes, Route] = NO_ROUTES,
        *,
        snap_start: bool = False,
        concurrent: bool = False,
    ) -> None:
        self._post = post
        self.extensions = ExtensionsApi(post, spec)
        self.subscriptions = SubscriptionApi(post, with_logs=not concurrent)
        self._guard = RuntimeApiGuard(allowed_hosts)
        self.body_bytes = limits.response_bytes
        self._too_large = payload_too_large(limits.response_bytes)
        # Every route except POST /invocation/{id}/response and /error, which `_head` reads.
        self._routes: dict[bytes, Route] = {
            _NEXT: Route(b"GET", self._next),
            wire.INIT_ERROR.encode(): Route(b"POST", self._init_error),
            wire.PING.encode(): Route(b"GET", self._ping),
            **self.extensions.routes,
            **self.subscriptions.routes,
            **others,
        }
        if snap_start:  # AWS answers 404 for any other function (spec 2)
            self._routes[_RESTORE_NEXT] = Route(b"GET", self._restore_next)
            self._routes[wire.RESTORE_ERROR.encode()] = Route(b"POST", self._restore_error)

    # -- http1.Handler

    def started(self, exchange: Exchange) -> None:
        event = self._head(exchange)
        if event is not None:
            exchange.context = True  # not the event: as a cycle, they would keep the body until they are collected
            self._post(event)
            if not exchange.answered:
                exchange.connection.kept = True  # a streamed response takes the time that its handler takes

    def received(self, exchange: Exchange, piece: bytes) -> None:
        self._post(ev.BodyPiece(exchange, piece))

    def finished(self, exchange: Exchange) -> None:
        route = self._routes.get(exchange.path)
        if route is not None and exchange.method == route[0]:
            if exchange.memo.value is not None or not self._is_foreign(exchange):
                route[1](exchange)
        elif exchange.context is not None:
            self._post(_body(exchange))
        else:
            event = self._head(exchange)
            if event is not None:
                self._post(event, _body(exchange))
            elif not exchange.answered:
                _send(exchange, self._miss(exchange))

    def overflowed(self, exchange: Exchange) -> None:
        event = exchange.context or self._head(exchange)
        if event is not None:
            self._post(*(() if exchange.context else (event,)), ev.BodyTooLarge(exchange))
        elif exchange.path in self._routes:
            _refuse(exchange, self._too_large)
        elif not exchange.answered:
            _send(exchange, self._miss(exchange))

    def truncated(self, exchange: Exchange) -> None:
        if exchange.context is not None:
            self._post(ev.BodyTruncated(exchange))

    def half_closed(self, exchange: Exchange) -> bool:
        # A poller that has closed its side counts as gone: an event must not be sent to nobody.
        return exchange.path not in _POLLS

    def dropped(self, exchange: Exchange) -> None:
        self._post(ev.CallDropped(exchange))

    # -- requests, one method for each

    def _next(self, exchange: Exchange) -> None:
        self._post(ev.NextCalled(exchange))

    def _init_error(self, exchange: Exchange) -> None:
        said: _Said = exchange.memo.value
        self._post(ev.InitErrorPosted(exchange, said.error_type, exchange.body, said.content_type))

    def _restore_next(self, exchange: Exchange) -> None:
        self._post(ev.RestoreNextCalled(exchange))

    def _restore_error(self, exchange: Exchange) -> None:
        self._post(ev.RestoreErrorPosted(exchange, exchange.memo.value.error_type))

    def _ping(self, exchange: Exchange) -> None:
        exchange.reply(replies.OK, replies.PLAIN, wire.PONG)

    def _head(self, exchange: Exchange) -> ev.ResponseStarted | ev.ErrorStarted | None:
        """The event of a /response or /error head; None when it is neither, or was refused."""
        path = exchange.path
        if exchange.method != b"POST" or not path.startswith(_INVOCATION_PREFIX):
            return None
        request_id, _, word = path[len(_INVOCATION_PREFIX) :].partition(b"/")
        if word not in _ANSWERS or (exchange.memo.value is None and self._is_foreign(exchange)):
            return None
        said: _Said = exchange.memo.value
        if word == _RESPONSE:
            content_type = None if said.mode is None else said.content_type
            return ev.ResponseStarted(
                exchange, request_id.decode("latin-1"), said.invocation_id, said.mode, content_type
            )
        return ev.ErrorStarted(exchange, request_id.decode("latin-1"), said.invocation_id, said.error_type)

    def _is_foreign(self, exchange: Exchange) -> bool:
        """Refuse what comes from where it may not; the headers of anything else are read into its memo."""
        refusal = self._guard.refusal(exchange.headers)
        if refusal is None:
            exchange.memo.value = _read(exchange.headers)
            return False
        _refuse(exchange, refusal)
        return True

    def _miss(self, exchange: Exchange) -> PlainReply:
        path = exchange.path
        route = self._routes.get(path)
        if route is not None:
            return route.otherwise or replies.method_not_allowed(route.method.decode())
        if path.startswith(_INVOCATION_PREFIX) and path[len(_INVOCATION_PREFIX) :].partition(b"/")[2] in _ANSWERS:
            return replies.method_not_allowed("POST")
        return replies.NOT_FOUND

    def _switched_off(self, exchange: Exchange) -> None:
        _send(exchange, replies.SWITCHED_OFF)

    # -- answers, as the environment asks for them

    def switch_off_extensions(self) -> None:
        """Answer what extensions call as if there were no such paths (spec 6.1)."""
        for path, route in {**self.extensions.routes, **self.subscriptions.routes}.items():
            self._routes[path] = Route(route.method, self._switched_off, replies.SWITCHED_OFF)

    def accept(self, effect: fx.Accept) -> None:
        """Answer 202, with AWS's one body."""
        call: Any = effect.call  # the call token that this class passes is always the exchange
        call.connection.kept = True
        call.reply(replies.ACCEPTED, replies.JSON, wire.ACCEPTED)

    def refuse(self, effect: fx.Refuse) -> None:
        """Answer with the refusal's status and JSON."""
        call: Any = effect.call
        _refuse(call, effect.refusal)

    def deliver(self, effect: fx.Deliver) -> None:
        """Answer 200 with the event, bytes untouched."""
        call: Any = effect.call
        call.connection.kept = True
        call.reply(replies.OK, wire.event_headers(effect.invocation, effect.deadline_ms), effect.invocation.payload)

    def restore(self, effect: fx.Restore) -> None:
        """Answer 200 without a body."""
        call: Any = effect.call
        call.connection.kept = True
        call.reply(replies.OK, "", b"")

    def open_stream(self, effect: fx.OpenStream) -> Flow:
        """Take the body of this call in pieces from now on."""
        call: Any = effect.call
        call.in_pieces = True
        flow: Flow = call
        return flow


_NEXT = wire.NEXT.encode()
_RESTORE_NEXT = wire.RESTORE_NEXT.encode()
_POLLS = frozenset({_NEXT, _RESTORE_NEXT, wire.EVENT_NEXT.encode()})
_INVOCATION_PREFIX = wire.INVOCATION_PREFIX.encode()
_RESPONSE = wire.RESPONSE.encode()
_ANSWERS = frozenset({_RESPONSE, wire.ERROR.encode()})


class _Said(Struct, frozen=True):
    """What the headers of a call say, as text; None where there is no such header."""

    content_type: str | None
    error_type: str | None
    invocation_id: str | None
    mode: str | None  # of a response


def _read(headers: Mapping[bytes, bytes]) -> _Said:
    names = (b"content-type", wire.ERROR_TYPE_HEADER, wire.INVOCATION_ID_HEADER, wire.RESPONSE_MODE_HEADER)
    return _Said(*(_text(headers.get(name)) for name in names))


def _body(exchange: Exchange) -> ev.BodyFinished:
    """The body of an answer, and its error trailers when it failed midway."""
    content_type = exchange.memo.value.content_type
    trailers = exchange.trailers
    if not trailers:
        return ev.BodyFinished(exchange, exchange.body, content_type)
    error_type = _text(trailers.get(wire.ERROR_TYPE_HEADER))
    error_body = trailer_document(trailers.get(wire.ERROR_BODY_TRAILER))
    return ev.BodyFinished(exchange, exchange.body, content_type, error_type, error_body)


def _refuse(exchange: Exchange, refusal: Refusal) -> None:
    exchange.reply(refusal.status, replies.JSON, wire.refusal_body(refusal))


def _send(exchange: Exchange, reply: PlainReply) -> None:
    exchange.reply(reply.status, reply.headers, reply.body)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
