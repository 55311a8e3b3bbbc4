"""Invoke as HTTP: path, query and headers make an InvokeRequest, and its result makes an answer."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from msgspec.structs import replace

from runtime_api.engine.invoker import EVENT, REQUEST_RESPONSE, InvokeRequest, Queued, Verified
from runtime_api.service.errors import ServiceError, ServiceException
from runtime_api.service.permissions import Source
from runtime_api.service.refusals import refusal
from runtime_api.service.seams.dispatch import InvokeResult

from . import replies
from .replies import PlainReply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.engine.invoker import Accepted, Invoker
    from runtime_api.service.owners import Caller
    from runtime_api.service.seams.dispatch import Pending, RunResult
    from runtime_api.service.seams.event_queue import Full

    from .callers import Callers

__all__ = [
    "begin",
    "begin_async",
    "defect_reply",
    "error_reply",
    "function_in",
    "result_reply",
    "streamed_function_in",
]

PREFIX = b"/2015-03-31/functions/"
SUFFIX = b"/invocations"
STREAMED_PREFIX = b"/2021-11-15/functions/"
STREAMED_SUFFIX = b"/response-streaming-invocations"
_TYPE = b"x-amz-invocation-type"
_LOG_TYPE = b"x-amz-log-type"
_CLIENT_CONTEXT = b"x-amz-client-context"
_TRACE = b"x-amzn-trace-id"
_TENANT = b"x-amz-tenant-id"
_AUTHORIZATION = b"authorization"
_NOTHING: Mapping[str, list[str]] = {}
_SOURCE_ARN = b"x-amz-source-arn"
_SOURCE_ACCOUNT = b"x-amz-source-account"
_MEANINGFUL = frozenset({_TYPE, _LOG_TYPE, _CLIENT_CONTEXT, _TRACE, _TENANT, _AUTHORIZATION})


def function_in(path: bytes) -> str | None:
    """Return the function that a path asks to invoke, as the caller spells it; None if it is not Invoke's path."""
    return _name_between(PREFIX, path, SUFFIX)


def streamed_function_in(path: bytes) -> str | None:
    """Return the function that a path asks to invoke with a streamed response; None for any other path."""
    return _name_between(STREAMED_PREFIX, path, STREAMED_SUFFIX)


def _name_between(prefix: bytes, path: bytes, suffix: bytes) -> str | None:
    if not (path.startswith(prefix) and path.endswith(suffix) and len(path) > len(prefix) + len(suffix)):
        return None
    name = path[len(prefix) : -len(suffix)]
    return None if b"/" in name else unquote(name.decode("latin-1"))


DEFECT = "the request failed in bootjack itself: please report this with the traceback on its stderr"


def begin(
    invoker: Invoker,
    callers: Callers,
    function: str,
    query: bytes,
    headers: Mapping[bytes, bytes],
    body: bytes,
    *,
    streamed: bool = False,
) -> tuple[Accepted, Pending[RunResult | Queued | Full | Verified]]:
    """Check a caller's request and invoke the function; `headers` by their names in lower case.

    `streamed`: the response is read as it comes.

    Raises ServiceError when the request is not valid. `result_reply` answers what comes of it.
    """
    request = _read_request(callers, function, query, headers, body)
    accepted = invoker.check(replace(request, streamed=True) if streamed else request)
    return accepted, invoker.submit(accepted)


def begin_async(
    invoker: Invoker, caller: Caller | None, function: str, payload: bytes
) -> tuple[Accepted, Pending[RunResult | Queued | Full | Verified]]:
    """Check a request of InvokeAsync, which is Invoke of the type Event before there were types, and queue it."""
    accepted = invoker.check(InvokeRequest(function, payload, type=EVENT, caller=caller))
    return accepted, invoker.submit(accepted)


def result_reply(accepted: Accepted, pending: Pending[RunResult | Queued | Full | Verified]) -> PlainReply:
    """Return the answer to a request that was accepted, once `pending` is done. A defect is answered too."""
    try:
        result = pending.result()
    except Exception as error:
        return defect_reply(f"invocation {accepted.invocation.request_id} failed", error)
    match result:
        case InvokeResult():
            return _invoke_reply(accepted, result)
        case Queued():
            return PlainReply(replies.ACCEPTED, _request_id(accepted), b"")
        case Verified():
            return PlainReply(replies.NO_CONTENT, _request_id(accepted), b"")
        case _:
            return error_reply(refusal(result))


def error_reply(error: ServiceError) -> PlainReply:
    """Return a refusal as SDKs read it."""
    return replies.service_reply(error.code, error.message, error.fault, error.reason, error.known)


def defect_reply(what: str, error: Exception) -> PlainReply:
    """Report a defect of this program with its traceback, and return what its caller is told."""
    asyncio.get_running_loop().call_exception_handler({"message": what, "exception": error})
    return error_reply(ServiceException(DEFECT))


def _invoke_reply(accepted: Accepted, result: InvokeResult) -> PlainReply:
    headers = (
        f"{replies.JSON}X-Amz-Executed-Version: {accepted.version.spec.version}\r\n"
        f"x-amzn-RequestId: {result.request_id}\r\n"
    )
    if result.function_error is not None:
        headers += f"X-Amz-Function-Error: {result.function_error}\r\n"
    if result.log_tail:
        headers += f"X-Amz-Log-Result: {base64.b64encode(result.log_tail).decode()}\r\n"
    return PlainReply(replies.OK, headers, result.payload)


def _read_request(
    callers: Callers, function: str, query: bytes, headers: Mapping[bytes, bytes], body: bytes
) -> InvokeRequest:
    qualifier, asked = None, _NOTHING
    if query:
        asked = parse_qs(query.decode("latin-1"))
        values = asked.get("Qualifier")
        qualifier = values[-1] if values else None
    if _MEANINGFUL.isdisjoint(headers):
        return InvokeRequest(function, body, qualifier, caller=callers.by_query(asked) if asked else None)
    get = headers.get
    return InvokeRequest(
        function,
        body,
        qualifier,
        _text(get(_TYPE)) or REQUEST_RESPONSE,
        _text(get(_LOG_TYPE)) or "None",
        _text(get(_CLIENT_CONTEXT)),
        _text(get(_TRACE)),
        _text(get(_TENANT)),
        callers.of(headers, asked),
        _source(headers),
    )


def _source(headers: Mapping[bytes, bytes]) -> Source | None:
    if _SOURCE_ARN not in headers and _SOURCE_ACCOUNT not in headers:
        return None
    return Source(_text(headers.get(_SOURCE_ARN)) or "", _text(headers.get(_SOURCE_ACCOUNT)) or "")


def _request_id(accepted: Accepted) -> str:
    return f"x-amzn-RequestId: {accepted.invocation.request_id}\r\n"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
