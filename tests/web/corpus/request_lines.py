"""Request lines: methods, targets, versions, and what stands between them."""

from __future__ import annotations

from .case import ANYTHING, BODY, REFUSED, SERVED, WRONG_METHOD, Case, head, table, with_body

__all__ = ["CASES"]

DELIMITERS = b'"(),/:;<=>?@[\\]{}'  # not in a token (RFC 9110 5.6.2)
CONTROLS = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\t\r\n")
OTHER_METHODS = b"GET PUT DELETE PATCH OPTIONS TRACE PROPFIND MKCOL LOCK REPORT M-SEARCH PURGE LINK".split()
UNKNOWN_METHODS = b"FOO get Post POSTT POS P X PRI SM BREW POST! POST' POST- POST. POST^ POST_ POST|".split()
VERSIONS = (
    *b"1.1 HTTP HTTP/ HTTP/1 HTTP/1. HTTP/.1 HTTP/11 HTTP/1.1.1 HTTP/1.10 HTTP/01.1 HTTP/1.01".split(),
    *b"HTTP/x.1 HTTP/1.x HTTP/1,1 HTTP/+1.1 HTTP/-1.1".split(),
    *b"http/1.1 Http/1.1 HTP/1.1 HTTPS/1.1 HTTP\\1.1 HTTP//1.1 HTTP:1.1 /1.1".split(),
    *b"HTTP/4.0 HTTP/9.9 HTTP/0.0 HTTP/0.1 HTTP/1\xb71 ICE/1.0 SHTTP/1.1 HTTP/3 HTTP/1.1x HTTP/1.1;a".split(),
    b"HTTP /1.1",
    b"HTTP/ 1.1",
    b"HTTP/1 .1",
    b"HTTP/1. 1",
    b"HTTP/1.1 HTTP/1.1",
    b"HTTP/1.1 x",
    b"x HTTP/1.1",
)


def _line(line: bytes) -> bytes:
    return with_body(line=line)


def _methods() -> list[Case]:
    delimited = {f"{chr(byte)!r} in a method": _line(b"PO%cST /TARGET HTTP/1.1" % byte) for byte in DELIMITERS}
    controls = {f"{byte:#04x} in a method": _line(b"PO%cST /TARGET HTTP/1.1" % byte) for byte in CONTROLS}
    ends = {f"{byte:#04x} before a method": _line(b"%cPOST /TARGET HTTP/1.1" % byte) for byte in CONTROLS}
    unknown = {name.decode(): _line(b"%b /TARGET HTTP/1.1" % name) for name in UNKNOWN_METHODS}
    others = {name.decode(): head(b"%b /TARGET HTTP/1.1" % name) for name in OTHER_METHODS}
    odd = {
        "none": _line(b" /TARGET HTTP/1.1"),
        "a space before": _line(b" POST /TARGET HTTP/1.1"),
        "a tab before": _line(b"\tPOST /TARGET HTTP/1.1"),
        "in two words": _line(b"PO ST /TARGET HTTP/1.1"),
        "twice": _line(b"POST POST /TARGET HTTP/1.1"),
        "not ASCII": _line(b"POST\xe9 /TARGET HTTP/1.1"),
        "of 300 bytes": _line(b"P" * 300 + b" /TARGET HTTP/1.1"),
        "of 100,000 bytes": _line(b"P" * 100_000 + b" /TARGET HTTP/1.1"),
        "a byte order mark before": _line(b"\xef\xbb\xbfPOST /TARGET HTTP/1.1"),
    }
    return [
        *table("method", delimited | controls | ends | odd, REFUSED),
        *table("unknown method", unknown, REFUSED),
        *table("another method", others, WRONG_METHOD),
    ]


def _versions() -> list[Case]:
    rows = {version.decode("latin-1"): _line(b"POST /TARGET " + version) for version in VERSIONS}
    controls = {f"{byte:#04x} in it": _line(b"POST /TARGET HTTP/1%c.1" % byte) for byte in CONTROLS}
    behind = {f"{byte:#04x} behind it": _line(b"POST /TARGET HTTP/1.1%c" % byte) for byte in CONTROLS}
    higher = {"HTTP/1.2": _line(b"POST /TARGET HTTP/1.2"), "HTTP/1.9": _line(b"POST /TARGET HTTP/1.9")}
    return [
        *table("version", rows | controls | behind, REFUSED),
        *table("higher version", higher, ANYTHING),
    ]


