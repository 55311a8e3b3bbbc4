"""The fast lane of the public port: Lambda's Invoke, as curl, SDKs and the aws CLI call it.

Any other request is passed on, and its connection with it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from msgspec import Struct

from runtime_api.service.errors import ServiceError
from runtime_api.service.signatures import SignedRequest

from . import invoke, replies

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.engine.invoker import Accepted, Invoker, Queued, Verified
    from runtime_api.service.seams.dispatch import Pending, RunResult
    from runtime_api.service.seams.event_queue import Full

    from .callers import Callers
    from .guard import Guard
    from .http1.exchange import Exchange
    from .http1.outbox import Outbox
    from .replies import PlainReply

__all__ = ["Front"]

KNOWN_PATHS = 4096  # whose function name is remembered
URLS, URL_HOSTS = b"/lambda-url/", b".lambda-url."  # function URLs, by path and by host


class _Known(Struct, frozen=True):
    """What the header lines of an Invoke that was let in mean, together with its path."""

    path: bytes
    function: str


class Front:
    """Answers Invoke; `pass_on` takes every other exchange."""

    def __init__(
        self,
        invoker: Invoker,
        guard: Guard,
        callers: Callers,
        outbox: Outbox,
        body_bytes: int,
        pass_on: Callable[[Exchange], None],
    ) -> None:
        self.body_bytes = body_bytes
        self._invoker = invoker
        self._guard = guard
        self._callers = callers
        self._outbox = outbox
        self._pass_on = pass_on
        self._names: dict[bytes, str] = {}
        self._plain_host = (
            b""  # the last Host that is no function URL's: most clients send the same with every request
        )

    # -- http1.Handler

    def started(self, exchange: Exchange) -> None:
        # Another request's body may be larger than Invoke's limit, so pass it on before the body arrives. A chunked
        # body cannot be passed on in the middle: its framing has been parsed away.
        is_invoke = invoke.function_in(exchange.path) is not None
        if not is_invoke and b"transfer-encoding" not in exchange.headers:
            self._pass_on(exchange)

    def received(self, exchange: Exchange, piece: bytes) -> None:
        pass  # bodies are taken whole

    def finished(self, exchange: Exchange) -> None:
        known: _Known | None = exchange.memo.value
        if known is None or known.path != exchange.path:
            function = self._admitted(exchange)
            if function is None:
                return
            known = exchange.memo.value = _Known(exchange.path, function)
        try:
            if self._callers.verifies:
                self._check_signature(exchange)
            accepted, pending = invoke.begin(
                self._invoker, self._callers, known.function, exchange.query, exchange.headers, exchange.body
            )
        except ServiceError as error:
            _send(exchange, invoke.error_reply(error))
            return
        self._outbox.callers += 1
        pending.add_done_callback(partial(self._answer, exchange, accepted))

    def overflowed(self, exchange: Exchange) -> None:
        at_url = exchange.path.startswith(URLS) or self._names_url(exchange)
        refused = None if at_url else self._judge(exchange)
        _send(exchange, refused or invoke.error_reply(self._invoker.too_large()))

    def truncated(self, exchange: Exchange) -> None:
        _send(exchange, exchange.fault or replies.BAD_REQUEST)

    def half_closed(self, exchange: Exchange) -> bool:
        return True  # a caller that has finished sending may still read the answer

    def dropped(self, exchange: Exchange) -> None:
        pass  # as on Lambda, an invocation continues when its caller disconnects

    # -- below the handler

    def _admitted(self, exchange: Exchange) -> str | None:
        """Return the function to invoke; None for a request that was refused, or passed on."""
        function = self._names.get(exchange.path) or self._learn(exchange.path)
        if function is None or self._names_url(exchange):
            self._pass_on(exchange)
            return None
        refused = self._judge(exchange)
        if refused is not None:
            _send(exchange, refused)
            return None
        return function

    def _learn(self, path: bytes) -> str | None:
        """Return the function that a path asks to invoke, and remember it; None for any other path."""
        name = invoke.function_in(path)
        if name is not None:
            if len(self._names) >= KNOWN_PATHS:
                self._names.clear()
            self._names[path] = name
        return name

    def _names_url(self, exchange: Exchange) -> bool:
        """Whether the host is that of a function URL, of which every path is the function's own."""
        host = exchange.headers.get(b"host", b"")
        if host == self._plain_host:
            return False
        if URL_HOSTS in host.lower():
            return True
        self._plain_host = host
        return False

    def _judge(self, exchange: Exchange) -> PlainReply | None:
        """Return the refusal of a request with a wrong method or from a wrong origin; None for a good one."""
        objection = self._guard.objection(exchange.headers)
        if objection is not None:
            return replies.foreign(objection)
        return None if exchange.method == b"POST" else replies.method_not_allowed("POST")

    def _check_signature(self, exchange: Exchange) -> None:
        request = SignedRequest(exchange.method, exchange.path, exchange.query, exchange.headers, exchange.body)
        self._callers.check(request, parse_qs(exchange.query.decode("latin-1"), keep_blank_values=True))

    def _answer(
        self, exchange: Exchange, accepted: Accepted, pending: Pending[RunResult | Queued | Full | Verified]
    ) -> None:
        reply = invoke.result_reply(accepted, pending)
        exchange.reply(reply.status, reply.headers, reply.body)
        self._outbox.callers -= 1


def _send(exchange: Exchange, reply: PlainReply) -> None:
    exchange.reply(reply.status, reply.headers, reply.body)
