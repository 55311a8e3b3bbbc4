"""The public port: Lambda's Invoke, as curl, SDKs and the aws CLI call it."""

from __future__ import annotations

import base64
import ipaddress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from runtime_api.engine.invoker import DRY_RUN, EVENT, REQUEST_RESPONSE, InvokeRequest
from runtime_api.service.errors import ServiceError

from . import replies

if TYPE_CHECKING:
    import asyncio

    from runtime_api.engine.environment import InvokeResult
    from runtime_api.engine.invoker import Invoker

    from .http1 import Exchange
    from .replies import PlainReply

__all__ = ["Front", "is_loopback"]

PREFIX = b"/2015-03-31/functions/"
SUFFIX = b"/invocations"
_MEANINGFUL = frozenset(
    {
        b"x-amz-invocation-type",
        b"x-amz-log-type",
        b"x-amz-client-context",
        b"x-amzn-trace-id",
        b"x-amz-tenant-id",
    }
)
KNOWN_PATHS = 1024  # names whose spelling in a path is remembered


class Front:
    """Takes invoke requests for one invoker. `guarded`: bound to loopback, so no web page may reach it."""

    def __init__(
        self, invoker: Invoker, body_bytes: int, guarded: bool, allowed_hosts: frozenset[str] = frozenset()
    ) -> None:
        self.body_bytes = body_bytes
        self._invoker = invoker
        self._guarded = guarded
        self._allowed_hosts = allowed_hosts
        self._host = b""  # the last one that was found good
        self._names: dict[bytes, str] = {}
        self._version_header = f"{replies.JSON}X-Amz-Executed-Version: {invoker.version}\r\nx-amzn-RequestId: "

    # -- http1.Handler

    def started(self, exchange: Exchange) -> None:
        pass

    def finished(self, exchange: Exchange) -> None:
        refused = self._judge(exchange)
        if refused is not None:
            _send(exchange, refused)
            return
        try:
            self._invoke(exchange)
        except ServiceError as error:
            _send(exchange, _error_reply(error))

    def overflowed(self, exchange: Exchange) -> None:
        _send(exchange, self._judge(exchange) or _error_reply(self._invoker.too_large()))

    def truncated(self, exchange: Exchange) -> None:
        _send(exchange, replies.BAD_REQUEST)

    def half_closed(self, exchange: Exchange) -> bool:
        return True  # a caller that has nothing more to say may still listen

    def dropped(self, exchange: Exchange) -> None:
        pass  # as on Lambda, an invocation goes on when its caller has gone

    # -- judging

    def _judge(self, exchange: Exchange) -> PlainReply | None:
        """What to answer when this is no invoke request, or none that may be made from where it comes."""
        headers = exchange.headers
        if self._guarded:
            host = headers.get(b"host", b"")
            if host and host != self._host and not self._remember(host):
                return _foreign(f"Host {host.decode('latin-1')!r} is not this machine (--allow-host lets it in)")
            origin = headers.get(b"origin")
            if origin is not None and not self._is_local(origin.partition(b"://")[2] or origin):  # `null` has no host
                return _foreign(f"Origin {origin.decode('latin-1')!r} is foreign to this port")
        if exchange.path not in self._names and not self._learn(exchange.path):
            return replies.service_reply(
                "UnknownOperationException",
                f"{exchange.path.decode('latin-1')} is not served here; Invoke is, by "
                "POST /2015-03-31/functions/{FunctionName}/invocations",
            )
        if exchange.method != b"POST":
            return replies.method_not_allowed("POST")
        return None

    def _remember(self, host: bytes) -> bool:
        if self._is_local(host):
            self._host = host
            return True
        return False

    def _is_local(self, host: bytes) -> bool:
        """Whether a Host names this machine in a way that no DNS answer can forge."""
        name = host.decode("latin-1").lower()
        name = name.partition("]")[0].removeprefix("[") if name.startswith("[") else name.partition(":")[0]
        if name == "localhost" or name.endswith(".localhost") or name in self._allowed_hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _learn(self, path: bytes) -> bool:
        if not (path.startswith(PREFIX) and path.endswith(SUFFIX) and len(path) > len(PREFIX) + len(SUFFIX)):
            return False
        name = path[len(PREFIX) : -len(SUFFIX)]
        if b"/" in name:
            return False
        if len(self._names) >= KNOWN_PATHS:
            self._names.clear()
        self._names[path] = unquote(name.decode("latin-1"))
        return True

    # -- invoking

    def _invoke(self, exchange: Exchange) -> None:
        request = self._request(exchange)
        invocation = self._invoker.check(request)
        if request.type == DRY_RUN:
            exchange.reply(replies.NO_CONTENT, f"x-amzn-RequestId: {invocation.request_id}\r\n")
            return
        future = self._invoker.submit(request, invocation)
        if request.type == EVENT:
            exchange.reply(replies.ACCEPTED, f"x-amzn-RequestId: {invocation.request_id}\r\n")
        else:
            future.add_done_callback(partial(self._answer, exchange))

    def _request(self, exchange: Exchange) -> InvokeRequest:
        headers = exchange.headers
        qualifier = None
        if exchange.query:
            values = parse_qs(exchange.query.decode("latin-1")).get("Qualifier")
            qualifier = values[-1] if values else None
        function = self._names[exchange.path]
        if _MEANINGFUL.isdisjoint(headers):
            return InvokeRequest(function, exchange.body, qualifier)
        get = headers.get
        return InvokeRequest(
            function,
            exchange.body,
            qualifier,
            _text(get(b"x-amz-invocation-type")) or REQUEST_RESPONSE,
            _text(get(b"x-amz-log-type")) or "None",
            _text(get(b"x-amz-client-context")),
            _text(get(b"x-amzn-trace-id")),
            _text(get(b"x-amz-tenant-id")),
        )

    def _answer(self, exchange: Exchange, future: asyncio.Future[InvokeResult]) -> None:
        if future.cancelled():
            _send(exchange, replies.service_reply("ServiceException", "The service is being shut down", "Service"))
            return
        result = future.result()
        headers = f"{self._version_header}{result.request_id}\r\n"
        if result.function_error is not None:
            headers += f"X-Amz-Function-Error: {result.function_error}\r\n"
        if result.log_tail:
            headers += f"X-Amz-Log-Result: {base64.b64encode(result.log_tail).decode()}\r\n"
        exchange.reply(replies.OK, headers, result.payload)


def is_loopback(host: str) -> bool:
    """Whether a listener on this host can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _error_reply(error: ServiceError) -> PlainReply:
    return replies.service_reply(error.code, error.message, error.fault, error.reason)


def _foreign(message: str) -> PlainReply:
    return replies.service_reply("AccessDeniedException", message)


def _send(exchange: Exchange, reply: PlainReply) -> None:
    exchange.reply(reply.status, reply.headers, reply.body)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
