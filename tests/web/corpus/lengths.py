"""Content-Length: values that are no length, several lengths, lengths of bodies that do not come."""

from __future__ import annotations

from .case import ANYTHING, BODY, HIDDEN, REFUSED, SERVED, Case, head, post, table

__all__ = ["CASES"]

NOT_DIGITS = {
    "negative": b"-5",
    "signed": b"+5",
    "hexadecimal": b"0x5",
    "hexadecimal without a prefix": b"5a",
    "binary": b"0b101",
    "with a point": b"5.0",
    "with an exponent": b"5e0",
    "with an underscore": b"1_0",
    "with a comma at its end": b"5,",
    "with a comma before it": b",5",
    "with a semicolon": b"5;",
    "with a parameter": b"5;q=1",
    "two words": b"5 5",
    "a word": b"five",
    "in quotes": b'"5"',
    "in single quotes": b"'5'",
    "in brackets": b"(5)",
    "a list of the same": b"5, 5",
    "a list without a space": b"5,5",
    "a list of two": b"5, 6",
    "a list the other way round": b"6, 5",
    "a list of many": b"5, 5, 5, 5",
    "a list with a gap": b"5,,5",
    "empty": b"",
    "white space": b" \t",
    "a vertical tab before it": b"\x0b5",
    "a vertical tab behind it": b"5\x0b",
    "a form feed": b"\x0c5",
    "a zero byte": b"5\0",
    "a zero byte before it": b"\x005",
    "a no-break space": b"5\xa0",
    "an Arabic digit": "\u0665".encode(),
    "a fullwidth digit": "\uff15".encode(),
    "a superscript": "²".encode("latin-1"),
    "a delete": b"5\x7f",
    "a carriage return in it": b"5\r5",
    "a line feed in it": b"5\n5",
    "a tab in it": b"5\t5",
    "a minus behind it": b"5-",
    "minus zero": b"-0",
    "infinite": b"inf",
    "not a number": b"nan",
    "octal": b"0o5",
    "a percent escape": b"%35",
}
TOO_MANY_BITS = {
    "65 bits": b"18446744073709551616",
    "65 bits and five": b"18446744073709551621",
    "100 digits": b"9" * 100,
    "64 bits and a digit": b"184467440737095516155",
}
PAIRS = {
    "the same twice": (b"5", b"5"),
    "a longer one behind it": (b"5", b"%d" % (5 + len(HIDDEN))),
    "a longer one before it": (b"%d" % (5 + len(HIDDEN)), b"5"),
    "zero behind it": (b"5", b"0"),
    "zero before it": (b"0", b"5"),
    "an empty one behind it": (b"5", b""),
    "an empty one before it": (b"", b"5"),
    "no number behind it": (b"5", b"x"),
    "no number before it": (b"x", b"5"),
    "a leading zero": (b"5", b"05"),
    "three": (b"5", b"5", b"5"),
    "a list": (b"5", b"5, 5"),
}
METHODS = (b"POST", b"GET")


def _bad_values() -> list[Case]:
    rows = {
        f"{name} ({method.decode()})": b"%b%b%b"
        % (head(b"%b /TARGET HTTP/1.1" % method, b"Content-Length: " + value), BODY, HIDDEN)
        for name, value in (NOT_DIGITS | TOO_MANY_BITS).items()
        for method in METHODS
    }
    return table("length", rows, REFUSED)


def _several() -> list[Case]:
    rows: dict[str, bytes] = {}
    for name, values in PAIRS.items():
        fields = [b"Content-Length: " + value for value in values]
        apart = [each for field in fields for each in (field, b"X: 1")]
        shouted = [fields[0], *(field.upper() for field in fields[1:])]
        rows |= {
            f"{name}": post(*fields) + BODY + HIDDEN,
            f"{name}, apart": post(*apart) + BODY + HIDDEN,
            f"{name}, in another case": post(*shouted) + BODY + HIDDEN,
            f"{name}, in HTTP/1.0": post(*fields, line=b"POST /TARGET HTTP/1.0") + BODY + HIDDEN,
        }
    return table("lengths", rows, REFUSED)


def _good() -> list[Case]:
    served = {
        "zeros before it": post(b"Content-Length: 00005") + BODY,
        "white space around it": post(b"Content-Length: \t 5 \t") + BODY,
        "no space": post(b"Content-Length:5") + BODY,
        "in capitals": post(b"CONTENT-LENGTH: 5") + BODY,
        "the first field": b"POST /TARGET HTTP/1.1\r\nContent-Length: 5\r\nHost: localhost\r\n\r\n" + BODY,
    }
    empty = {
        "zero": post(b"Content-Length: 0"),
        "several zeros": post(b"Content-Length: 000"),
        "none": post(),
    }
    zeros = {"thousands of zeros before it": post(b"Content-Length: " + b"0" * 5000 + b"5") + BODY}
    hidden = {"a request in the body": post(b"Content-Length: %d" % len(HIDDEN)) + HIDDEN}
    longer = b'"%b"' % (b"x" * 100_000)
    return [
        *table("good length", served, SERVED),
        *table("good length", empty, SERVED, b""),
        *table("good length", zeros, ANYTHING),
        *table("good length", hidden, ANYTHING, HIDDEN),
        Case("good length: 100,002", post(b"Content-Length: %d" % len(longer)) + longer, SERVED, longer),
        *_without_post(),
    ]


def _without_post() -> list[Case]:
    """A body where the method gives it no meaning: it is read all the same (RFC 9110 9.3.1)."""
    rows = {
        method: head(f"{method} /TARGET HTTP/1.1".encode(), b"Content-Length: %d" % len(HIDDEN)) + HIDDEN
        for method in ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "PUT", "PATCH")
    }
    return table("a body with", rows, ANYTHING)


CASES = [*_bad_values(), *_several(), *_good()]
