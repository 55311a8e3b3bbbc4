"""The parser's events: one request after another, each a Head, any number of Data, and an End."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runtime_api.web.replies import PlainReply

__all__ = ["Broken", "Data", "End", "Event", "Head", "Memo", "whole_request"]


class Memo(Struct):
    """What a handler has made of header lines, for all requests with the same lines: it decides for itself once."""

    value: Any = None


class Head(Struct, frozen=True):
    """The head of a request."""

    method: bytes
    path: bytes
    query: bytes
    headers: Mapping[bytes, bytes]  # names in lower case; of several lines with one name the first counts
    length: int = 0  # of the body, if the head announces it; 0 for a chunked body
    close: bool = False  # the connection ends with this request
    http10: bool = False  # the peer speaks HTTP/1.0
    repeated: Sequence[tuple[bytes, bytes]] = ()  # the lines whose names had come before
    memo: Memo = field(default_factory=Memo)


class Data(Struct, frozen=True):
    """A piece of a body."""

    chunk: bytes


class End(Struct, frozen=True):
    """The request is complete."""

    trailers: Mapping[bytes, bytes] | None = None


class Broken(Struct, frozen=True):
    """Nothing after this is read; a request without an End will not get one."""

    fault: PlainReply | None  # what the peer did wrong; None when it closed its side, or left HTTP


Event = Head | Data | End | Broken


def whole_request(events: Sequence[Event]) -> tuple[Head, bytes, End] | None:
    """The head, body and end, when these events are exactly one request."""
    if not 2 <= len(events) <= 3:
        return None
    head, end = events[0], events[-1]
    if type(head) is not Head or type(end) is not End:
        return None
    if len(events) == 2:
        return head, b"", end
    data = events[1]
    return (head, data.chunk, end) if type(data) is Data else None
