"""Field lines: names, colons, values, folds, line ends, sizes; and framing that hides behind one of these."""

from __future__ import annotations

from .case import ANYTHING, BODY, HIDDEN, REFUSED, SERVED, Case, post, table, with_body

__all__ = ["CASES"]

DELIMITERS = b'"(),/;<=>?@[\\]{}'  # not in a token; a colon would end the name
CONTROLS = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\t\r\n")
FRAMING = (b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: localhost", b"Expect: 100-continue")
ENDS = {
    "a line feed": b"\n",
    "a carriage return": b"\r",
    "both the wrong way round": b"\n\r",
    "two returns": b"\r\r\n",
}


def _names() -> list[Case]:
    delimited = {f"{chr(byte)!r} in it": with_body(b"X%cY: 1" % byte) for byte in DELIMITERS}
    controls = {f"{byte:#04x} in it": with_body(b"X%cY: 1" % byte) for byte in CONTROLS}
    high = {f"{byte:#04x} in it": with_body(b"X%cY: 1" % byte) for byte in (0x80, 0xA0, 0xC3, 0xE9, 0xFF)}
    odd = {
        "empty": with_body(b": 1"),
        "a space in it": with_body(b"X Y: 1"),
        "a tab in it": with_body(b"X\tY: 1"),
        "a space behind it": with_body(b"X : 1"),
        "a tab behind it": with_body(b"X\t: 1"),
        "a space before the first": b"POST /TARGET HTTP/1.1\r\n Host: localhost\r\nContent-Length: 5\r\n\r\n" + BODY,
        "a tab before the first": b"POST /TARGET HTTP/1.1\r\n\tHost: localhost\r\nContent-Length: 5\r\n\r\n" + BODY,
        "no colon": with_body(b"X"),
        "no colon but a space": with_body(b"X 1"),
        "a space only": with_body(b" "),
        "a tab only": with_body(b"\t"),
        "a request line": with_body(b"GET /smuggled HTTP/1.1"),
    }
    served = {f"{chr(byte)!r} in it": with_body(b"X%cY: 1" % byte) for byte in b"!#$%&'*+-.^_`|~0"}
    return [
        *table("field name", delimited | controls | high | odd, REFUSED),
        *table("field name", served, SERVED),
    ]


def _values() -> list[Case]:
    controls = {f"{byte:#04x} in it": with_body(b"X: a%cb" % byte) for byte in CONTROLS if byte}
    refused = {
        "a zero byte in it": with_body(b"X: a\0b"),
        "a carriage return in it": with_body(b"X: a\rb"),
        "a line feed in it": with_body(b"X: a\nb"),
        "a carriage return at its end": with_body(b"X: a\r"),
        "a header behind a line feed": with_body(b"X: a\nContent-Length: 5"),
        "a header behind a carriage return": with_body(b"X: a\rContent-Length: 5"),
        "a fold": with_body(b"X: a", b" b"),
        "a fold with a tab": with_body(b"X: a", b"\tb"),
        "a fold at once": with_body(b"X:", b" b"),
        "a fold with a header in it": with_body(b"X: a", b" Content-Length: 7"),
    }
    served = {
        "empty": with_body(b"X:"),
        "spaces only": with_body(b"X:    "),
        "no space": with_body(b"X:a"),
        "spaces and tabs around it": with_body(b"X: \t a \t "),
        "colons": with_body(b"X::a:b:"),
        "Latin-1": with_body(b"X: \xe9"),
        "UTF-8": with_body(b"X: \xc3\xa9"),
        "not UTF-8": with_body(b"X: \xff\xfe"),
        "a tab in it": with_body(b"X: a\tb"),
        "quotes": with_body(b'X: "a\\"b'),
        "the same twice": with_body(b"X: a", b"X: b"),
    }
    return [
        *table("field value", refused, REFUSED),
        *table("field value", served, SERVED),
        *table("field value", controls, ANYTHING),
    ]


def _line_ends() -> list[Case]:
    good = with_body(b"X: 1")
    cases = []
    for name, end in ENDS.items():
        rows = {
            f"{name} behind a field": good.replace(b"X: 1\r\n", b"X: 1" + end),
            f"{name} behind the host": good.replace(b"localhost\r\n", b"localhost" + end),
            f"{name} behind the length": good.replace(b"5\r\n\r\n", b"5" + end + b"\r\n"),
            f"{name} for the empty line": good.replace(b"\r\n\r\n", b"\r\n" + end),
            f"{name} twice at the end": good.replace(b"\r\n\r\n", end + end),
        }
        cases += table("line end", rows, REFUSED)
    return cases


def _hidden_framing() -> list[Case]:
    """Framing in a line that one reader may take for framing and another may not."""
    rows: dict[str, bytes] = {}
    for field in FRAMING:
        name, value = field.split(b": ")
        rows |= {
            f"{name.decode()} with a space before the colon": post(b"%b : %b" % (name, value)),
            f"{name.decode()} with a tab before the colon": post(b"%b\t: %b" % (name, value)),
            f"{name.decode()} with a zero byte": post(b"%b\0: %b" % (name, value)),
            f"{name.decode()} with a zero byte before it": post(b"\0%b: %b" % (name, value)),
            f"{name.decode()} with a vertical tab": post(b"%b\x0b: %b" % (name, value)),
            f"{name.decode()} behind a fold": post(b"X: 1", b" %b" % field),
            f"{name.decode()} with its value in a fold": post(b"%b:" % name, b" %b" % value),
            f"{name.decode()} behind a line feed": post(b"X: 1\n%b" % field),
            f"{name.decode()} behind a carriage return": post(b"X: 1\r%b" % field),
            f"{name.decode()} with a zero byte in its value": post(b"%b: \0%b" % (name, value)),
            f"{name.decode()} in quotes": post(b'"%b": %b' % (name, value)),
            f"{name.decode()} with two colons": post(b"%b:: %b" % (name, value)),
            f"{name.decode()} not in ASCII": post(b"\xc3\xa9%b: %b" % (name, value)),
        }
    odd = {name: rows.pop(name) for name in ("Expect with two colons", "Host with two colons")}
    del odd["Host with two colons"]  # hosts.py has it
    refused = table("hidden framing", {name: sent + BODY + HIDDEN for name, sent in rows.items()}, REFUSED)
    others = {
        name: post(name, b"Content-Length: 5") + BODY
        for name in (b"Content_Length: 7", b"Transfer_Encoding: chunked")
    }
    return [
        *refused,
        *table("hidden framing", odd, ANYTHING, b""),
        *table("another field", {name.decode(): sent for name, sent in others.items()}, SERVED),
    ]


def _sizes() -> list[Case]:
    served = {
        "40 fields": with_body(*(b"X-%d: 1" % number for number in range(40))),
        "a value of 4,000 bytes": with_body(b"X: " + b"x" * 4000),
        "a name of 500 bytes": with_body(b"X" * 500 + b": 1"),
    }
    odd = {
        "300 fields": with_body(*(b"X-%d: 1" % number for number in range(300))),
        "20,000 fields": with_body(*(b"X-%d: 1" % number for number in range(20_000))),
        "300,000 empty fields": with_body(*([b"X:"] * 300_000)),
        "a value of 9,000 bytes": with_body(b"X: " + b"x" * 9000),
        "a value of 1,000,000 bytes": with_body(b"X: " + b"x" * 1_000_000),
        "a value of 2 MB": with_body(b"X: " + b"x" * 2_000_000),
        "a name of 70,000 bytes": with_body(b"X" * 70_000 + b": 1"),
        "a name of 2 MB": with_body(b"X" * 2_000_000 + b": 1"),
        "200,000 spaces before a value": with_body(b"X:" + b" " * 200_000 + b"1"),
        "the same name 5,000 times": with_body(*([b"X: 1"] * 5000)),
    }
    return [*table("size", served, SERVED), *table("size", odd, ANYTHING)]


CASES = [*_names(), *_values(), *_line_ends(), *_hidden_framing(), *_sizes()]
