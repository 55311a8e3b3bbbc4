"""One case, and the ways in which it may end."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "ANYTHING",
    "BODY",
    "HIDDEN",
    "LAST",
    "REFUSED",
    "SERVED",
    "SILENT",
    "TARGET",
    "WRONG_METHOD",
    "Case",
    "Verdict",
    "head",
    "post",
    "table",
    "with_body",
]

TARGET = b"/TARGET"  # stands for a path that each way replaces by its own
BODY = b"12345"  # of a good request: JSON, too
HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"  # must never be taken for a request


class Verdict(NamedTuple):
    """One way to end: the status of the one answer, and whether the connection goes on behind it."""

    statuses: frozenset[int] | None  # None: that of a good request, in which case the body must be the right one
    goes_on: bool | None  # None: either

    def __str__(self) -> str:
        asked = "as a good request" if self.statuses is None else "/".join(map(str, sorted(self.statuses)))
        then = {True: "and goes on", False: "and ends", None: ""}[self.goes_on]
        return f"{asked or 'no answer'} {then}".strip()


def _answered(*statuses: int, goes_on: bool | None) -> Verdict:
    return Verdict(frozenset(statuses), goes_on)


_SERVED = Verdict(None, True)
_LAST = Verdict(None, False)
_REFUSED = _answered(400, goes_on=False)
SERVED = (_SERVED,)
LAST = (_LAST,)
REFUSED = (_REFUSED,)
SILENT = (_answered(goes_on=False),)
WRONG_METHOD = (_answered(405, 501, goes_on=True),)
# RFC 9112 leaves it to the server, and nobody downstream can read it in another way.
ANYTHING = (
    _SERVED,
    _LAST,
    _answered(400, 403, 404, 405, 408, 413, 414, 417, 431, 501, 505, goes_on=None),
)


class Case(NamedTuple):
    """What is sent, how it may end, and the body that a correct reader finds in it."""

    name: str
    sent: bytes
    allowed: tuple[Verdict, ...]
    body: bytes = BODY

    @property
    def is_refused(self) -> bool:
        """Whether nothing but a refusal is right."""
        return self.allowed == REFUSED


def head(line: bytes, *fields: bytes) -> bytes:
    """A head with these field lines and a Host."""
    return b"\r\n".join((line, b"Host: localhost", *fields, b"", b""))


def post(*fields: bytes, line: bytes = b"POST /TARGET HTTP/1.1") -> bytes:
    """The head of a POST."""
    return head(line, *fields)


def with_body(*fields: bytes, line: bytes = b"POST /TARGET HTTP/1.1") -> bytes:
    """A POST with a body of five bytes, whose length is among the fields unless it is given last."""
    return post(*fields, b"Content-Length: 5", line=line) + BODY


def table(prefix: str, rows: dict[str, bytes], allowed: tuple[Verdict, ...], body: bytes = BODY) -> list[Case]:
    """Cases that may all end in the same ways."""
    return [Case(f"{prefix}: {name}", sent, allowed, body) for name, sent in rows.items()]
