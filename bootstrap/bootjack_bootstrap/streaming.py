"""A handler's generator becomes a streamed response (spec 3.6), each item a chunk that leaves at once."""

from __future__ import annotations

from .calls import ERROR_BODY, ERROR_TYPE, REQUEST_ID, encoded, refused
from .client import Upload
from .ends import LAST_ERRORS, ConnectionLost
from .faults import ErrorType, Fault, describe, error_type_header
from .http1 import chunk, last_chunk
from .steps import Await, Raised, outcome_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .calls import Calls
    from .client import Client
    from .logs import Log
    from .steps import Conversation

__all__ = ["HttpResponse", "error_trailers", "opening", "piece", "stream"]

STREAM_TYPE = "application/octet-stream"
HTTP_TYPE = "application/vnd.awslambda.http-integration-response"
PRELUDE_END = b"\0" * 8
END = object()  # stands for the item behind the last one


class HttpResponse:
    """Status, headers and cookies of an HTTP response: the first item of a generator behind a function URL."""

    def __init__(
        self, status_code: int = 200, headers: Mapping[str, str] | None = None, cookies: Sequence[str] = ()
    ) -> None:
        self.status_code = status_code
        self.headers = dict(headers or {})
        self.cookies = list(cookies)

    def prelude(self) -> bytes:
        """The bytes that precede the body."""
        import json

        head: dict[str, Any] = {"statusCode": self.status_code, "headers": self.headers}
        if self.cookies:
            head["cookies"] = self.cookies
        return json.dumps(head).encode() + PRELUDE_END


def stream(
    client: Client, calls: Calls, event: Mapping[str, str], items: Any, log: Log
) -> Conversation[Raised | None]:
    """Answer an event with the items of a generator.

    Raised if it fails before its first item: an ordinary error, since nothing has been sent yet.
    """
    try:
        outcome = yield from _stream(client, calls, event, items, log)
    except GeneratorExit:
        raise  # nothing drives this conversation any more
    except BaseException:
        yield from _close(items)
        raise
    return (yield from _close(items)) or outcome


def _stream(
    client: Client, calls: Calls, event: Mapping[str, str], items: Any, log: Log
) -> Conversation[Raised | None]:
    opened = yield from _opening(items)
    if type(opened) is Raised:
        return opened
    content_type, start = opened
    upload = Upload(client)
    failure: BaseException | None = None
    try:
        is_open = yield from upload.begin(calls.stream(event, content_type) + (chunk(start) if start else b""))
        while is_open:
            data = yield from _next_piece(items)
            if type(data) is bytes:
                is_open = yield from upload.send(chunk(data))
                continue
            failure = data.error if type(data) is Raised else None
            trailers = {} if failure is None else _report(failure, event, log)
            log.flush()
            yield from upload.send(last_chunk(trailers))
            break
        response = yield from upload.response()
    except ConnectionLost:
        log.note("A streamed response was cut off by the platform")
    else:
        log.note(refused(response, "A response"))
    if isinstance(failure, LAST_ERRORS):
        raise failure
    return None


def _opening(items: Any) -> Conversation[Any]:
    """Content type and first bytes, by the first item; or Raised."""
    first = yield from _next(items)
    if type(first) is Raised:
        return first
    return outcome_of(opening, None if first is END else first)


def _next(items: Any) -> Conversation[Any]:
    """The generator's next item, END or Raised."""
    if not hasattr(type(items), "__anext__"):
        return outcome_of(next, items, END)
    outcome = outcome_of(items.__anext__)
    if type(outcome) is not Raised:
        outcome = yield Await(outcome)
    return END if type(outcome) is Raised and isinstance(outcome.error, StopAsyncIteration) else outcome


def _next_piece(items: Any) -> Conversation[Any]:
    """The bytes of the next item that has any, END or Raised."""
    while True:
        item = yield from _next(items)
        if item is END or type(item) is Raised:
            return item
        data = outcome_of(piece, item)
        if data:
            return data


def _close(items: Any) -> Conversation[Raised | None]:
    """Let the generator clean up; Raised if that fails."""
    if hasattr(items, "close"):
        outcome = outcome_of(items.close)
    elif hasattr(items, "aclose"):
        outcome = yield Await(items.aclose())
    else:
        return None
    return outcome if type(outcome) is Raised else None


def _report(error: BaseException, event: Mapping[str, str], log: Log) -> dict[str, str]:
    """Log an error after the first item; the trailers that report it."""
    document = describe(error, event[REQUEST_ID])
    log.error(error, document)
    return error_trailers(document, encoded(document))


def opening(first: Any) -> tuple[str, bytes]:
    """The content type and the first bytes of a response, by its first item; None if there is none."""
    if isinstance(first, HttpResponse):
        return HTTP_TYPE, first.prelude()
    return STREAM_TYPE, b"" if first is None else piece(first)


def piece(item: Any) -> bytes:
    """The bytes of one item."""
    if isinstance(item, str):
        return item.encode("utf-8", "surrogatepass")
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item)
    message = f"Unable to marshal response: a stream is made of bytes and str, not of {type(item).__name__}"
    raise Fault(ErrorType.MARSHAL_ERROR, message)


def error_trailers(document: Mapping[str, Any], body: bytes) -> dict[str, str]:
    """The trailers that report an error after the first item."""
    import binascii

    return {
        ERROR_TYPE: error_type_header(document["errorType"]),
        ERROR_BODY: binascii.b2a_base64(body, newline=False).decode(),
    }
