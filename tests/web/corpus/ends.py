"""Requests that end their connection, with something behind them."""

from __future__ import annotations

from .case import HIDDEN, LAST, Case, head, post, table, with_body

__all__ = ["CASES"]

OLD = b"POST /TARGET HTTP/1.0"
CLOSING = {"close": b"close", "in capitals": b"CLOSE", "in a list": b"x, close", "both": b"keep-alive, close"}
BEHIND = {
    "a line end": b"\r\n",  # which old clients send behind the body of a POST (RFC 9112 2.2)
    "a request": HIDDEN,
    "garbage": b"\0\r\n\r\ngarbage",
    "half a request": HIDDEN[:20],
}
LAST_ONES = {
    "that says so": with_body(b"Connection: close"),
    "of HTTP/1.0": with_body(line=OLD),
    "with chunks": post(b"Connection: close", b"Transfer-Encoding: chunked") + b"5\r\n12345\r\n0\r\n\r\n",
}


def _without_a_host() -> list[Case]:
    sent = head(OLD, b"Content-Length: 5").replace(b"Host: localhost\r\n", b"") + b"12345"
    chunked = post(b"Transfer-Encoding: chunked", line=OLD) + b"5\r\n12345\r\n0\r\n\r\n"
    rows = {
        "without a host": sent,
        "with chunks": chunked,
        "with an expectation": with_body(b"Expect: 100-continue", line=OLD),
    }
    return table("HTTP/1.0", rows, LAST)


CASES = [
    *table("closing", {name: with_body(b"Connection: " + value) for name, value in CLOSING.items()}, LAST),
    *table("closing", {"on two lines": with_body(b"Connection: x", b"Connection: close")}, LAST),
    *[
        Case(f"a request {which} and {what} behind it", sent + behind, LAST)
        for which, sent in LAST_ONES.items()
        for what, behind in BEHIND.items()
    ],
    *_without_a_host(),
]
