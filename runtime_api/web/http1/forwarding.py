"""Writes parsed requests out again, so that another protocol can parse them when a connection is handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .states import COMPLETE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .exchange import Exchange

__all__ = ["as_bytes"]

_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"upgrade", b"http2-settings", b"transfer-encoding", b"te"})

# Of these a request has one line at most: the first counts here, and aiohttp would refuse the others.
_ONCE = frozenset(
    {
        b"content-length",
        b"content-location",
        b"content-range",
        b"content-type",
        b"etag",
        b"host",
        b"max-forwards",
        b"origin",
        b"sec-fetch-site",
        b"server",
        b"user-agent",
    }
)


def as_bytes(exchanges: Sequence[Exchange], behind: bytes) -> bytes:
    """These requests as they could have been sent, and what has come `behind` the last whole one, as it was sent.

    The first may still be on its way, unless its body comes in chunks; another that is not whole is in `behind`.
    """
    first = exchanges[0]
    if first.request_state is not COMPLETE:
        return _written(first)
    whole = [_written(each) for each in exchanges if each.request_state is COMPLETE]
    return b"".join([*whole, behind])


def _written(exchange: Exchange) -> bytes:
    """The request as far as it has arrived, without hop-by-hop headers: framing, offers of another protocol."""
    target = exchange.path + b"?" + exchange.query if exchange.query else exchange.path
    headers = {name: value for name, value in exchange.headers.items() if name not in _HOP_BY_HOP}
    headers.setdefault(b"host", b"")  # a request of HTTP/1.0 may do without
    repeated = [line for line in exchange.repeated if line[0].lower() not in _HOP_BY_HOP | _ONCE]
    if exchange.request_state is COMPLETE:
        headers.pop(b"expect", None)
    if b"transfer-encoding" in exchange.headers:
        headers[b"content-length"] = b"%d" % exchange.arrived
    if exchange.close or exchange.http10:
        headers[b"connection"] = b"close" if exchange.close else b"keep-alive"
    lines = b"".join([b"%b: %b\r\n" % header for header in (*headers.items(), *repeated)])
    body = exchange.body or b"".join(exchange.chunks or ())
    version = 0 if exchange.http10 else 1
    return b"%b %b HTTP/1.%d\r\n%b\r\n%b" % (exchange.method, target, version, lines, body)
