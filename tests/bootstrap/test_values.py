"""Events and results as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.bootstrap.scripted import event
from tests.bootstrap.starting import run

if TYPE_CHECKING:
    from pathlib import Path

IMPORTS = """
import collections, dataclasses, datetime, decimal, enum, fractions, uuid
@dataclasses.dataclass
class Point:
    x: int
    y: "Point | None" = None
class Colour(enum.Enum):
    RED = "red"
class Number(enum.IntEnum):
    ONE = 1
Pair = collections.namedtuple("Pair", "left right")
class Odd: pass
loop = []; loop.append(loop)
"""
WRITTEN = {
    "None": None,
    "{1: 2, None: 3, True: 4, 1.5: 5}": {"1": 4, "null": 3, "1.5": 5},
    "(1, (2,))": [1, [2]],
    "Pair(1, [Pair(2, 3)])": {"left": 1, "right": [{"left": 2, "right": 3}]},
    "{'in': Pair(1, Point(Pair(1, 2)))}": {"in": {"left": 1, "right": {"x": {"left": 1, "right": 2}, "y": None}}},
    "collections.OrderedDict(b=1, a=2)": {"b": 1, "a": 2},
    "Point(1, Point(2))": {"x": 1, "y": {"x": 2, "y": None}},
    "[Colour.RED, Number.ONE]": ["red", 1],
    "datetime.datetime(2026, 11, 24, 1, 2, 3)": "2026-11-24T01:02:03",
    "datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)": "2026-01-01T00:00:00+00:00",
    "[datetime.date(2026, 11, 24), datetime.time(1, 2)]": ["2026-11-24", "01:02:00"],
    "uuid.UUID(int=1)": "00000000-0000-0000-0000-000000000001",
    "{'text': b'\\xc3\\xa4'}": {"text": "ä"},
    "2 ** 200": 2**200,
    "[-2 ** 63 - 1, 2 ** 64]": [-(2**63) - 1, 2**64],
    "'\\U0001f600 \\u2028'": "\U0001f600 \u2028",
    "'\\ud800'": "\ud800",
}
NOT_WRITTEN = ["{1, 2}", "1j", "Odd()", "fractions.Fraction(1)", "{'bytes': b'\\xff'}", "{(1, 2): 3}", "loop",
            "{b'key': 1}", "open", "range(3)"]  # fmt: skip


def test_values_as_json(tmp_path: Path) -> None:
    source = f"{IMPORTS}\ndef handler(event, context): return eval(event)"
    ran = run(tmp_path, source, [event(json.dumps(value).encode()) for value in WRITTEN])
    assert dict(zip(WRITTEN, ran.documents, strict=True)) == WRITTEN
    assert {one.headers["content-type"] for one in ran.posts} == {"application/json"}
    assert ran.out == ""


def test_values_without_json_are_marshal_errors_and_serving_goes_on(tmp_path: Path) -> None:
    source = f"{IMPORTS}\ndef handler(event, context): return eval(event)"
    ran = run(tmp_path, source, [event(json.dumps(value).encode()) for value in [*NOT_WRITTEN, "'well'"]])
    assert [one["errorType"] for one in ran.documents[:-1]] == ["Runtime.MarshalError"] * len(NOT_WRITTEN)
    assert all(one["errorMessage"].startswith("Unable to marshal response: ") for one in ran.documents[:-1])
    assert ran.documents[-1] == "well"
    assert ran.code == 0


def test_decimals_keep_their_digits(tmp_path: Path) -> None:
    source = """
        from decimal import Decimal
        def handler(event, context):
            text = '"decimal-0123-0;'
            texts = {"a": Decimal("-0.0"), text: text}
            return [Decimal("1.10"), Decimal("1e400"), texts, Decimal("NaN"), Decimal("3")]
    """
    ran = run(tmp_path, source, [event()])
    assert (
        ran.posts[0].body.decode()
        == '[1.10, 1E+400, {"a": -0.0, "\\"decimal-0123-0;": "\\"decimal-0123-0;"}, NaN, 3]'
    )


def test_nan_and_infinity_are_written_as_python_does(tmp_path: Path) -> None:
    source = "def handler(event, context): return [float('nan'), float('inf'), -float('inf')]"
    assert run(tmp_path, source, [event()]).posts[0].body == b"[NaN, Infinity, -Infinity]"


@pytest.mark.parametrize("made", ["bytes({})", "bytearray({})", "memoryview(bytes({}))"])
def test_bytes_are_sent_unchanged(tmp_path: Path, made: str) -> None:
    source = f"def handler(event, context): return {made.format('range(256)')}"
    ran = run(tmp_path, source, [event()])
    assert ran.posts[0].body == bytes(range(256))
    assert ran.posts[0].headers["content-type"] == "application/unknown"


def test_letters_are_not_escaped(tmp_path: Path) -> None:
    ran = run(tmp_path, "def handler(event, context): return event", [event('{"ö":"日本"}'.encode())])
    assert ran.posts[0].body == '{"ö": "日本"}'.encode()


@pytest.mark.parametrize(
    ("kind", "got"),
    [
        ("application/json", {"a": 1}),
        ("Application/JSON; charset=utf-8", {"a": 1}),
        (None, {"a": 1}),
        ("text/plain", "bytes"),
        ("application/jsonlines", "bytes"),
        ("application/vnd.api+json", "bytes"),
    ],
)
def test_the_content_type_of_an_event(tmp_path: Path, kind: str | None, got: object) -> None:
    source = "def handler(event, context): return type(event).__name__ if isinstance(event, bytes) else event"
    given = event(b'{"a":1}', Content_Type=str(kind))
    ran = run(tmp_path, source, [given if kind else given.replace(b"Content-Type: None\r\n", b"")])
    assert ran.documents == [got]


BAD = [b"", b"{", b"{} {}", b"\xff", b"\xef\xbb\xbf{}", b"'a'", b'{"a":1,}', b'"\x01"', b"nul", b"[" * 100_000]


def test_an_event_that_is_not_json_is_an_error_and_serving_goes_on(tmp_path: Path) -> None:
    ran = run(tmp_path, "def handler(event, context): return event", [*map(event, BAD), event(b"1")])
    assert ran.calls == ["next", *["error", "next"] * len(BAD), "response", "next"], ran.documents
    assert [one["errorType"] for one in ran.documents[:-1]] == ["Runtime.UnmarshalError"] * len(BAD)
    assert all(one["errorMessage"].startswith("Unable to unmarshal input: ") for one in ran.documents[:-1])
    assert {one.headers["lambda-runtime-function-error-type"] for one in ran.posts[:-1]} == {"Runtime.UnmarshalError"}
    assert ran.documents[-1] == 1
    assert ran.code == 0


def test_unusual_json_in_events(tmp_path: Path) -> None:
    given: dict[bytes, Any] = {
        b'"\\ud800"': "\ud800",
        b"123456789012345678901234567890": 123456789012345678901234567890,
        b"-0": 0,
        b"1e400": float("inf"),
        b"Infinity": float("inf"),
        b'{"a":1,"a":2}': {"a": 2},
        b' \r\n\t"a" ': "a",
    }
    ran = run(tmp_path, "def handler(event, context): return event", map(event, given))
    assert ran.documents == list(given.values())


def test_a_function_sets_its_own_default(tmp_path: Path) -> None:
    source = """
        import datetime, enum, uuid
        from bootjack_bootstrap import set_json_default
        class Colour(enum.Enum):
            RED = "red"
        class Odd: pass
        def default(value):
            if isinstance(value, Odd):
                raise TypeError("too odd")
            return f"<{type(value).__name__}>"
        set_json_default(default)
        def handler(event, context):
            if event == "odd":
                return Odd()
            return [len(event), {1}, Colour.RED, uuid.UUID(int=0), datetime.date(2026, 1, 1), (1,), "text"]
    """
    ran = run(tmp_path, source, [event(b'"small"'), event(b'"' + b"x" * 50_000 + b'"'), event(b'"odd"')])
    written = ["<set>", "<Colour>", "<UUID>", "<date>", [1], "text"]
    assert ran.documents[:2] == [[5, *written], [50_000, *written]]
    assert ran.documents[2]["errorMessage"] == "Unable to marshal response: too odd"
