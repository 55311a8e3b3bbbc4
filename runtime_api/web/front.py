"""The fast lane of the public port: Lambda's Invoke, as curl, SDKs and the aws CLI call it.

Whatever else comes on a connection of this port is passed on, and the connection with it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from runtime_api.service.errors import ServiceError

from . import invoke, replies

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.engine.invoker import Accepted, Invoker, Queued, Verified
    from runtime_api.service.seams.dispatch import Pending, RunResult

    from .guard import Guard
    from .http1 import Exchange
    from .outbox import Outbox
    from .replies import PlainReply

__all__ = ["Front"]

KNOWN_PATHS = 4096  # names whose spelling in a path is remembered


class Front:
    """Takes invoke requests; `pass_on` takes the exchanges that are something else."""

    def __init__(
        self,
        invoker: Invoker,
        guard: Guard,
        outbox: Outbox,
        body_bytes: int,
        pass_on: Callable[[Exchange], None],
    ) -> None:
        self.body_bytes = body_bytes
        self._invoker = invoker
        self._guard = guard
        self._outbox = outbox
        self._pass_on = pass_on
        self._names: dict[bytes, str] = {}

    # -- http1.Handler

    def started(self, exchange: Exchange) -> None:
        # Another request's body may be larger than ours may be: it is not waited for if it can be passed on as it
        # comes. The pieces of a chunked one have been taken apart already.
        is_invoke = invoke.function_in(exchange.path) is not None
        if not is_invoke and b"transfer-encoding" not in exchange.headers:
            self._pass_on(exchange)

    def finished(self, exchange: Exchange) -> None:
        function = self._names.get(exchange.path) or self._learn(exchange.path)
        if function is None:
            self._pass_on(exchange)
            return
        refused = self._judge(exchange)
        if refused is not None:
            _send(exchange, refused)
            return
        try:
            accepted, pending = invoke.begin(self._invoker, function, exchange.query, exchange.headers, exchange.body)
        except ServiceError as error:
            _send(exchange, invoke.error_reply(error))
            return
        self._outbox.callers += 1
        pending.add_done_callback(partial(self._answer, exchange, accepted))

    def overflowed(self, exchange: Exchange) -> None:
        _send(exchange, self._judge(exchange) or invoke.error_reply(self._invoker.too_large()))

    def truncated(self, exchange: Exchange) -> None:
        _send(exchange, replies.BAD_REQUEST)

    def half_closed(self, exchange: Exchange) -> bool:
        return True  # a caller that has nothing more to say may still listen

    def dropped(self, exchange: Exchange) -> None:
        pass  # as on Lambda, an invocation goes on when its caller has gone

    # -- judging

    def _learn(self, path: bytes) -> str | None:
        """The function that a path asks to invoke, to be remembered; None when it asks for something else."""
        name = invoke.function_in(path)
        if name is not None:
            if len(self._names) >= KNOWN_PATHS:
                self._names.clear()
            self._names[path] = name
        return name

    def _judge(self, exchange: Exchange) -> PlainReply | None:
        """What to answer when this request may not be made, or not from where it comes."""
        objection = self._guard.objection(exchange.headers)
        if objection is not None:
            return replies.foreign(objection)
        return None if exchange.method == b"POST" else replies.method_not_allowed("POST")

    def _answer(
        self, exchange: Exchange, accepted: Accepted, pending: Pending[RunResult | Queued | Verified]
    ) -> None:
        try:
            _send(exchange, invoke.result_reply(accepted, pending.result()))
        except Exception:
            _send(exchange, invoke.DEFECT)
            raise
        finally:
            self._outbox.callers -= 1


def _send(exchange: Exchange, reply: PlainReply) -> None:
    exchange.reply(reply.status, reply.headers, reply.body)
