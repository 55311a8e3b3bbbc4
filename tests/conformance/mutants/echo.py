"""Faults in events and responses as JSON values."""

import json

from making import breaks, on_event, on_result, on_text
from reference import Bootstrap


def value(case, name, doc, test, other):
    on_result(case, name, doc, lambda result: other(result) if test(result) else result)


def text(case, name, doc, test, other):
    on_text(case, name, doc, lambda body: other(body) if test(body) else body)


def plain(kind, wanted):
    return lambda result: type(result) is kind and result == wanted


value(
    "echo/array",
    "FirstOfArray",
    "Returns the first item of an array.",
    lambda r: isinstance(r, list) and len(r) == 5,
    lambda r: r[0],
)
text(
    "echo/string",
    "BareString",
    "Posts a string without its quotes.",
    lambda b: b == '"a string"',
    lambda b: b.strip('"'),
)
value("echo/integer", "NumberAsText", "Posts a number as a string.", plain(int, 42), str)
value("echo/zero", "ZeroIsNothing", "Treats 0 as nothing.", plain(int, 0), lambda _r: None)
value("echo/negative", "NoSign", "Drops the sign of a number.", plain(int, -17), abs)
value("echo/short-fraction", "WholeNumbers", "Cuts fractions off.", lambda r: type(r) is float, int)
value(
    "echo/fraction",
    "SixDigits",
    "Writes numbers with six digits.",
    lambda r: type(r) is float,
    lambda r: float(f"{r:.6g}"),
)
value("echo/true", "TrueIsOne", "Posts 1 for true.", lambda r: r is True, int)
value("echo/false", "FalseIsNothing", "Treats false as nothing.", lambda r: r is False, lambda _r: None)
text("echo/null", "NullIsEmpty", "Posts an empty body for null.", lambda b: b == "null", lambda _b: "")
value(
    "echo/empty-string", "EmptyStringIsNothing", "Treats an empty string as nothing.", plain(str, ""), lambda _r: None
)
value(
    "echo/empty-array", "EmptyArrayIsNothing", "Treats an empty array as nothing.", plain(list, []), lambda _r: None
)
value(
    "echo/empty-object",
    "EmptyObjectIsNothing",
    "Treats an empty object as nothing.",
    plain(dict, {}),
    lambda _r: None,
)
value(
    "echo/null-in-object",
    "DropsNulls",
    "Drops keys with the value null.",
    lambda r: isinstance(r, dict) and "a" in r and r["a"] is None,
    lambda r: {key: item for key, item in r.items() if item is not None},
)
value(
    "echo/empty-key",
    "DropsEmptyKeys",
    "Drops an empty key.",
    lambda r: isinstance(r, dict) and "" in r,
    lambda r: {key: item for key, item in r.items() if key},
)
value(
    "echo/underscores",
    "DropsUnderscores",
    "Drops keys that start with underscores.",
    lambda r: isinstance(r, dict) and "__b" in r,
    lambda r: {key: item for key, item in r.items() if not key.startswith("__")},
)
text(
    "echo/nested",
    "Shallow",
    "Exits on an event nested 100 levels deep.",
    lambda b: b.startswith("[" * 150),
    lambda b: b[100:-100],
)
text(
    "echo/escapes",
    "LosesBackslashes",
    "Drops backslashes.",
    lambda b: "back" in b,
    lambda b: b.replace("\\\\", ""),
)
text(
    "echo/line-ends",
    "FirstLine",
    "Posts only the first line of a text.",
    lambda b: "three" in b,
    lambda b: b.split("\\n")[0].strip('"\\r').join('""'),
)
text(
    "echo/nul",
    "CutsAtNul",
    "Truncates a text at NUL.",
    lambda b: "\\u0000" in b,
    lambda b: b.split("\\u0000")[0] + '"',
)
text(
    "echo/non-ascii",
    "QuestionMarks",
    "Writes Latin letters as ?.",
    lambda b: "grüße" in b,
    lambda b: b.replace("ü", "?"),
)
text("echo/cjk", "DropsCjk", "Drops characters of three bytes.", lambda b: "漢字" in b, lambda b: b.replace("漢", ""))
text(
    "echo/astral", "NoAstral", "Drops characters of four bytes.", lambda b: "🎉 " in b, lambda b: b.replace("🎉", "")
)
text(
    "echo/escaped-characters",
    "DoubleEscapes",
    "Escapes an escaped character a second time.",
    lambda b: b == '"é🎉"',
    lambda _b: '"\\\\u00e9🎉"',
)
text(
    "echo/line-separator",
    "SplitsLines",
    "Truncates a text at U+2028.",
    lambda b: "\u2028" in b,
    lambda b: b.split("\u2028")[0] + '"',
)
on_event(
    "echo/whitespace",
    "FirstLineOnly",
    "Reads only the first line that is not empty.",
    lambda event: event.body[:2] == b"\n{",
    lambda self, event: self.respond(event, b"{}", "application/json"),
)
text("echo/markup", "EscapesMarkup", "Escapes markup.", lambda b: "<a" in b, lambda b: b.replace("<", "&lt;"))
text(
    "echo/percent",
    "DecodesForms",
    "Decodes an event as form data.",
    lambda b: "%25" in b,
    lambda b: b.replace("%25", "%"),
)


def longer(limit):
    return lambda b: len(b.encode()) > limit


def shorter(b):
    return b[:1000] + '"'


text("echo/100-kb", "Cuts64K", "Posts at most 64 KB.", lambda b: 65536 < len(b) < 300000 and b.isascii(), shorter)
text("echo/1-mb", "Cuts1M", "Posts at most 1 MB.", lambda b: 2**20 < len(b) < 2000000, shorter)
text("echo/6-mb", "Cuts5M", "Posts at most 5 MB.", lambda b: len(b) > 5 * 2**20, shorter)
text("echo/limit", "Cuts6M", "Posts at most 6 MiB.", lambda b: len(b) > 6 * 2**20, shorter)
text(
    "echo/large-non-ascii",
    "CutsCharacters",
    "Drops characters that packets split.",
    lambda b: len(b) > 50000 and not b.isascii(),
    lambda b: b[:-5] + '?"',
)
value("echo/big-integer", "Doubles", "Reads numbers as doubles.", lambda r: type(r) is int and r > 2**53, float)


@breaks("echo/spelling")
class SortsKeys(Bootstrap):
    """Sorts keys."""

    def encode(self, result):
        body = json.dumps(result, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        return (body.encode(), "application/json") if type(result) is dict else super().encode(result)


@breaks("echo/content-type")
class NoContentType(Bootstrap):
    """Posts a response as plain text."""

    def encode(self, result):
        return super().encode(result)[0], "text/plain"


@breaks("echo/own-event")
class LastResponse(Bootstrap):
    """Reuses the response to a similar event."""

    memory = None

    def encode(self, result):
        if (
            type(result) is dict
            and result.keys() & {"n", "m"}
            and int(self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1) == 1
        ):
            self.memory = self.memory or result
            result = self.memory
        return super().encode(result)


@breaks("echo/shrinking")
class KeepsBuffer(Bootstrap):
    """Writes a short response into the buffer of the long one before it."""

    before = b""

    def encode(self, result):
        body, content_type = super().encode(result)
        if body == b"[7]" and self.before:
            body += self.before[3:]
        self.before = body
        return body, content_type
