"""The other lane of the public port, on aiohttp: health, Lambda's other operations, and Invoke too.

An SDK uses one connection for everything, so a connection that was handed over stays here, and so do its invocations.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from multidict import CIMultiDict

from runtime_api.service.errors import ServiceError

from . import invoke, replies
from .http1.exchange import DRAIN_BYTES
from .http1.headers import add_header
from .http1.parser import HEAD_BYTES, HEAD_LINES
from .http1.targets import origin_form
from .lane import Lane
from .replies import CONTINUE

if TYPE_CHECKING:
    from runtime_api.engine.invoker import Invoker
    from runtime_api.protocol.limits import Limits

    from .guard import Guard
    from .http1.roster import Roster
    from .replies import PlainReply

__all__ = ["ApiServer"]

HEALTH = "/_bootjack/health"
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
# A request with one of these ends its connection, because aiohttp 3.14 reads on wrongly: it takes the last field of a
# trailer for one of the next request, and never reads what came together with an offer of another protocol. The
# sender of CONNECT may take what follows for the bytes of a tunnel.
_LAST = frozenset({"transfer-encoding", "upgrade"})
_LAMBDA = re.compile(r"/20\d\d-\d\d-\d\d/.+")  # the paths of Lambda's API begin with a version


class ApiServer:
    """Makes the protocols that serve connections on this lane."""

    def __init__(self, invoker: Invoker, guard: Guard, limits: Limits) -> None:
        self._server = web.Server(Api(invoker, guard, limits.request_bytes).answer)

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

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = replies.SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP. Whoever sent it must know, and nobody else: nothing is logged."""
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

    def __init__(self, invoker: Invoker, guard: Guard, event_bytes: int) -> None:
        self._invoker = invoker
        self._guard = guard
        self._event_bytes = event_bytes

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. Whatever its peer does to it is not an error of this server."""
        lane = _lane_of(request)
        fault = lane.began(lambda reply: request.content.set_exception(_FaultyError(reply)))
        try:
            if fault is not None:
                raise _FaultyError(fault)
            response = _response(await self._reply(request))
        except _FaultyError as error:
            lane.turn_away(error.reply)
            response = _response(error.reply)  # is not sent any more
        except (web.RequestPayloadError, ConnectionError):  # aiohttp's word for a body that is garbled, or cut short
            lane.turn_away(replies.BAD_REQUEST)
            response = _response(replies.BAD_REQUEST)
        if request.method == "CONNECT" or not _LAST.isdisjoint(map(str.lower, request.headers)):
            response.force_close()
        with suppress(ConnectionError):  # the connection has ended; aiohttp will see it, too
            await response.prepare(request)
            await response.write_eof()
        lane.answered()
        return response

    async def _reply(self, request: web.BaseRequest) -> PlainReply:
        headers: dict[bytes, bytes] = {}
        for name, value in request.raw_headers:
            add_header(headers, name, value)
        if headers.keys() >= _FRAMING:
            return replies.BAD_REQUEST
        objection = self._guard.objection(headers)
        if objection is not None:
            return replies.foreign(objection)
        raw_path, _, query = request.raw_path.encode("utf-8", "surrogateescape").partition(b"?")
        raw_path = origin_form(raw_path)
        function = invoke.function_in(raw_path)
        if function is None:
            await _body(request, 0)
            return self._other(request)
        if request.method != "POST":
            return replies.method_not_allowed("POST")
        try:
            return await self._invoke(request, function, query, headers)
        except ServiceError as error:
            return invoke.error_reply(error)

    def _other(self, request: web.BaseRequest) -> PlainReply:
        if request.path == HEALTH:
            if request.method not in ("GET", "HEAD"):
                return replies.method_not_allowed("GET")
            document = {"status": "ok", "functions": self._invoker.names}
            return replies.PlainReply(replies.OK, replies.JSON, orjson.dumps(document))
        asked = f"{request.method} {request.path}"
        served = "it serves Invoke, POST /2015-03-31/functions/{FunctionName}/invocations"
        if _LAMBDA.fullmatch(request.path):
            return replies.service_reply("NotSupportedException", f"{asked} is not supported by bootjack; {served}")
        return replies.service_reply("UnknownOperationException", f"{asked} is unknown to bootjack; {served}")

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
        if size > DRAIN_BYTES:
            request.protocol.force_close()
            break
    return b"".join(kept) if size <= most else None


def _lane_of(request: web.BaseRequest) -> Lane:
    speaker: Any = request.protocol
    lane: Lane = speaker.lane
    return lane


def _response(reply: PlainReply) -> web.Response:
    headers: CIMultiDict[str] = CIMultiDict()
    for line in reply.headers.split("\r\n")[:-1]:
        name, _, value = line.partition(": ")
        headers.add(name, value)
    return web.Response(status=reply.status, headers=headers, body=reply.body)