def _targets() -> list[Case]:
    controls = {f"{byte:#04x} in it": _line(b"POST /TARGET%c HTTP/1.1" % byte) for byte in CONTROLS}
    refused = {
        "none": _line(b"POST HTTP/1.1"),
        "two": _line(b"POST /TARGET /TARGET HTTP/1.1"),
        "in two words": _line(b"POST /TAR GET HTTP/1.1"),
        "a carriage return in it": _line(b"POST /TARGET\rX HTTP/1.1"),
        "relative": _line(b"POST TARGET HTTP/1.1"),
        "a query only": _line(b"POST ?a=b HTTP/1.1"),
        "a backslash": _line(b"POST \\TARGET HTTP/1.1"),
    }
    odd = {
        "an asterisk": b"*",
        "an asterisk and more": b"*/TARGET",
        "a root": b"/",
        "two slashes": b"//TARGET",
        "a fragment": b"/TARGET#f",
        "dots": b"/./TARGET/../TARGET",
        "below the root": b"/../../etc/passwd",
        "a bad escape": b"/TARGET%zz",
        "an escape cut short": b"/TARGET%",
        "an escaped zero": b"/TARGET%00",
        "an escaped line end": b"/TARGET%0d%0aX:%201",
        "escaped slashes": b"%2fTARGET",
        "overlong UTF-8": b"/TARGET%c0%af",
        "not ASCII": b"/TARGET\xc3\xa9",
        "not UTF-8": b"/TARGET\xff\xfe",
        "angle brackets": b"/<TARGET>",
        "braces": b"/{TARGET}",
        "quotes": b'/"TARGET"',
        "a caret": b"/TARGET^|`",
        "many slashes": b"/" * 5000,
        "many parameters": b"/TARGET?" + b"a=b&" * 5000,
        "a host": b"localhost",
        "a host and a port": b"localhost:80",
        "of 9,000 bytes": b"/" + b"t" * 9000,
        "of 100,000 bytes": b"/" + b"t" * 100_000,
        "of 2 MB": b"/" + b"t" * 2_000_000,
        "a query of 100,000 bytes": b"/TARGET?" + b"q" * 100_000,
    }
    return [
        *table("target", refused | controls, REFUSED),
        *table("odd target", {name: _line(b"POST %b HTTP/1.1" % target) for name, target in odd.items()}, ANYTHING),
    ]


def _absolute() -> list[Case]:
    served = {
        "http": b"http://localhost/TARGET",
        "in capitals": b"HTTP://LOCALHOST/TARGET",
        "with a port": b"http://localhost:9000/TARGET",
        "https": b"https://localhost/TARGET",
    }
    odd = {
        "another scheme": b"ftp://localhost/TARGET",
        "no host": b"http:///TARGET",
        "nothing": b"http://",
        "no path": b"http://localhost",
        "a user": b"http://me:secret@localhost/TARGET",
        "IPv6": b"http://[::1]/TARGET",
        "half of IPv6": b"http://[::1/TARGET",
        "a bad port": b"http://localhost:x/TARGET",
        "a port too high": b"http://localhost:99999999999/TARGET",
        "a query at once": b"http://localhost?/TARGET",
        "one slash": b"http:/TARGET",
        "no scheme": b"://localhost/TARGET",
        "another in it": b"http://localhost/http://localhost/TARGET",
        "another host": b"http://evil.example/TARGET",
        "two users": b"http://a@b@localhost/TARGET",
        "a file": b"file:///etc/passwd",
    }
    return [
        *table("absolute", {name: _line(b"POST %b HTTP/1.1" % target) for name, target in served.items()}, SERVED),
        *table("odd absolute", {name: _line(b"POST %b HTTP/1.1" % one) for name, one in odd.items()}, ANYTHING),
    ]


def _spaces() -> list[Case]:
    good = with_body()
    refused = {
        "a carriage return at its end": _line(b"POST /TARGET HTTP/1.1\r"),
        "carriage returns for spaces": _line(b"POST\r/TARGET\rHTTP/1.1"),
        "a carriage return alone behind it": good.replace(b"1.1\r\n", b"1.1\r"),
        "a line feed alone behind it": good.replace(b"1.1\r\n", b"1.1\n"),
        "both the wrong way round": good.replace(b"1.1\r\n", b"1.1\n\r"),
        "line feeds only": good.replace(b"\r\n", b"\n"),
        "carriage returns only": good.replace(b"\r\n", b"\r"),
        "a tab before the target": _line(b"POST\t/TARGET HTTP/1.1"),
        "a tab before the version": _line(b"POST /TARGET\tHTTP/1.1"),
        "a form feed for a space": _line(b"POST\x0c/TARGET HTTP/1.1"),
        "a no-break space": _line(b"POST\xa0/TARGET HTTP/1.1"),
        "no spaces": _line(b"POST/TARGETHTTP/1.1"),
    }
    lenient = {  # RFC 9112 3: a server may take any white space for the one space
        "two before the target": _line(b"POST  /TARGET HTTP/1.1"),
        "two before the version": _line(b"POST /TARGET  HTTP/1.1"),
        "one at the end": _line(b"POST /TARGET HTTP/1.1 "),
        "a tab at the end": _line(b"POST /TARGET HTTP/1.1\t"),
        "a thousand": _line(b"POST" + b" " * 1000 + b"/TARGET HTTP/1.1"),
    }
    before = {"an empty line before": b"\r\n" + good, "two empty lines before": b"\r\n\r\n" + good}
    feeds = {
        "a line feed before": b"\n" + good,
        "a carriage return before": b"\r" + good,
        "40,000 lines": b"\r\n" * 40_000 + good,
    }
    return [
        *table("request line", refused, REFUSED),
        *table("spaces", lenient | feeds, ANYTHING),
        *table("request line", before, SERVED, BODY),
    ]


CASES = [*_methods(), *_versions(), *_targets(), *_absolute(), *_spaces()]
