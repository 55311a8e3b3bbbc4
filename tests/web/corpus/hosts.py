"""The Host field: missing, twice, malformed, foreign (RFC 9112 3.2)."""

from __future__ import annotations

from .case import ANYTHING, BODY, REFUSED, SERVED, Case, Verdict, table

__all__ = ["GOOD_AND_FOREIGN", "RULES"]

FOREIGN = (Verdict(frozenset({403}), None), *REFUSED)
LENGTH = b"Content-Length: 5"
MALFORMED = {
    "a space in it": b"local host",
    "a tab in it": b"local\thost",
    "a word for a port": b"localhost:http",
    "a negative port": b"localhost:-1",
    "a signed port": b"localhost:+80",
    "two ports": b"localhost:80:80",
    "a user": b"me@localhost",
    "a URL": b"http://localhost",
    "a path": b"localhost/",
    "a query": b"localhost?a",
    "a fragment": b"localhost#a",
    "a backslash": b"localhost\\",
    "half of IPv6": b"[::1",
    "the other half of IPv6": b"::1]",
    "IPv6 without brackets": b"::1",
    "a bracket": b"[",
    "empty brackets": b"[]",
    "a name in brackets": b"[localhost]",
    "two in brackets": b"[::1][::1]",
    "something behind brackets": b"[::1]x",
    "quotes": b'"localhost"',
    "angle brackets": b"<localhost>",
    "braces": b"{localhost}",
    "a caret": b"localhost^",
    "a bar": b"local|host",
    "not ASCII": b"localhost\xe9",
    "not UTF-8": b"\xff\xfe",
    "two in a list": b"localhost, localhost",
    "two words": b"localhost localhost",
    "a vertical tab": b"localhost\x0b",
    "a delete": b"localhost\x7f",
    "a port only": b":80",
    "two colons before it": b": localhost",
}
UNUSUAL = {  # right by the grammar, or close to it; but nobody sends them
    "empty": b"",
    "a comma": b"localhost,localhost",
    "a trailing dot": b"localhost.",
    "dots": b"...",
    "an escape": b"%6cocalhost",
    "a bad escape": b"localhost%zz",
    "a port too high": b"localhost:99999",
    "a port of many digits": b"localhost:" + b"9" * 500,
    "a zone": b"[fe80::1%25eth0]",
    "IPvFuture": b"[v1.fe80::a]",
    "of 5,000 bytes": b"a" * 5000,
    "a number": b"2130706433",
    "a short address": b"127.1",
    "octal": b"0177.0.0.1",
    "hexadecimal": b"0x7f.1",
}
GOOD = {
    "localhost": b"localhost",
    "in capitals": b"LOCALHOST",
    "a port": b"localhost:9000",
    "an empty port": b"localhost:",
    "an address": b"127.0.0.1",
    "an address and a port": b"127.0.0.1:1",
    "IPv6": b"[::1]",
    "IPv6 and a port": b"[::1]:9000",
}


def _sent(*fields: bytes, line: bytes = b"POST /TARGET HTTP/1.1") -> bytes:
    return b"\r\n".join((line, *fields, b"", BODY))


def _values(rows: dict[str, bytes]) -> dict[str, bytes]:
    return {name: _sent(b"Host: " + value, LENGTH) for name, value in rows.items()}


def _number() -> list[Case]:
    absolute = b"POST http://localhost/TARGET HTTP/1.1"
    refused = {
        "none": _sent(LENGTH),
        "none, in absolute form": _sent(LENGTH, line=absolute),
        "twice the same": _sent(b"Host: localhost", b"Host: localhost", LENGTH),
        "twice, the second empty": _sent(b"Host: localhost", b"Host:", LENGTH),
        "twice, the first empty": _sent(b"Host:", b"Host: localhost", LENGTH),
        "twice, in another case": _sent(b"Host: localhost", b"HOST: localhost", LENGTH),
        "two": _sent(b"Host: localhost", b"Host: evil.example", LENGTH),
        "two, the other way round": _sent(b"Host: evil.example", b"Host: localhost", LENGTH),
        "two, far apart": _sent(b"Host: localhost", LENGTH, b"X: 1", b"Host: localhost"),
        "two, in absolute form": _sent(b"Host: localhost", b"Host: localhost", LENGTH, line=absolute),
        "three": _sent(*[b"Host: localhost"] * 3, LENGTH),
        "two in HTTP/1.0": _sent(b"Host: a", b"Host: b", LENGTH, line=b"POST /TARGET HTTP/1.0"),
        "none, and only a request line": b"GET /TARGET HTTP/1.1\r\n\r\n",
        "none, with a chunked body": _sent(b"Transfer-Encoding: chunked").replace(BODY, b"5\r\n12345\r\n0\r\n\r\n"),
        "none, and an upgrade": _sent(b"Connection: Upgrade", b"Upgrade: h2c", LENGTH),
        "none, and an expectation": _sent(b"Expect: 100-continue", LENGTH),
    }
    return table("hosts", refused, REFUSED)


def _versions() -> list[Case]:
    """Versions whose requests have a head like ours, but another meaning (RFC 9112 2.3)."""
    rows = {
        f"{version} {what}": _sent(b"Host: localhost", LENGTH, *fields, line=f"POST /TARGET {version}".encode())
        for version in ("HTTP/0.9", "HTTP/2.0", "HTTP/2", "HTTP/2.1")
        for what, fields in {
            "with a body": (),
            "that keeps the connection": (b"Connection: keep-alive",),
            "that closes": (b"Connection: close",),
        }.items()
    }
    rows |= {
        "HTTP/0.9 in its own form": b"GET /TARGET\r\n",
        "HTTP/0.9 before a field": b"GET /TARGET\r\nX: HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "HTTP/0.9 in its own form and an empty line": b"GET /TARGET\r\n\r\n",
        "HTTP/2.0 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    }
    return table("versions", rows, REFUSED)


def _other() -> list[Case]:
    behind = {
        "the last field": _sent(LENGTH, b"X: 1", b"Host: localhost"),
        "another in an absolute target": _sent(
            b"Host: localhost", LENGTH, line=b"POST http://127.0.0.1/TARGET HTTP/1.1"
        ),
    }
    foreign = {
        "a foreign one": _sent(b"Host: evil.example", LENGTH),
        "a foreign one with a port": _sent(b"Host: evil.example:9000", LENGTH),
        "a foreign one that begins as ours": _sent(b"Host: localhost.evil.example", LENGTH),
        "a foreign one in an address": _sent(b"Host: 127.0.0.1.evil.example", LENGTH),
    }
    return [
        *table("hosts", behind, SERVED),
        *table("hosts", foreign, FOREIGN),
    ]


RULES = [*_number(), *_versions(), *table("malformed host", _values(MALFORMED), REFUSED)]
GOOD_AND_FOREIGN = [
    *table("unusual host", _values(UNUSUAL), ANYTHING),
    *table("good host", _values(GOOD), SERVED),
    *_other(),
]
