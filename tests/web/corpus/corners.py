"""What a parser lets through although it means nothing good here, or what some parser gets wrong."""

from __future__ import annotations

from .case import ANYTHING, BODY, HIDDEN, LAST, REFUSED, SERVED, SILENT, Case, head, post, table, with_body

__all__ = ["CASES"]

CHUNKED = post(b"Transfer-Encoding: chunked") + b"5\r\n12345\r\n0\r\n"
LAST_FIELDS = (  # some parsers take the last field of a trailer for one of the next request
    b"Connection: close",
    b"Origin: http://evil.example",
    b"Sec-Fetch-Site: cross-site",
    b"Host: evil.example",
    b"Content-Length: 500",
    b"X-Amz-Invocation-Type: DryRun",
    b"Expect: 100-continue",
)
# llhttp reads these as HTTP.
OTHER_PROTOCOLS = {
    "RTSP": b"OPTIONS rtsp://localhost/TARGET RTSP/1.0\r\nHost: localhost\r\n\r\n",
    "RTSP, a method of HTTP": b"GET /TARGET RTSP/1.0\r\nHost: localhost\r\n\r\n",
    "RTSP/1.1": b"POST /TARGET RTSP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n" + BODY,
    "RTSP that goes on": b"GET /TARGET RTSP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n" + HIDDEN,
    "RTSP, a method of its own": b"DESCRIBE /TARGET RTSP/1.0\r\nHost: localhost\r\n\r\n",
    "ICE": b"SOURCE /TARGET ICE/1.0\r\nHost: localhost\r\n\r\n",
}
ERRORS_AT_THE_END = tuple(verdict._replace(goes_on=False) for verdict in ANYTHING if verdict.statuses)


def _trailers() -> list[Case]:
    """No field of a trailer is framing, and none belongs to the next request (RFC 9110 6.5.1)."""
    rows = {field.decode(): CHUNKED + field + b"\r\n\r\n" for field in LAST_FIELDS}
    return table("last field of a trailer", rows, SERVED + LAST + REFUSED)


def _connects() -> list[Case]:
    """Nothing behind CONNECT is read as a request: its sender may take the connection for a tunnel."""
    rows = {
        "a host": head(b"CONNECT localhost:443 HTTP/1.1"),
        "a host without a port": head(b"CONNECT localhost HTTP/1.1"),
        "a path": head(b"CONNECT /TARGET HTTP/1.1"),
        "an absolute target": head(b"CONNECT http://localhost/TARGET HTTP/1.1"),
        "an address": head(b"CONNECT [::1]:443 HTTP/1.1"),
        "a length": head(b"CONNECT localhost:443 HTTP/1.1", b"Content-Length: 5") + BODY,
        "chunks": head(b"CONNECT localhost:443 HTTP/1.1", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        "a request behind it": head(b"CONNECT localhost:443 HTTP/1.1") + HIDDEN,
        "TLS behind it": head(b"CONNECT localhost:443 HTTP/1.1") + b"\x16\x03\x01\x02\x00\x01" + bytes(80),
        "HTTP/1.0": head(b"CONNECT localhost:443 HTTP/1.0"),
    }
    return table("CONNECT", rows, (*ERRORS_AT_THE_END, *SILENT))


def _white_space() -> list[Case]:
    """White space around a value is no part of it (RFC 9112 5.1)."""
    rows = {
        "a host": with_body().replace(b"Host: localhost", b"Host: \t localhost \t "),
        "an expectation": with_body(b"Expect: 100-continue \t"),
        "a kind of invocation": with_body(b"X-Amz-Invocation-Type: RequestResponse \t"),
        "a kind of response": with_body(b"Lambda-Runtime-Function-Response-Mode: streaming \t"),
        "a connection": with_body(b"Connection: keep-alive \t"),
    }
    return table("white space behind", rows, SERVED)


def _codings() -> list[Case]:
    """Two kinds of framing in one request, and a coding that HTTP/1.0 does not have (RFC 9112 6.1, 6.3)."""
    length = b"Content-Length: 5"
    rows = {
        f"{name} coding {where} a length": post(*fields) + b"0\r\n\r\n" + HIDDEN
        for name, value in (("an empty", b""), ("a blank", b" \t"))
        for where, fields in {
            "before": (b"Transfer-Encoding: " + value, length),
            "behind": (length, b"Transfer-Encoding: " + value),
        }.items()
    }
    kept = CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Host", b"Connection: keep-alive\r\nHost") + b"\r\n"
    return [
        *table("framing", rows, REFUSED),
        Case("framing: chunks in HTTP/1.0 that keeps the connection", kept, LAST),
    ]


CASES = [
    *_trailers(),
    *_connects(),
    *_white_space(),
    *_codings(),
    *table("protocol", OTHER_PROTOCOLS, REFUSED),
]
