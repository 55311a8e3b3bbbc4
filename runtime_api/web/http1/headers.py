"""A request's header lines as a mapping: names in lower case; the first of several lines with one name counts."""

from __future__ import annotations

__all__ = ["REPEATED", "add_header"]

# Two of these make a request ambiguous, and two Hosts make it invalid (RFC 9112 3.2), so neither value may count.
_SINGLE = frozenset({b"host", b"origin", b"sec-fetch-site"})
REPEATED = b"(sent more than once)"  # the value in that case; no rule of the guard accepts it


def add_header(headers: dict[bytes, bytes], name: bytes, value: bytes) -> bool:
    """Add a line to the headers of a request; returns whether its name is new."""
    name, value = name.lower(), value.rstrip(b" \t")  # llhttp leaves it there (RFC 9112 5.1)
    if name not in headers:
        headers[name] = value
        return True
    if name in _SINGLE:
        headers[name] = REPEATED
    return False
