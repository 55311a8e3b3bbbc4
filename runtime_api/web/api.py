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
from runtime_api.service.signatures import SignedRequest
from runtime_api.service.validation import check_parameters

from . import invoke, replies
from .http1.exchange import DRAIN_BYTES
from .http1.headers import add_header
from .replies import CONTINUE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.engine.invoker import Invoker
    from runtime_api.engine.management import Management
    from runtime_api.protocol.limits import Limits
    from runtime_api.service.operations import Operation
    from runtime_api.service.owners import Caller

    from .callers import Callers
    from .guard import Guard
    from .replies import PlainReply

__all__ = ["make_server"]

HEALTH = "/_bootjack/health"
INVOKE_ASYNC = "InvokeAsync"
STATUS_ACCEPTED = orjson.dumps({"Status": replies.ACCEPTED})
ZIP = "Content-Type: application/zip\r\n"
EXPIRED = replies.service_reply("AccessDeniedException", "This link was not made by this server, or has expired")
OPERATION_BYTES = 70_167_211  # what Lambda takes: a package of 50 MB in base64, and the rest of a request


def make_server(
    invoker: Invoker, management: Management, guard: Guard, callers: Callers, limits: Limits
) -> web.Server:
    """Return the factory of aiohttp's protocols, one for each connection; its `shutdown` closes them."""
    return web.Server(Api(invoker, management, guard, callers, limits.request_bytes).answer, access_log=None)


class Api:
    """Answers every request."""

    def __init__(
        self, invoker: Invoker, management: Management, guard: Guard, callers: Callers, event_bytes: int
    ) -> None:
        self._invoker = invoker
        self._management = management
        self._guard = guard
        self._callers = callers
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
            signed = SignedRequest(request.method.encode(), raw_path, query, headers, b"")
            if function is None:
                return await self._other(request, signed)
            if request.method != "POST":
                return replies.method_not_allowed("POST")
            return await self._invoke(request, function, signed)
        except ServiceError as error:
            return invoke.error_reply(error)
        except Exception as error:
            return invoke.defect_reply(f"{request.method} {request.path} failed", error)

    async def _other(self, request: web.BaseRequest, signed: SignedRequest) -> PlainReply:
        raw_path, headers = signed.path.decode("latin-1"), signed.headers
        if raw_path == HEALTH:
            return self._health(request.method)
        asked = parse_qs(signed.query.decode("latin-1"), keep_blank_values=True)
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
        self._callers.check(signed._replace(body=body), asked)
        parameters = decode(found.operation, Request(found.labels, asked, headers, body))
        caller = self._callers.of(headers, asked)
        if found.operation.name == INVOKE_ASYNC:
            return await self._invoke_async(found.operation, parameters, caller)
        server = f"http://{request.host}"
        owner = None if caller is None else caller.owner
        return _written(found.operation, await self._management.perform(found.operation, parameters, server, owner))

    async def _invoke_async(
        self, operation: Operation, parameters: Mapping[str, Any], caller: Caller | None
    ) -> PlainReply:
        """Queue an event; the answer has the status in its body, too."""
        check_parameters(operation.input or "", parameters)
        name, payload = parameters["FunctionName"], parameters["InvokeArgs"]
        accepted, pending = invoke.begin_async(self._invoker, caller, name, payload)
        with suppress(Exception):
            await asyncio.shield(pending)
        reply = invoke.result_reply(accepted, pending)
        if reply.status != replies.ACCEPTED:
            return reply
        return replies.PlainReply(reply.status, replies.JSON + reply.headers, STATUS_ACCEPTED)

    def _health(self, method: str) -> PlainReply:
        if method not in ("GET", "HEAD"):
            return replies.method_not_allowed("GET")
        document = {"status": "ok", "functions": self._invoker.names}
        return replies.PlainReply(replies.OK, replies.JSON, orjson.dumps(document))

    async def _invoke(self, request: web.BaseRequest, function: str, signed: SignedRequest) -> PlainReply:
        body = await _body(request, self._event_bytes)
        if body is None:
            raise self._invoker.too_large()
        query, headers = signed.query, signed.headers
        self._callers.check(signed._replace(body=body), parse_qs(query.decode("latin-1"), keep_blank_values=True))
        accepted, pending = invoke.begin(self._invoker, self._callers, function, query, headers, body)
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
