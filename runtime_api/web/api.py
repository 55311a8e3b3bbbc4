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

from runtime_api.engine.links import PACKAGES
from runtime_api.service.codec import Request, decode, encode
from runtime_api.service.errors import (
    NotSupportedException,
    RequestEntityTooLargeException,
    ServiceError,
    UnknownOperationException,
)
from runtime_api.service.operations import find, methods_at
from runtime_api.service.seams.dispatch import InvokeResult
from runtime_api.service.signatures import SignedRequest
from runtime_api.service.validation import check_parameters

from . import events, invoke, logs, replies, streams
from .http1.exchange import DRAIN_BYTES
from .http1.headers import add_header
from .http1.parser import HEAD_BYTES, HEAD_LINES
from .http1.targets import origin_form
from .lane import Lane
from .replies import CONTINUE
from .streams import StreamedReply, settled
from .urls import FunctionUrls, RequestHead, http_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.engine.event_service import EventService
    from runtime_api.engine.invoker import Invoker
    from runtime_api.engine.log_service import LogService
    from runtime_api.engine.management import Management
    from runtime_api.protocol.limits import Limits
    from runtime_api.service.operations import Operation
    from runtime_api.service.owners import Caller

    from .callers import Callers
    from .guard import Guard
    from .http1.roster import Roster
    from .replies import PlainReply
    from .urls import UrlPlace

__all__ = ["ApiServer"]

HEALTH = "/_bootjack/health"
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
# A request with one of these ends its connection, because aiohttp 3.14 reads on wrongly: it takes the last field of a
# trailer for one of the next request, and never reads what came together with an offer of another protocol. The
# sender of CONNECT may take what follows for the bytes of a tunnel.
_LAST = frozenset({"transfer-encoding", "upgrade"})
INVOKE_ASYNC = "InvokeAsync"
STATUS_ACCEPTED = orjson.dumps({"Status": replies.ACCEPTED})
ZIP = "Content-Type: application/zip\r\n"
EXPIRED = replies.service_reply("AccessDeniedException", "This link was not made by this server, or has expired")
OPERATION_BYTES = 70_167_211  # what Lambda takes: a package of 50 MB in base64, and the rest of a request


class ApiServer:
    """Makes the protocols that serve connections on this lane."""

    def __init__(
        self,
        invoker: Invoker,
        management: Management,
        guard: Guard,
        callers: Callers,
        limits: Limits,
        log_service: LogService | None,
        event_service: EventService | None,
    ) -> None:
        api = Api(invoker, management, guard, callers, limits.request_bytes, log_service, event_service)
        self._server = web.Server(api.answer)

    def open_lane(self, roster: Roster) -> Lane:
        """A protocol for one connection."""
        return Lane(roster, lambda lane: _Speaker(self._server, lane))

    async def shutdown(self, timeout_s: float) -> None:
        """Close the connections; requests in hand get `timeout_s`."""
        await self._server.shutdown(timeout_s)


class _Speaker(web.RequestHandler):
    """aiohttp's protocol, with bodies as they are sent, heads as long as on the other lane, and no log of faults."""

    def __init__(self, server: web.Server, lane: Lane) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # None turns it off
            auto_decompress=False,
            max_line_size=HEAD_BYTES,
            max_field_size=HEAD_BYTES,
            max_headers=HEAD_LINES,
        )
        self.lane = lane

    async def start(self) -> None:
        """Serve until the connection ends. It may have ended before this begins; aiohttp 3.14 asserts it has not."""
        if self.transport is not None:
            await super().start()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = replies.SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP. Only its sender has to know: nothing is logged."""
        if status >= replies.SERVER_ERROR:
            return super().handle_error(request, status, exc, message)
        self.lane.turn_away(replies.BAD_REQUEST)
        return _response(replies.BAD_REQUEST)  # is not sent any more


class _FaultyError(Exception):
    """The peer's mistake; the connection ends with this reply."""

    def __init__(self, reply: PlainReply) -> None:
        super().__init__(reply)
        self.reply = reply


