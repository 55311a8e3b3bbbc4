"""The chunked coding: sizes, extensions, line ends, the last chunk, trailers."""

from __future__ import annotations

from .case import ANYTHING, HIDDEN, REFUSED, SERVED, Case, post, table

__all__ = ["CASES"]

HEAD = post(b"Transfer-Encoding: chunked")
SIZES = {
    "negative": b"-5",
    "signed": b"+5",
    "a prefix": b"0x5",
    "a suffix": b"5h",
    "no digit": b"g",
    "none": b"",
    "a semicolon only": b";",
    "an extension only": b";a=b",
    "a space before it": b" 5",
    "a tab before it": b"\t5",
    "a vertical tab before it": b"\x0b5",
    "a zero byte": b"5\0",
    "a zero byte before it": b"\x005",
    "a point": b"5.0",
    "a comma": b"5,5",
    "an underscore": b"0_5",
    "two words": b"5 5",
    "65 bits": b"10000000000000005",
    "65 bits of ones": b"1ffffffffffffffff",
    "68 bits": b"fffffffffffffffff",
    "200 digits": b"f" * 200,
    "an Arabic digit": "\u0665".encode(),
    "quotes": b'"5"',
    "a colon": b"5:",
    "an equals sign": b"5=5",
    "a no-break space": b"5\xa0",
    "minus zero": b"-0",
    "an escape": b"%35",
    "a delete": b"5\x7f",
}
ENDS = {
    "a line feed": b"\n",
    "a carriage return": b"\r",
    "both the wrong way round": b"\n\r",
    "two returns": b"\r\r\n",
    "nothing": b"",
    "a space": b" ",
    "a form feed": b"\x0c\r\n",
}
FORBIDDEN_TRAILERS = (  # RFC 9110 6.5.1: framing, routing, authentication, which must not count
    b"Content-Length: 500",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip",
    b"Host: evil.example",
    b"Connection: keep-alive",
    b"Authorization: Basic eDp5",
    b"Content-Type: text/html",
    b"Expect: 100-continue",
    b"Upgrade: h2c",
    b"Trailer: X",
)
BAD_TRAILERS = {
    "no colon": b"X",
    "no name": b": 1",
    "a space in the name": b"X Y: 1",
    "a space behind the name": b"X : 1",
    "a space before the name": b" X: 1",
    "a zero byte in the name": b"X\0: 1",
    "a zero byte in the value": b"X: 1\x002",
    "a carriage return": b"X: 1\r2",
    "a line feed": b"X: 1\n2",
    "not ASCII": b"X\xe9: 1",
    "a fold": b"X: 1\r\n 2",
    "a request": b"GET /smuggled HTTP/1.1",
    "brackets": b"X(: 1",
}


def _sizes() -> list[Case]:
    rows = {name: HEAD + size + b"\r\n12345\r\n0\r\n\r\n" + HIDDEN for name, size in SIZES.items()}
    second = {
        f"{name}, in the second": HEAD + b"1\r\n1\r\n" + size + b"\r\n12345\r\n0\r\n\r\n" + HIDDEN
        for name, size in SIZES.items()
    }
    good = {
        "zeros before it": b"0005\r\n12345\r\n0\r\n\r\n",
        "two chunks": b"2\r\n12\r\n3\r\n345\r\n0\r\n\r\n",
        "five chunks": b"1\r\n1\r\n1\r\n2\r\n1\r\n3\r\n1\r\n4\r\n1\r\n5\r\n0\r\n\r\n",
        "several zeros at the end": b"5\r\n12345\r\n000\r\n\r\n",
    }
    capital = b'"12345678"'
    return [
        *table("chunk size", rows | second, REFUSED),
        *table("chunk size", {name: HEAD + body for name, body in good.items()}, SERVED),
        Case("chunk size: a capital", HEAD + b"A\r\n%b\r\n0\r\n\r\n" % capital, SERVED, capital),
        Case("chunk size: a small letter", HEAD + b"a\r\n%b\r\n0\r\n\r\n" % capital, SERVED, capital),
        Case("chunk size: 40 zeros", HEAD + b"0" * 40 + b"5\r\n12345\r\n0\r\n\r\n", ANYTHING),
    ]


