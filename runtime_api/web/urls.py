"""Function URLs: `http://{url-id}.lambda-url.{region}.localhost:PORT/`.

`/lambda-url/NAME/` stands for the same, for clients that cannot resolve such a host name.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, quote_from_bytes, unquote

from runtime_api.engine.ids import trace_header, uuid4
from runtime_api.engine.invoker import InvokeRequest
from runtime_api.service.errors import ResourceNotFoundException, ServiceError
from runtime_api.service.function_url_record import read_url_host
from runtime_api.service.proxies import cors
from runtime_api.service.proxies.event_2_0 import Receipt, event
from runtime_api.service.proxies.iam import signer
from runtime_api.service.proxies.messages import HttpAnswer, HttpRequest
from runtime_api.service.proxies.result_2_0 import FAILED, answer
from runtime_api.service.refusals import refusal
from runtime_api.service.seams.dispatch import InvokeResult, Throttled, Unavailable

from . import invoke, replies
from .streams import StreamedReply, body_of, settled
from .url_streams import Found, head_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.engine.invoker import Accepted, Invoker
    from runtime_api.service.signatures import SignedRequest
    from runtime_api.service.url_index import ServedUrl

    from .callers import Callers
    from .guard import Guard
    from .http1.exchange import Exchange
    from .replies import PlainReply

__all__ = ["FunctionUrls", "UrlPlace", "http_request"]

PATH = b"/lambda-url/"
# Every printable character of ASCII: RFC 3986 2.2 and 2.3, and what clients send although it is none of these.
_SENT = "".join(map(chr, range(0x21, 0x7F)))
AWS_IAM = "AWS_IAM"
RESPONSE_STREAM = "RESPONSE_STREAM"
FORBIDDEN = "Forbidden"
NO_PERMISSION = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
NULL = replies.PlainReply(403, f"{replies.JSON}x-amzn-ErrorType: AccessDeniedException\r\n", b'{"Message":null}')


class UrlPlace(NamedTuple):
    """What a request to a function URL is about."""

    served: ServedUrl | None  # None: there is no such URL
    path: bytes  # below the function, as it was sent
    function: str = ""  # as the path names it, if it does


class FunctionUrls:
    """Answers requests to function URLs."""

    def __init__(self, invoker: Invoker, guard: Guard, callers: Callers) -> None:
        self._invoker = invoker
        self._guard = guard
        self._callers = callers

    def find(self, host: bytes, path: bytes) -> UrlPlace | None:
        """Return the function URL that a request names by its Host or its path; None when it names none."""
        named = read_url_host(host.decode("latin-1"))
        if named is not None:
            served = self._invoker.url(named.url_id)
            is_here = served is not None and served.function.region == named.region
            return UrlPlace(served if is_here else None, path)
        if not path.startswith(PATH):
            return None
        name, _, rest = path.removeprefix(PATH).partition(b"/")
        function = unquote(name.decode("latin-1"))
        with suppress(ServiceError):
            return UrlPlace(self._invoker.url_of(function), b"/" + rest, function)
        return UrlPlace(None, b"/" + rest, function)

    def objection(self, place: UrlPlace, headers: Mapping[bytes, bytes]) -> PlainReply | None:
        """Return the refusal of a page that may not use this URL. `headers`: names in lower case."""
        said = headers.get(b"origin")
        settings = None if place.served is None else place.served.url.cors
        objection = self._guard.host_objection(headers)
        if objection is None and not cors.admits(settings, None if said is None else said.decode("latin-1")):
            objection = self._guard.page_objection(headers)
        return None if objection is None else replies.foreign(objection)

    async def reply(self, place: UrlPlace, request: HttpRequest, signed: SignedRequest) -> PlainReply | StreamedReply:
        """Answer a request; `signed` is the same one as its sender may have signed it."""
        if place.served is None:
            return self._unknown(place)
        settings = place.served.url.cors
        preflight = cors.preflight(settings, request)
        if preflight is not None:
            return replies.PlainReply(preflight.status, _lines(preflight), preflight.body)
        found, stream = await self._answer(place.served, request, signed)
        found = cors.answered(settings, request, found)
        if stream is None:
            return replies.PlainReply(found.status, _lines(found), found.body)
        return StreamedReply(found.status, _lines(found), body_of(stream, found.body), stream)

    def _unknown(self, place: UrlPlace) -> PlainReply:
        """There is no such URL: Lambda's answer to a host name, and what helps the user of a path."""
        if not place.function:
            return NULL
        try:
            self._invoker.url_of(place.function)
        except ServiceError as error:
            return invoke.error_reply(error)
        complaint = f"{place.function} has no function URL: CreateFunctionUrlConfig gives it one"
        return invoke.error_reply(ResourceNotFoundException(complaint))

    async def _answer(self, served: ServedUrl, request: HttpRequest, signed: SignedRequest) -> Found:
        try:
            refused, signed_by = self._admit(served, request, signed)
            if refused is not None:
                return Found(as_answer(refused))
            return await self._invoke(served, request, signed_by)
        except ServiceError as error:
            return Found(as_answer(invoke.error_reply(error)))

    def _admit(
        self, served: ServedUrl, request: HttpRequest, signed: SignedRequest
    ) -> tuple[PlainReply | None, dict[str, Any] | None]:
        """Return the refusal of a request that may not invoke the function, and who has signed it."""
        signed_by = None
        if served.url.auth_type == AWS_IAM:
            signed_by = signer(request, served.function.account)
            if signed_by is None:
                return replies.foreign(FORBIDDEN), None
            self._callers.check(signed, parse_qs(signed.query.decode("latin-1"), keep_blank_values=True))
        elif not self._invoker.opens(served):
            return replies.foreign(NO_PERMISSION), None
        return replies.foreign(NO_PERMISSION) if served.is_orphan else None, signed_by

    async def _invoke(self, served: ServedUrl, request: HttpRequest, signed_by: dict[str, Any] | None) -> Found:
        given = request.value("x-amzn-trace-id")
        trace = trace_header(given)
        root = trace.partition(";")[0]
        receipt = Receipt(served.url.id, uuid4(), given or root, time.time_ns() // 1_000_000, signed_by)
        payload = event(request, receipt)
        accepted = self._invoker.check(
            InvokeRequest(
                served.arn,
                payload,
                trace=trace,
                request_id=receipt.request_id,
                streamed=served.url.invoke_mode == RESPONSE_STREAM,
            )
        )
        found = await self._result(accepted)
        ids = (("x-amzn-RequestId", receipt.request_id), ("X-Amzn-Trace-Id", root))
        return found._replace(answer=found.answer.plus(*ids))

    async def _result(self, accepted: Accepted) -> Found:
        pending = self._invoker.submit(accepted)
        await settled(pending)
        try:
            result = pending.result()
        except Exception as error:
            defect = f"invocation {accepted.invocation.request_id} failed"
            return Found(as_answer(invoke.defect_reply(defect, error)))
        if isinstance(result, Throttled | Unavailable):
            return Found(as_answer(invoke.error_reply(refusal(result))))
        assert isinstance(result, InvokeResult)  # of a RequestResponse
        if result.stream is not None:
            return await head_of(result.stream)
        return Found(FAILED if result.function_error is not None else answer(result.payload))


def http_request(exchange: Exchange, place: UrlPlace, body: bytes) -> HttpRequest:
    """Return a request as the rules for proxies see it."""
    lines = (*exchange.headers.items(), *exchange.repeated)
    fields = tuple((name.decode("latin-1").lower(), _text(value)) for name, value in lines)
    return HttpRequest(
        exchange.method.decode("latin-1"),
        quote_from_bytes(place.path, _SENT),
        quote_from_bytes(exchange.query, _SENT),
        fields,
        body,
        exchange.connection.peer_host,
    )


def _lines(found: HttpAnswer) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in found.fields)


def _text(value: bytes) -> str:
    """A header's value: UTF-8 in practice, anything else byte by byte."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def as_answer(reply: PlainReply) -> HttpAnswer:
    """Return a reply of this server as an answer."""
    lines = (line.partition(": ") for line in reply.headers.split("\r\n")[:-1])
    return HttpAnswer(reply.status, tuple((name, value) for name, _, value in lines), reply.body)
