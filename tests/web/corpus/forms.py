"""Requests that are special as a whole: expectations, upgrades, CONNECT, connection options, other protocols."""

from __future__ import annotations

from .case import ANYTHING, BODY, LAST, REFUSED, SERVED, Case, head, post, table, with_body

__all__ = ["CASES"]

CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"5\r\n12345\r\n0\r\n\r\n"
UPGRADES = {
    "h2c": (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAEAAEAAAAIAAAAA"),
    "h2c without settings": (b"Connection: Upgrade", b"Upgrade: h2c"),
    "a web socket": (
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ),
    "an unknown protocol": (b"Connection: upgrade", b"Upgrade: x"),
    "several protocols": (b"Connection: Upgrade", b"Upgrade: h2c, websocket, x/1"),
    "nothing": (b"Connection: Upgrade", b"Upgrade:"),
    "no word of it in Connection": (b"Upgrade: h2c",),
    "a word in Connection only": (b"Connection: upgrade",),
    "TLS": (b"Connection: Upgrade", b"Upgrade: TLS/1.3"),
    "two lines": (b"Connection: Upgrade", b"Upgrade: h2c", b"Upgrade: websocket"),
}
EXPECTATIONS = {
    "100-continue": b"100-continue",
    "in capitals": b"100-CONTINUE",
    "twice in a list": b"100-continue, 100-continue",
    "another": b"x",
    "another with a value": b"x=y",
    "200": b"200-ok",
    "empty": b"",
    "quotes": b'"100-continue"',
    "a number": b"100",
}
CONNECTIONS = {
    "keep-alive": b"keep-alive",
    "unknown": b"x",
    "a list": b"keep-alive, x, y",
    "empty": b"",
    "commas": b",,,",
    "Host": b"host",
    "Content-Length": b"content-length",
    "Transfer-Encoding": b"transfer-encoding",
    "quotes": b'"close"',
    "a longer word": b"closex",
    "a proxy's": b"Proxy-Connection",
}
OTHER_PROTOCOLS = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(80),
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "SMTP": b"EHLO localhost\r\n",
    "Redis": b"*1\r\n$4\r\nPING\r\n",
    "the proxy protocol": b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n",
    "the proxy protocol, second version": b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11\x00\x0c" + bytes(12),
    "an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "zero bytes": bytes(64),
    "JSON": b'{"jsonrpc": "2.0"}\r\n\r\n',
    "a shell": b"id; uname -a\r\n\r\n",
    "SIP": b"OPTIONS sip:localhost SIP/2.0\r\n\r\n",
    "Memcached": b"get x\r\n",
    "high bytes": b"\xff" * 64,
}
BODIES = {
    "without a body": ((), b"", b""),
    "with a length": ((b"Content-Length: 5",), BODY, BODY),
    "with chunks": ((CHUNKED,), CHUNKS, BODY),
}


def _upgrades() -> list[Case]:
    """An upgrade may be ignored (RFC 9110 7.8): the request is answered, and the next one, if any, is HTTP/1.1."""
    return [
        Case(f"upgrade to {name}: {how}", post(*fields, *framing) + sent, SERVED + LAST, body)
        for name, fields in UPGRADES.items()
        for how, (framing, sent, body) in BODIES.items()
    ]


def _expectations() -> list[Case]:
    rows = {name: with_body(b"Expect: " + value) for name, value in EXPECTATIONS.items()}
    chunked = {
        f"{name}, chunked": post(b"Expect: " + value, CHUNKED) + CHUNKS for name, value in EXPECTATIONS.items()
    }
    empty = post(b"Expect: 100-continue", b"Content-Length: 0")
    return [
        *table("expect", rows | chunked, ANYTHING),
        Case("expect: 100-continue without a body", empty, ANYTHING, b""),
        Case("expect: twice", with_body(b"Expect: 100-continue", b"Expect: x"), ANYTHING),
    ]


def _connections() -> list[Case]:
    served = {name: with_body(b"Connection: " + value) for name, value in CONNECTIONS.items()}
    kept = with_body(b"Connection: keep-alive", line=b"POST /TARGET HTTP/1.0")
    return [
        *table("connection", served, SERVED),
        Case("connection: HTTP/1.0 with keep-alive", kept, ANYTHING),
        Case("connection: keep-alive of a thousand seconds", with_body(b"Keep-Alive: timeout=1000, max=9"), SERVED),
    ]


def _asterisks() -> list[Case]:
    rows = {
        "OPTIONS": head(b"OPTIONS * HTTP/1.1"),
        "OPTIONS with a body": head(b"OPTIONS * HTTP/1.1", b"Content-Length: 5") + BODY,
        "GET": head(b"GET * HTTP/1.1"),
        "HEAD": head(b"HEAD * HTTP/1.1"),
        "OPTIONS with a query": head(b"OPTIONS *?a=b HTTP/1.1"),
        "OPTIONS of a host": head(b"OPTIONS http://localhost HTTP/1.1"),
    }
    return table("asterisk", rows, ANYTHING)


def _heads() -> list[Case]:
    rows = {
        "alone": head(b"HEAD /TARGET HTTP/1.1"),
        "with a length": head(b"HEAD /TARGET HTTP/1.1", b"Content-Length: 5") + BODY,
        "with chunks": head(b"HEAD /TARGET HTTP/1.1", CHUNKED) + CHUNKS,
        "of nothing": head(b"HEAD / HTTP/1.1"),
        "that is long": head(b"HEAD /" + b"x" * 9000 + b" HTTP/1.1"),
    }
    return table("HEAD", rows, ANYTHING)


def _protocols() -> list[Case]:
    return table("protocol", OTHER_PROTOCOLS, REFUSED)


def _metadata() -> list[Case]:
    served = {
        "ranges": with_body(b"Range: bytes=0-1, 2-3, -1"),
        "conditions": with_body(b'If-Match: "x"', b"If-None-Match: *"),
        "many encodings": with_body(b"Accept-Encoding: " + b"gzip;q=0.1, " * 200),
        "hops": with_body(b"Max-Forwards: 0", b"Via: 1.1 a", b"Forwarded: for=x"),
        "a forged address": with_body(b"X-Forwarded-For: 1.2.3.4", b"X-Real-IP: 1.2.3.4", b"X-Forwarded-Host: x"),
        "another path": with_body(b"X-Original-URL: /smuggled", b"X-Rewrite-URL: /smuggled"),
        "another method": with_body(b"X-HTTP-Method-Override: DELETE"),
        "a cookie": with_body(b"Cookie: a=b; c=" + b"d" * 3000),
        "a trailer announced": with_body(b"Trailer: Content-Length"),
        "TE": with_body(b"TE: chunked;q=0.5, trailers"),
        "a coded body that is not": with_body(b"Content-Type: application/x-www-form-urlencoded"),
        "multipart without an end": with_body(b"Content-Type: multipart/form-data; boundary=x"),
    }
    return table("metadata", served, SERVED)


CASES = [
    *_upgrades(),
    *_expectations(),
    *_connections(),
    *_asterisks(),
    *_heads(),
    *_protocols(),
    *_metadata(),
]
