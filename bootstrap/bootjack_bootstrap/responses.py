"""Reads one HTTP response, in steps."""

from __future__ import annotations

from .ends import ConnectionLost
from .http1 import CHUNKED, MORE_CAME, MOST_HEAD_BYTES, UNTIL_CLOSED, ChunkedBody, HttpError, read_head
from .steps import RECEIVE, ReceiveInto

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .http1 import Head, Response
    from .steps import Conversation

__all__ = ["read_response"]

CUT_SHORT = "a response was cut short"


def read_response(data: bytes) -> Conversation[tuple[Response, bool, bool]]:
    """Read the response that begins with `data`; whether the connection ends with it, whether `data` was all of it.

    Interim responses (1xx) are skipped. HttpError if it is not HTTP, ConnectionLost if it ends too early.
    """
    if not data:
        raise ConnectionLost("the connection was closed before a response arrived")
    is_whole = True
    while True:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > MOST_HEAD_BYTES:
                raise HttpError("a head without an end")
            data += yield from _more()
            is_whole = False
            continue
        head = read_head(data[:end])
        data = data[end + 4 :]
        status, headers, length = head
        if status >= 200:
            body: bytes | bytearray = data
            if len(data) != length:
                body = yield from _body(head, data)
                is_whole = False
            is_last = length == UNTIL_CLOSED or headers.get("connection", "").lower() == "close"
            return (status, headers, body), is_last, is_whole
        is_whole = False
        data = data or (yield from _more())


def _body(head: Head, data: bytes) -> Conversation[bytes | bytearray]:
    length = head[2]
    if length == CHUNKED:
        return (yield from _chunked(data))
    if length == UNTIL_CLOSED:
        return (yield from _until_closed(data))
    return (yield from _sized(data, length))


def _chunked(data: bytes) -> Conversation[bytearray]:
    chunked = ChunkedBody()
    chunked.feed(data)
    while not chunked.done:
        chunked.feed((yield from _more()))
    return chunked.body


def _sized(data: bytes, length: int) -> Conversation[bytearray]:
    if len(data) > length:
        raise HttpError(MORE_CAME)
    body = bytearray(length)
    body[: len(data)] = data
    at = len(data)
    with memoryview(body) as view:
        while at < length:
            with view[at:] as rest:
                received = yield ReceiveInto(rest)
            if not received:
                raise ConnectionLost(CUT_SHORT)
            at += received
    return body


def _until_closed(data: bytes) -> Conversation[bytes]:
    while True:
        more = yield RECEIVE
        if not more:
            return data
        data += more


def _more() -> Conversation[bytes]:
    data: bytes = yield RECEIVE
    if not data:
        raise ConnectionLost(CUT_SHORT)
    return data
