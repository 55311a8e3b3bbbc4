"""The other lane of the public port, on aiohttp: health, Lambda's other operations, and Invoke too.

An SDK uses one connection for everything, so a connection that was handed over stays here, and so do its invocations.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson
from aiohttp import web
from multidict import CIMultiDict

from runtime_api.engine.links import PACKAGES
from runtime_api.service.codec import Request, decode, encode
from runtime_api.service.errors import RequestTooLargeException, ServiceError, UnknownOperationException
from runtime_api.service.operations import find

from . import invoke, logs, replies
from .http1.exchange import DRAIN_BYTES
from .http1.headers import add_header
from .replies import CONTINUE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.engine.invoker import Invoker
    from runtime_api.engine.log_service import LogService
    from runtime_api.engine.management import Management
    from runtime_api.protocol.limits import Limits
    from runtime_api.service.operations import Operation

    from .guard import Guard
    from .replies import PlainReply

__all__ = ["make_server"]

HEALTH = "/_bootjack/health"
ZIP = "Content-Type: application/zip\r\n"
EXPIRED = replies.service_reply("AccessDeniedException", "This link was not made by this server, or has expired")
OPERATION_BYTES = 70_167_211  # what Lambda takes: a package of 50 MB in base64, and the rest of a request


def make_server(
    invoker: Invoker, management: Management, guard: Guard, limits: Limits, log_service: LogService | None = None
) -> web.Server:
    """Return the factory of aiohttp's protocols, one for each connection; its `shutdown` closes them."""
    return web.Server(Api(invoker, management, guard, limits.request_bytes, log_service).answer, access_log=None)


class Api:
    """Answers every request."""

    def __init__(
        self,
        invoker: Invoker,
        management: Management,
        guard: Guard,
        event_bytes: int,
        log_service: LogService | None = None,
    ) -> None:
        self._log_service = log_service
        self._invoker = invoker
        self._management = management
        self._guard = guard
        self._event_bytes = event_bytes

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        reply = await self._reply(request)
        headers: CIMultiDict[str] = CIMultiDict()
        for line in reply.headers.split("\r\n")[:-1]:
            name, _, value = line.partition(": ")
            headers.add(name, value)
        return web.Response(status=reply.status, headers=headers, body=reply.body)

    async def _reply(self, request: web.BaseRequest) -> PlainReply:
        headers: dict[bytes, bytes] = {}
        for name, value in request.raw_headers:
            add_header(headers, name, value)
        objection = self._guard.objection(headers)
        if objection is not None:
            return replies.foreign(objection)
        raw_path, _, query = request.raw_path.encode("utf-8", "surrogateescape").partition(b"?")
        function = invoke.function_in(raw_path)
        try:
            if function is None:
                return await self._other(request, raw_path.decode("latin-1"), query, headers)
            if request.method != "POST":
                return replies.method_not_allowed("POST")
            return await self._invoke(request, function, query, headers)
        except ServiceError as error:
            return invoke.error_reply(error)
        except Exception as error:
            return invoke.defect_reply(f"{request.method} {request.path} failed", error)

    async def _other(
        self, request: web.BaseRequest, raw_path: str, query: bytes, headers: dict[bytes, bytes]
    ) -> PlainReply:
        if raw_path == HEALTH:
            return self._health(request.method)
        logs_operation = logs.operation_in(raw_path, headers)
        if logs_operation is not None and request.method == "POST":
            return await logs.answer(self._log_service, logs_operation, await _body(request, logs.MOST_BYTES))
        asked = parse_qs(query.decode("latin-1"), keep_blank_values=True)
        if raw_path.startswith(PACKAGES) and request.method == "GET":
            package = await self._management.package(raw_path.removeprefix(PACKAGES), asked)
            return EXPIRED if package is None else replies.PlainReply(replies.OK, ZIP, package)
        found = find(request.method, raw_path, asked)
        body = await _body(request, 0 if found is None else OPERATION_BYTES)
        if found is None:
            raise UnknownOperationException(f"{request.method} {raw_path} is no operation of Lambda's API")
        if body is None:
            raise RequestTooLargeException(
                f"Request must be smaller than {OPERATION_BYTES} bytes for the {found.operation.name} operation"
            )
        parameters = decode(found.operation, Request(found.labels, asked, headers, body))
        server = f"http://{request.host}"
        return _written(found.operation, await self._management.perform(found.operation, parameters, server))

    def _health(self, method: str) -> PlainReply:
        if method not in ("GET", "HEAD"):
            return replies.method_not_allowed("GET")
        document = {"status": "ok", "functions": self._invoker.names}
        return replies.PlainReply(replies.OK, replies.JSON, orjson.dumps(document))

    async def _invoke(
        self, request: web.BaseRequest, function: str, query: bytes, headers: dict[bytes, bytes]
    ) -> PlainReply:
        body = await _body(request, self._event_bytes)
        if body is None:
            raise self._invoker.too_large()
        accepted, pending = invoke.begin(self._invoker, function, query, headers, body)
        # When the caller disconnects, this is cancelled and the invocation continues.
        with suppress(Exception):
            await asyncio.shield(pending)
        return invoke.result_reply(accepted, pending)


def _written(operation: Operation, result: Mapping[str, Any]) -> PlainReply:
    """An operation's result as an answer."""
    answer = encode(operation, result)
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    return replies.PlainReply(answer.status, (replies.JSON if answer.body else "") + headers, answer.body)


async def _body(request: web.BaseRequest, most: int) -> bytes | None:
    """Return the body, None if it is over `most` bytes. It is read to its end, to keep the connection usable."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(CONTINUE)
    kept: list[bytes] = []
    size = 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size <= most:
            kept.append(piece)
        else:
            kept.clear()
        if size > max(most, DRAIN_BYTES):
            request.protocol.force_close()
            break
    return b"".join(kept) if size <= most else None
