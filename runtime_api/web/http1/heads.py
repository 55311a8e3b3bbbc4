"""A cache of request heads: a request whose head has come before is not parsed again.

A client sends the same head again and again, or one in which only the target is new, as a runtime does with its
responses. When such a request arrives whole and in one read, its meaning is known without a parser. For any bytes in
any pieces the result is the same with and without this cache.
"""

from __future__ import annotations

import re

from .events import Head

__all__ = ["HeadCache"]

KNOWN_BYTES = 8192  # a longer head is parsed each time
KNOWN_HEADS = 8  # of one connection
GIVEN_UP = 64  # unknown heads in a row, after which no more are kept: each may have a date that no other has
_PLAIN_TARGET = re.compile(rb"/[!-~]*").fullmatch
# With these headers a request is more than a head and a number of bytes.
_SPECIAL = frozenset({b"transfer-encoding", b"upgrade", b"expect", b"connection"})


class HeadCache:
    """The known heads of one connection."""

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}  # by all their bytes
        self._heads_by_rest: dict[bytes, Head] = {}  # by what follows the target
        self._unknown = 0  # heads in a row

    def find(self, data: bytes) -> Head | None:
        """The head, when these bytes are a whole request with a known head."""
        if not self._heads:
            return None
        head_end = data.find(b"\r\n\r\n") + 4
        head = self._heads.get(data[:head_end]) or self._with_new_target(data, head_end)
        if head is None or len(data) - head_end != head.length:
            return None
        self._unknown = 0
        return head

    def _with_new_target(self, data: bytes, head_end: int) -> Head | None:
        """A known head in which only the target is new."""
        method_end = data.find(b" ")
        target_end = data.find(b" ", method_end + 1)
        head = self._heads_by_rest.get(data[target_end:head_end])
        target = data[method_end + 1 : target_end]
        if head is None or data[:method_end] != head.method or not _PLAIN_TARGET(target):
            return None
        path, _, query = target.partition(b"?")
        return Head(head.method, path, query, head.headers, head.length)

    def learn(self, data: bytes, head: Head) -> None:
        """Keep the head of this whole request, if it is a plain one."""
        self._unknown += 1
        if self._unknown > GIVEN_UP:
            return
        head_end = len(data) - head.length
        plain = not head.close and _SPECIAL.isdisjoint(head.headers)
        if plain and head_end <= KNOWN_BYTES and data.endswith(b"\r\n\r\n", 0, head_end):
            if len(self._heads) >= KNOWN_HEADS:
                self._heads.clear()
                self._heads_by_rest.clear()
            target_end = data.find(b" ", data.find(b" ") + 1)
            self._heads[data[:head_end]] = self._heads_by_rest[data[target_end:head_end]] = head
