"""Invoke as HTTP: a request's path, query and headers as an InvokeRequest, and what is answered to it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from runtime_api.engine.invoker import REQUEST_RESPONSE, InvokeRequest
from runtime_api.service.errors import ServiceError

from . import replies
from .replies import PlainReply

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from runtime_api.engine.environment import InvokeResult
    from runtime_api.engine.invoker import Accepted

__all__ = ["accepted_reply", "answer_reply", "dry_run_reply", "error_reply", "function_in", "read_request"]

PREFIX = b"/2015-03-31/functions/"
SUFFIX = b"/invocations"
_TYPE = b"x-amz-invocation-type"
_LOG_TYPE = b"x-amz-log-type"
_CLIENT_CONTEXT = b"x-amz-client-context"
_TRACE = b"x-amzn-trace-id"
_TENANT = b"x-amz-tenant-id"
_MEANINGFUL = frozenset({_TYPE, _LOG_TYPE, _CLIENT_CONTEXT, _TRACE, _TENANT})


def function_in(path: bytes) -> str | None:
    """The function that a path asks to invoke, as the caller spells it; None when it is not Invoke's path."""
    if not (path.startswith(PREFIX) and path.endswith(SUFFIX) and len(path) > len(PREFIX) + len(SUFFIX)):
        return None
    name = path[len(PREFIX) : -len(SUFFIX)]
    return None if b"/" in name else unquote(name.decode("latin-1"))


def read_request(function: str, query: bytes, headers: Mapping[bytes, bytes], body: bytes) -> InvokeRequest:
    """The request of a caller; `headers` by their names in lower case."""
    qualifier = None
    if query:
        values = parse_qs(query.decode("latin-1")).get("Qualifier")
        qualifier = values[-1] if values else None
    if _MEANINGFUL.isdisjoint(headers):
        return InvokeRequest(function, body, qualifier)
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
    )


def dry_run_reply(accepted: Accepted) -> PlainReply:
    """The function could have been invoked."""
    return PlainReply(replies.NO_CONTENT, _request_id(accepted), b"")


def accepted_reply(accepted: Accepted) -> PlainReply:
    """The event will be run."""
    return PlainReply(replies.ACCEPTED, _request_id(accepted), b"")


def answer_reply(accepted: Accepted, future: asyncio.Future[InvokeResult]) -> PlainReply:
    """What came of the invocation, once it is done."""
    error = future.exception()
    if error is not None:
        return error_reply(error)
    result = future.result()
    headers = (
        f"{replies.JSON}X-Amz-Executed-Version: {accepted.function.version}\r\n"
        f"x-amzn-RequestId: {result.request_id}\r\n"
    )
    if result.function_error is not None:
        headers += f"X-Amz-Function-Error: {result.function_error}\r\n"
    if result.log_tail:
        headers += f"X-Amz-Log-Result: {base64.b64encode(result.log_tail).decode()}\r\n"
    return PlainReply(replies.OK, headers, result.payload)


def error_reply(error: BaseException) -> PlainReply:
    """A ServiceError as SDKs read it; anything else is raised."""
    if not isinstance(error, ServiceError):
        raise error
    return replies.service_reply(error.code, error.message, error.fault, error.reason)


def _request_id(accepted: Accepted) -> str:
    return f"x-amzn-RequestId: {accepted.invocation.request_id}\r\n"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