def _line_ends() -> list[Case]:
    rows: dict[str, bytes] = {}
    for name, end in ENDS.items():
        rows |= {
            f"{name} behind a size": HEAD + b"5" + end + b"12345\r\n0\r\n\r\n",
            f"{name} behind a chunk": HEAD + b"5\r\n12345" + end + b"0\r\n\r\n",
            f"{name} behind an extension": HEAD + b"5;a=b" + end + b"12345\r\n0\r\n\r\n",
            f"{name} behind the last size": HEAD + b"5\r\n12345\r\n0" + end + b"\r\n",
            f"{name} for the last line": HEAD + b"5\r\n12345\r\n0\r\n" + end,
            f"{name} behind a trailer": HEAD + b"5\r\n12345\r\n0\r\nX: 1" + end + b"\r\n",
        }
    # These leave the server waiting for more of a body, which is what then comes.
    for name in ("for the last line", "behind an extension", "behind a size"):
        del rows[f"nothing {name}"]
    odd = {name: rows.pop(name) for name in ("a space behind a trailer", "nothing behind a trailer")}
    more = {
        "a chunk longer than its size": HEAD + b"5\r\n123456\r\n0\r\n\r\n",
        "a chunk shorter than its size": HEAD + b"5\r\n1234\r\n0\r\n\r\n",
        "an empty line before a size": HEAD + b"\r\n5\r\n12345\r\n0\r\n\r\n",
        "an empty line behind a chunk": HEAD + b"5\r\n12345\r\n\r\n0\r\n\r\n",
    }
    refused = {name: sent + HIDDEN for name, sent in (rows | more).items()}
    return [*table("chunk", refused, REFUSED), *table("chunk", odd, ANYTHING)]


def _extensions() -> list[Case]:
    served = {
        "a name": b";a",
        "a value": b";a=b",
        "a value in quotes": b';a="b"',
        "several": b";a;b=c;d=e",
        "a semicolon in quotes": b';a="b;c"',
        "an escaped quote": b';a="b\\"c"',
    }
    odd = {
        "nothing": b";",
        "no name": b";=b",
        "no value": b";a=",
        "spaces": b" ; a = b",
        "an open quote": b';a="b',
        "a tab": b";a\tb",
        "not ASCII": b";a=\xe9",
        "many": b";a=b" * 2000,
        "of 100,000 bytes": b";a=" + b"b" * 100_000,
        "of 2 MB": b";a=" + b"b" * 2_000_000,
        "a slash": b";a/b",
        "two equals signs": b";a==b",
    }
    refused = {
        "a line feed": b";a\nb",
        "a carriage return": b";a\rb",
        "a zero byte": b";a\0b",
        "a line end in quotes": b';a="b\r\nc"',
        "a line feed in quotes": b';a="b\nc"',
    }
    tail = b"\r\n12345\r\n0\r\n\r\n"
    last = {f"{name}, in the last": HEAD + b"5\r\n12345\r\n0%b\r\n\r\n" % one for name, one in served.items()}
    return [
        *table("extension", {name: HEAD + b"5" + one + tail for name, one in served.items()} | last, SERVED),
        *table("odd extension", {name: HEAD + b"5" + one + tail for name, one in odd.items()}, ANYTHING),
        *table("bad extension", {name: HEAD + b"5" + one + tail + HIDDEN for name, one in refused.items()}, REFUSED),
    ]


def _trailers() -> list[Case]:
    body = HEAD + b"5\r\n12345\r\n0\r\n"
    forbidden = {field.decode(): body + field + b"\r\n\r\n" for field in FORBIDDEN_TRAILERS}
    bad = {name: body + field + b"\r\n\r\n" + HIDDEN for name, field in BAD_TRAILERS.items()}
    served = {
        "one": body + b"X: 1\r\n\r\n",
        "several": body + b"X: 1\r\nY: 2\r\nX: 3\r\n\r\n",
        "an empty one": body + b"X:\r\n\r\n",
    }
    odd = {
        "Lambda's": body + b"Lambda-Runtime-Function-Error-Type: E\r\n\r\n",
        "1,000": body + b"".join(b"X-%d: 1\r\n" % number for number in range(1000)) + b"\r\n",
        "of 100,000 bytes": body + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
        "of 2 MB": body + b"X: " + b"x" * 2_000_000 + b"\r\n\r\n",
    }
    return [
        # To drop such a field or to refuse the request are both right; to follow it is not.
        *table("forbidden trailer", forbidden, ANYTHING),
        *table("bad trailer", bad, REFUSED),
        *table("trailer", served, SERVED),
        *table("trailer", odd, ANYTHING),
    ]


def _amounts() -> list[Case]:
    """Bodies that are small, in framing that is not."""
    digits = b"1" * 3000
    ones = b"".join(b"1\r\n%c\r\n" % digit for digit in digits) + b"0\r\n\r\n"
    more = b"1\r\n1\r\n" * 200_000 + b"0\r\n\r\n"
    return [
        Case("chunks: 3,000 of one byte", HEAD + ones, ANYTHING, digits),
        Case("chunks: 200,000 of one byte", HEAD + more, ANYTHING, b"1" * 200_000),
    ]


CASES = [*_sizes(), *_line_ends(), *_extensions(), *_trailers(), *_amounts()]
