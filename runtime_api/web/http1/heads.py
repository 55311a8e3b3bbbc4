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
        self._heads: dict[bytes, Head] = {}  # by their bytes, without the empty line
        self._heads_by_rest: dict[bytes, Head] = {}  # by what follows the target
        self._unknown = 0  # heads in a row

    def find(self, data: bytes, channel: Channel) -> Exchange | None:
        """The exchange that these bytes begin when they are a whole request with a known head."""
        start, end, body = data.partition(_END_OF_HEAD)
        if not end:
            return None
        head = self._heads.get(start)
        if head is None:
            return self._find_by_rest(start, body, channel)
        if len(body) != head.length:
            return None
        self._unknown = 0
        return Exchange(channel, head.method, head.path, head.query, head.headers, COMPLETE, DUE, body, head.memo)

    def _find_by_rest(self, start: bytes, body: bytes, channel: Channel) -> Exchange | None:
        """The same for a head in which only the target is new."""
        parts = start.split(b" ", 2)
        if len(parts) != _PARTS:
            return None
        method, target, rest = parts
        head = self._heads_by_rest.get(rest)
        if head is None or len(body) != head.length or method != head.method:
            return None
        if target[:1] != b"/" or target.translate(_VISIBLE) != target:
            return None
        self._unknown = 0
        path, _, query = target.partition(b"?")
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
        self._heads[start] = self._heads_by_rest[rest] = head

    def _forget(self) -> None:
        self._heads.clear()
        self._heads_by_rest.clear()
