"""orjson makes no difference but speed: `quick_json` reads and writes what `json` would."""

from __future__ import annotations

import datetime
import enum
import json
import math
import struct
import uuid
from collections import namedtuple
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bootjack_bootstrap import codec, quick_json, values
from bootjack_bootstrap.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

Pair = namedtuple("Pair", "left right")


@dataclass
class Point:
    x: Any


class Colour(enum.Enum):
    RED = "red"


NUMBERS = st.one_of(
    st.integers(),
    st.integers(-(2**66), 2**66),
    st.sampled_from([2**63, 2**64, 2**64 - 1, -(2**63), -(2**63) - 1, 10**19, -(10**18)]),
    st.floats(),
    st.binary(min_size=8, max_size=8).map(lambda data: struct.unpack("<d", data)[0]),
)
TEXTS = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
SIMPLE = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists and dictionaries of these, nested."""
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
    )


ZONES = st.timezones() | st.integers(-86_000, 86_000).map(
    lambda seconds: datetime.timezone(datetime.timedelta(seconds=seconds))
)
ANY_TYPE = st.one_of(
    SIMPLE,
    st.datetimes(timezones=st.none() | ZONES),
    st.dates(),
    st.times(),
    st.uuids(),
    st.decimals(),
    st.just(Colour.RED),
    st.builds(Point, SIMPLE),
    st.builds(Pair, SIMPLE, SIMPLE),
    st.dictionaries(st.integers(), SIMPLE, max_size=2),
    st.sets(st.integers(), max_size=2),
    st.binary(max_size=4),
)


@pytest.fixture(autouse=True, scope="module")
def quick_way() -> Iterator[None]:
    """Use orjson for events of every size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec.Quick, "was_tried", True)
        patch.setattr(codec.Quick, "loads", staticmethod(quick_json.loads))
        patch.setattr(codec.Quick, "dumps", staticmethod(quick_json.dumps))
        patch.setattr(codec, "LARGE_BYTES", 0)
        yield


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, in their types, too; NaN equals NaN."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack("d", one) == struct.pack("d", other) or (math.isnan(one) and math.isnan(other))
    return type(one) is type(other) and bool(one == other)


def slow(work: Any) -> Any:
    """Do it without orjson."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec.Quick, "loads", None)
        patch.setattr(codec.Quick, "dumps", None)
        return work()


def outcome(work: Any) -> Any:
    """The result, or the error type."""
    try:
        return work()
    except Fault as fault:
        return fault.error_type


@given(nested(SIMPLE), st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
@example(-(2**63) - 1, True, (",", ":"))
@example([2**64], True, (",", ":"))
@settings(max_examples=120)
def test_events_are_read_as_json_reads_them(value: Any, ascii_only: bool, separators: tuple[str, str]) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, separators=separators).encode("utf-8", "replace")
    assert same(codec.unmarshal_event(body, ""), json.loads(body))


JSONISH = st.lists(
    st.sampled_from(
        [*'[]{},:"-+.eE0123456789 \\u', "true", "null", "NaN", '"a"', "\\ud800", "1e999", "-0", "é", "\0"]
    ),
    max_size=24,
).map("".join)


@given(JSONISH)
@settings(max_examples=120)
def test_texts_that_are_not_json_are_refused_with_and_without_orjson(text: str) -> None:
    body = text.encode()
    quick, plain = (outcome(way) for way in (
        lambda: codec.unmarshal_event(body, ""), lambda: slow(lambda: codec.unmarshal_event(body, ""))
    ))  # fmt: skip
    assert same(quick, plain)


@given(nested(ANY_TYPE))
@example(struct.unpack("<d", b"\0\0\0\0\0\0\xf4\x7f")[0])
@example(datetime.datetime(1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(seconds=1))))
@settings(max_examples=120)
def test_results_are_written_as_json_writes_them(value: Any) -> None:
    quick, plain = (
        outcome(lambda: codec.marshal_result(value)),
        outcome(lambda: slow(lambda: codec.marshal_result(value))),
    )
    assert isinstance(quick, tuple) == isinstance(plain, tuple)
    if isinstance(quick, tuple):
        assert quick[1] == plain[1]
        if quick[1] == "application/json":
            assert same(json.loads(quick[0]), json.loads(plain[0]))
        else:
            assert quick[0] == plain[0]
    else:
        assert quick == plain == "Runtime.MarshalError"


def test_a_custom_default_is_used_with_and_without_orjson(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values._Default, "function", staticmethod(lambda value: f"<{type(value).__name__}>"))
    value = [Colour.RED, uuid.UUID(int=0), datetime.date(2026, 1, 1), {1}, (1,)]
    written = json.loads(codec.marshal_result(value)[0])
    assert written == ["<Colour>", "<UUID>", "<date>", "<set>", [1]]
    assert written == json.loads(slow(lambda: codec.marshal_result(value))[0])


def test_deep_nesting() -> None:
    deep: Any = []
    for _ in range(600):
        deep = [deep]
    assert json.loads(codec.marshal_result(deep)[0]) == deep
    assert codec.unmarshal_event(b"[" * 600 + b"]" * 600, "") == json.loads("[" * 600 + "]" * 600)
