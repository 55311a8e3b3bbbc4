"""A cache of request heads: a request whose head has come before is not parsed again.

A client sends the same head again and again, or one in which only the target is new, as a runtime does with its
responses. When such a request arrives whole and in one read, its meaning is known without a parser. For any bytes in
any pieces the result is the same with and without this cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exchange import Exchange
from .states import COMPLETE, DUE

if TYPE_CHECKING:
    from .events import Head
    from .exchange import Channel

__all__ = ["HeadCache"]

KNOWN_BYTES = 8192  # a longer head is parsed each time
KNOWN_HEADS = 8  # of one connection
GIVEN_UP = 64  # unknown heads in a row, after which no head is looked up: each may have a date that no other has
_END_OF_HEAD = b"\r\n\r\n"
_PARTS = 3  # of a head: the method, the target, and what follows
_PROTOCOL = b"HTTP/1."
_VISIBLE = bytes(byte if 0x21 <= byte <= 0x7E else 0x21 for byte in range(256))  # changes every other byte
# With these headers a request is more than a head and a number of bytes.
_SPECIAL = frozenset({b"transfer-encoding", b"upgrade", b"expect", b"connection"})


class HeadCache:
    """The known heads of one connection."""

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}  # by what follows the target
        self._unknown = 0  # heads in a row
        self._last: Head | None = None  # that came with the target it is known by: most requests are like that one
        self._start = b""  # its bytes, with the empty line
        self._size = 0  # of the whole request

    def find(self, data: bytes, channel: Channel) -> Exchange | None:
        """The exchange that these bytes begin when they are a whole request with a known head."""
        head = self._last
        if head is None or len(data) != self._size or not data.startswith(self._start):
            return self._look_up(data, channel)
        body = data[len(self._start) :]
        return Exchange(channel, head.method, head.path, head.query, head.headers, COMPLETE, DUE, body, head.memo)

    def _look_up(self, data: bytes, channel: Channel) -> Exchange | None:
        """The same when another request came last, or one with another target."""
        start, end, body = data.partition(_END_OF_HEAD)
        parts = start.split(b" ", 2)
        if not end or len(parts) != _PARTS:
            return None
        method, target, rest = parts
        head = self._heads.get(rest)
        if head is None or len(body) != head.length or method != head.method:
            return None
        if target[:1] != b"/" or target.translate(_VISIBLE) != target:
            return None
        self._unknown = 0
        path, _, query = target.partition(b"?")
        if path == head.path and query == head.query:
            self._keep(head, start, len(data))
        return Exchange(channel, method, path, query, head.headers, COMPLETE, DUE, body, head.memo)

    def learn(self, data: bytes, head: Head) -> None:
        """Keep the head of this whole request, if it is a plain one."""
        self._unknown += 1
        if self._unknown > GIVEN_UP:
            self._forget()
            return
        if head.close or head.repeated or not _SPECIAL.isdisjoint(head.headers):
            return
        start, _, body = data.partition(_END_OF_HEAD)
        if len(body) != head.length or len(start) > KNOWN_BYTES:
            return
        rest = start.split(b" ", 2)[2]
        if not rest.startswith(_PROTOCOL):  # two spaces before the target, which is part of the rest then
            return
        if len(self._heads) >= KNOWN_HEADS:
            self._forget()
        self._heads[rest] = head
        self._keep(head, start, len(data))

    def _keep(self, head: Head, start: bytes, size: int) -> None:
        self._last, self._start, self._size = head, start + _END_OF_HEAD, size

    def _forget(self) -> None:
        self._heads.clear()
        self._last = None