class Api:
    """Answers every request."""

    def __init__(
        self,
        invoker: Invoker,
        management: Management,
        guard: Guard,
        callers: Callers,
        event_bytes: int,
        log_service: LogService | None,
        event_service: EventService | None,
    ) -> None:
        self._log_service = log_service
        self._event_service = event_service
        self._invoker = invoker
        self._management = management
        self._guard = guard
        self._callers = callers
        self._event_bytes = event_bytes
        self._urls = FunctionUrls(invoker, guard, callers)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. Whatever its peer does to it is not an error of this server."""
        lane = _lane_of(request)
        fault = lane.began(lambda reply: request.content.set_exception(_FaultyError(reply)))
        pieces: StreamedReply | None = None
        try:
            if fault is not None:
                raise _FaultyError(fault)
            reply = await self._reply(request)
            if isinstance(reply, StreamedReply):
                pieces, response = reply, streams.response(reply)
            else:
                response = _response(reply)
        except _FaultyError as error:
            lane.turn_away(error.reply)
            response = _response(error.reply)  # is not sent any more
        except (web.RequestPayloadError, ConnectionError):  # aiohttp's word for a body that is garbled, or cut short
            lane.turn_away(replies.BAD_REQUEST)
            response = _response(replies.BAD_REQUEST)
        if lane.is_ending or request.method == "CONNECT" or not _LAST.isdisjoint(map(str.lower, request.headers)):
            response.force_close()
        with suppress(ConnectionError):  # the connection has ended; aiohttp will see it, too
            if pieces is not None:
                await streams.send(request, response, pieces)
            else:
                await response.prepare(request)
                await response.write_eof()
        lane.answered()
        if request.content.exception() is not None:
            request.protocol.force_close()  # aiohttp would read on, and log what it finds
        return response

    async def _reply(self, request: web.BaseRequest) -> PlainReply | StreamedReply:
        headers: dict[bytes, bytes] = {}
        for name, value in request.raw_headers:
            add_header(headers, name, value)
        if headers.keys() >= _FRAMING:
            return replies.BAD_REQUEST
        raw_path, _, query = request.raw_path.encode("utf-8", "surrogateescape").partition(b"?")
        raw_path = origin_form(raw_path)
        place = self._urls.find(headers.get(b"host", b""), raw_path)
        refused = self._objection(headers) if place is None else self._urls.objection(place, headers)
        if refused is not None:
            return refused
        function = invoke.function_in(raw_path)
        streamed = invoke.streamed_function_in(raw_path) if function is None else None
        try:
            signed = SignedRequest(request.method.encode(), raw_path, query, headers, b"")
            if place is not None:
                return await self._at_url(request, place, signed)
            named = function or streamed
            if named is None:
                return await self._other(request, signed)
            if request.method != "POST":
                return replies.method_not_allowed("POST")
            return await self._invoke(request, named, signed, is_streamed=function is None)
        except ServiceError as error:
            return invoke.error_reply(error)
        except (_FaultyError, web.RequestPayloadError, ConnectionError):  # the peer's doing, which `answer` answers
            raise
        except Exception as error:
            return invoke.defect_reply(f"{request.method} {request.path} failed", error)

    def _objection(self, headers: dict[bytes, bytes]) -> PlainReply | None:
        objection = self._guard.objection(headers)
        return None if objection is None else replies.foreign(objection)

    async def _other(self, request: web.BaseRequest, signed: SignedRequest) -> PlainReply:
        raw_path, headers = signed.path.decode("latin-1"), signed.headers
        asked = parse_qs(signed.query.decode("latin-1"), keep_blank_values=True)
        found = find(request.method, raw_path, asked)
        # A request that is cut short is no request, so nothing is done before its end.
        logs_operation = logs.operation_in(raw_path, headers) if request.method == "POST" else None
        is_events = self._event_service is not None and events.is_ours(raw_path)
        most = logs.MOST_BYTES if logs_operation is not None else 0 if found is None else OPERATION_BYTES
        body = await _body(request, events.MOST_BYTES if is_events else most)
        if raw_path == HEALTH:
            return self._health(request.method)
        if is_events:
            return await self._events(request.method, signed, asked, body or b"")
        if logs_operation is not None:
            return await self._logs(logs_operation, signed, asked, body)
        if raw_path.startswith(PACKAGES) and request.method == "GET":
            package = await self._management.package(raw_path.removeprefix(PACKAGES), asked)
            return EXPIRED if package is None else replies.PlainReply(replies.OK, ZIP, package)
        if found is None and (allowed := methods_at(raw_path)):
            return replies.method_not_allowed(", ".join(allowed))
        if found is None:
            raise UnknownOperationException(f"{request.method} {raw_path} is no operation of Lambda's API")
        name = found.operation.name
        if name != INVOKE_ASYNC and not self._management.serves(found.operation):
            raise NotSupportedException(f"{name} is not supported by bootjack")
        if body is None:
            raise RequestEntityTooLargeException(
                f"Request must be smaller than {OPERATION_BYTES} bytes for the {name} operation"
            )
        self._callers.check(signed._replace(body=body), asked)
        parameters = decode(found.operation, Request(found.labels, asked, headers, body))
        caller = self._callers.of(headers, asked)
        if name == INVOKE_ASYNC:
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

    async def _events(
        self, method: str, signed: SignedRequest, asked: Mapping[str, list[str]], body: bytes
    ) -> PlainReply:
        assert self._event_service is not None
        self._callers.check(signed._replace(body=body), asked)
        caller, path = self._callers.of(signed.headers, asked), signed.path.decode("latin-1")
        owner = None if caller is None else caller.owner
        return await events.answer(self._event_service, method, path, asked, body, owner)

    async def _logs(
        self, operation: str, signed: SignedRequest, asked: Mapping[str, list[str]], body: bytes | None
    ) -> PlainReply:
        if body is not None:
            self._callers.check(signed._replace(body=body), asked)
        caller = self._callers.of(signed.headers, asked)
        return await logs.answer(self._log_service, operation, body, None if caller is None else caller.owner)

    def _health(self, method: str) -> PlainReply:
        if method not in ("GET", "HEAD"):
            return replies.method_not_allowed("GET")
        document = {"status": "ok", "functions": self._invoker.names}
        return replies.PlainReply(replies.OK, replies.JSON, orjson.dumps(document))

    async def _at_url(
        self, request: web.BaseRequest, place: UrlPlace, signed: SignedRequest
    ) -> PlainReply | StreamedReply:
        body = await _body(request, self._event_bytes)
        if body is None:
            raise self._invoker.too_large()
        head = RequestHead(request.method, signed.query, request.raw_headers, request.remote or "")
        return await self._urls.reply(place, http_request(head, place, body), signed._replace(body=body))

    async def _invoke(
        self, request: web.BaseRequest, function: str, signed: SignedRequest, *, is_streamed: bool
    ) -> PlainReply | StreamedReply:
        body = await _body(request, self._event_bytes)
        if body is None:
            raise self._invoker.too_large()
        query, headers = signed.query, signed.headers
        self._callers.check(signed._replace(body=body), parse_qs(query.decode("latin-1"), keep_blank_values=True))
        accepted, pending = invoke.begin(
            self._invoker, self._callers, function, query, headers, body, streamed=is_streamed
        )
        result = await settled(pending)
        if is_streamed and isinstance(result, InvokeResult):
            return streams.event_stream(accepted, result)
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
    try:
        async for piece in request.content.iter_any():
            size += len(piece)
            if size <= most:
                kept.append(piece)
            else:
                kept.clear()
            if size > most + DRAIN_BYTES:
                request.protocol.force_close()
                break
    except RuntimeError as error:  # aiohttp's, for a connection that ended before anybody waited for the body
        if request.transport is not None:
            raise
        raise ConnectionResetError from error
    return b"".join(kept) if size <= most else None


def _lane_of(request: web.BaseRequest) -> Lane:
    speaker: Any = request.protocol
    lane: Lane = speaker.lane
    return lane


def _response(reply: PlainReply) -> web.Response:
    return web.Response(status=reply.status, headers=streams.headers_of(reply.headers), body=reply.body)
