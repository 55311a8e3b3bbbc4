"""Transfer-Encoding: codings that nobody knows, obfuscated ones, several, and together with Content-Length."""

from __future__ import annotations

from .case import ANYTHING, HIDDEN, REFUSED, SERVED, Case, post, table

__all__ = ["CASES"]

OLD = b"POST /TARGET HTTP/1.0"
CHUNKS = b"5\r\n12345\r\n0\r\n\r\n"
EMPTY = b"0\r\n\r\n"
NOT_CHUNKED = {
    "gzip": b"gzip",
    "identity": b"identity",
    "deflate": b"deflate",
    "unknown": b"x",
    "none": b"",
    "white space": b" \t",
    "a comma": b",",
    "a longer word": b"chunkedx",
    "a shorter word": b"chunke",
    "a word that ends in it": b"xchunked",
    "a hyphen": b"x-chunked",
    "chunked not last": b"chunked, identity",
    "chunked before gzip": b"chunked, gzip",
    "chunked twice": b"chunked, chunked",
    "a parameter": b"chunked;q=1",
    "in quotes": b'"chunked"',
    "in single quotes": b"'chunked'",
    "two words": b"chunked gzip",
    "a word in two": b"chun ked",
    "a vertical tab before it": b"\x0bchunked",
    "a vertical tab behind it": b"chunked\x0b",
    "a form feed": b"\x0cchunked",
    "a zero byte before it": b"\0chunked",
    "a zero byte behind it": b"chunked\0",
    "a no-break space": b"\xa0chunked",
    "not ASCII": "chünked".encode(),
    "a long s": "chunﬀed".encode(),
    "a carriage return": b"chunked\rx",
    "a line feed": b"chunked\nx",
    "a semicolon": b"chunked;",
    "a colon": b": chunked",
    "an equals sign": b"=chunked",
    "a percent escape": b"%63hunked",
}
LINES = {
    "twice": (b"chunked", b"chunked"),
    "gzip behind it": (b"chunked", b"gzip"),
    "identity behind it": (b"chunked", b"identity"),
    "none behind it": (b"chunked", b""),
    "unknown behind it": (b"chunked", b"x"),
}
BEFORE = {
    "gzip": b"gzip, chunked",
    "identity": b"identity, chunked",
    "unknown": b"x, chunked",
    "two": b"a, b, chunked",
}
LENGTHS = {"5": b"5", "0": b"0", "that of the chunks": b"%d" % len(CHUNKS), "more": b"500", "no number": b"x"}


def _te(value: bytes) -> bytes:
    return b"Transfer-Encoding: " + value


def _alone() -> list[Case]:
    rows = {name: post(_te(value)) + CHUNKS + HIDDEN for name, value in NOT_CHUNKED.items()}
    rows |= {
        f"{name}, in HTTP/1.0": post(_te(value), line=OLD) + CHUNKS + HIDDEN for name, value in NOT_CHUNKED.items()
    }
    rows |= {
        f"{name}, before a length": post(_te(value), b"Content-Length: 5") + EMPTY + HIDDEN
        for name, value in NOT_CHUNKED.items()
        if value.strip()  # corners.py has these
    }
    rows |= {
        f"{name}, behind a length": post(b"Content-Length: 5", _te(value)) + EMPTY + HIDDEN
        for name, value in NOT_CHUNKED.items()
        if value.strip()
    }
    return table("coding", rows, REFUSED)


def _lines() -> list[Case]:
    rows = {name: post(*map(_te, values)) + CHUNKS + HIDDEN for name, values in LINES.items()}
    rows |= {
        f"{name}, apart": post(_te(values[0]), b"X: 1", _te(values[1])) + CHUNKS + HIDDEN
        for name, values in LINES.items()
    }
    rows |= {
        f"{name}, and a length": post(*map(_te, values), b"Content-Length: 5") + CHUNKS + HIDDEN
        for name, values in LINES.items()
    }
    return table("codings", rows, REFUSED)


def _with_length() -> list[Case]:
    rows: dict[str, bytes] = {}
    for name, length in LENGTHS.items():
        field = b"Content-Length: " + length
        rows |= {
            f"length {name} before it": post(field, _te(b"chunked")) + CHUNKS + HIDDEN,
            f"length {name} behind it": post(_te(b"chunked"), field) + CHUNKS + HIDDEN,
            f"length {name} apart from it": post(_te(b"chunked"), b"X: 1", field) + CHUNKS + HIDDEN,
            f"length {name} on both sides": post(field, _te(b"chunked"), field) + CHUNKS + HIDDEN,
            f"length {name}, in HTTP/1.0": post(field, _te(b"chunked"), line=OLD) + CHUNKS + HIDDEN,
            f"length {name}, in capitals": post(field.upper(), _te(b"CHUNKED").upper()) + CHUNKS + HIDDEN,
        }
    return table("chunked and a", rows, REFUSED)


def _good() -> list[Case]:
    served = {
        "as it should be": post(_te(b"chunked")) + CHUNKS,
        "in capitals": post(b"TRANSFER-ENCODING: CHUNKED") + CHUNKS,
        "in mixed case": post(b"tRANSFER-eNCODING: cHUNKED") + CHUNKS,
        "no space": post(b"Transfer-Encoding:chunked") + CHUNKS,
        "TE beside it": post(_te(b"chunked"), b"TE: trailers, deflate") + CHUNKS,
    }
    lenient = {
        "tabs around it": post(_te(b"\tchunked\t")) + CHUNKS,
        "a comma behind it": post(_te(b"chunked,")) + CHUNKS,
        "a comma before it": post(_te(b",chunked")) + CHUNKS,
        "commas before it": post(_te(b", ,chunked")) + CHUNKS,
        **{f"{name} before it": post(_te(value)) + CHUNKS for name, value in BEFORE.items()},
        "gzip on a line before it": post(_te(b"gzip"), _te(b"chunked")) + CHUNKS,
        "an empty line before it": post(_te(b""), _te(b"chunked")) + CHUNKS,
        "trailers before it": post(_te(b"trailers, chunked")) + CHUNKS,
    }
    return [
        *table("good coding", served, SERVED),
        *table("odd coding", lenient, ANYTHING),
        Case("good coding: no body", post(_te(b"chunked")) + EMPTY, SERVED, b""),
        Case("good coding: a request in it", post(_te(b"chunked")) + _chunk(HIDDEN) + EMPTY, ANYTHING, HIDDEN),
    ]


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


CASES = [*_alone(), *_lines(), *_with_length(), *_good()]
