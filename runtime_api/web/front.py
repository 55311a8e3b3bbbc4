"""The public port's requests: Lambda's Invoke, which is answered without a task, and every other one, by `Api`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from msgspec import Struct

from runtime_api.service.errors import ServiceError
from runtime_api.service.signatures import SignedRequest

from . import invoke, replies, streams
from .arriving import Arriving
from .replies import PlainReply

if TYPE_CHECKING:
    from runtime_api.engine.invoker import Accepted, Invoker, Queued, Verified
    from runtime_api.engine.tasks import Tasks
    from runtime_api.service.seams.dispatch import Pending, RunResult
    from runtime_api.service.seams.event_queue import Full

    from .api import Api
    from .callers import Callers
    from .guard import Guard
    from .http1.exchange import Exchange
    from .http1.outbox import Outbox

__all__ = ["Front"]

KNOWN_PATHS = 4096  # whose function name is remembered
URL_HOSTS = b".lambda-url."  # function URLs


class _Known(Struct, frozen=True):
    """What the header lines of an Invoke that was let in mean, together with its path."""

    path: bytes
    function: str


class Front:
    """Answers Invoke, and has `api` answer everything else in tasks of `tasks`."""

    def __init__(
        self,
        invoker: Invoker,
        guard: Guard,
        callers: Callers,
        outbox: Outbox,
        body_bytes: int,
        api: Api,
        tasks: Tasks,
    ) -> None:
        self.body_bytes = body_bytes
        self._invoker = invoker
        self._guard = guard
        self._callers = callers
        self._outbox = outbox
        self._api = api
        self._tasks = tasks
        self._names: dict[bytes, str] = {}
        self._plain_host = (
            b""  # the last Host that is no function URL's: most clients send the same with every request
        )

    # -- http1.Handler

    def started(self, exchange: Exchange) -> None:
        if self._is_invoke(exchange):
            return
        refused = self._api.objection(exchange)
        if refused is not None:
            _send(exchange, refused)
            return
        exchange.in_pieces = exchange.outlasts_faults = True  # its body may be larger than Invoke's limit
        exchange.context = Arriving(self._api.most_bytes(exchange))

    def received(self, exchange: Exchange, piece: bytes) -> None:
        arriving: Arriving | None = exchange.context
        if arriving is not None and not arriving.add(piece):
            exchange.context = None
            self._answer_other(exchange, None)

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
        exchange.outlasts_faults = True
        self._outbox.callers += 1
        pending.add_done_callback(partial(self._answer, exchange, accepted))

    def overflowed(self, exchange: Exchange) -> None:
        if self._is_invoke(exchange):
            _send(exchange, self._judge(exchange) or invoke.error_reply(self._invoker.too_large()))
        else:
            self._answer_whole(exchange)

    def truncated(self, exchange: Exchange) -> None:
        _send(exchange, exchange.fault or replies.BAD_REQUEST)

    def half_closed(self, exchange: Exchange) -> bool:
        return True  # a caller that has finished sending may still read the answer

    def dropped(self, exchange: Exchange) -> None:
        pass  # as on Lambda, an invocation continues when its caller disconnects

    # -- below the handler

    def _admitted(self, exchange: Exchange) -> str | None:
        """Return the function to invoke; None for a request that was refused, or is another one."""
        function = self._names.get(exchange.path) or self._learn(exchange.path)
        if function is None or self._names_url(exchange):
            self._answer_whole(exchange)
            return None
        refused = self._judge(exchange)
        if refused is not None:
            _send(exchange, refused)
            return None
        return function

    def _is_invoke(self, exchange: Exchange) -> bool:
        return invoke.function_in(exchange.path) is not None and not self._names_url(exchange)

    def _answer_whole(self, exchange: Exchange) -> None:
        """Answer a request other than Invoke, which is complete."""
        arriving: Arriving | None = exchange.context
        if not exchange.in_pieces:
            arriving = Arriving(self._api.most_bytes(exchange))
        if arriving is not None:
            exchange.context = None
            self._answer_other(exchange, arriving.whole() if arriving.add(exchange.body) else None)

    def _answer_other(self, exchange: Exchange, body: bytes | None) -> None:
        exchange.outlasts_faults = True
        self._tasks.start(self._answered(exchange, body))

    async def _answered(self, exchange: Exchange, body: bytes | None) -> None:
        reply = await self._api.reply(exchange, body)
        if isinstance(reply, PlainReply):
            _send(exchange, reply)
        else:
            await streams.send(exchange, reply)

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
