"""An HTTP request and an HTTP answer, as the rules of this package see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Fields", "HttpAnswer", "HttpRequest", "without"]

Fields = tuple[tuple[str, str], ...]  # header fields in order, a name as often as it was sent


class HttpRequest(NamedTuple):
    """A request."""

    method: str
    path: str  # as it was sent, nothing decoded
    query: str  # as it was sent
    fields: Fields  # names in lower case
    body: bytes
    peer: str  # the IP address that sent it

    def values(self, name: str) -> Sequence[str]:
        """Return every value of a header."""
        return [value for each, value in self.fields if each == name]

    def value(self, name: str) -> str | None:
        """Return the values of a header as one; None if it was not sent."""
        values = self.values(name)
        return ",".join(values) if values else None


class HttpAnswer(NamedTuple):
    """An answer."""

    status: int
    fields: Fields
    body: bytes = b""

    def plus(self, *fields: tuple[str, str]) -> HttpAnswer:
        """Return the answer with more header fields."""
        return self._replace(fields=(*self.fields, *fields))


def without(fields: Fields, *starts: str) -> Fields:
    """Return the fields whose names, in lower case, begin with none of these."""
    return tuple(field for field in fields if not field[0].lower().startswith(starts))
