"""JSON on a terminal: every value as it is spelt, and nothing that gives a terminal orders."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.commands.pretty import MOST_BYTES, indented

pytestmark = pytest.mark.slow

TEXTS = st.text(st.characters(exclude_categories=["C"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@given(VALUES, st.sampled_from([None, 1]))
def test_it_stays_the_same_value_and_looks_as_python_indents_it(value: object, spaces: int | None) -> None:
    plain = indented(json.dumps(value, ensure_ascii=False, indent=spaces).encode(), coloured=False)
    if plain is None:  # a separator, which is no printable letter
        return
    assert plain.decode() == json.dumps(value, ensure_ascii=False, indent=2)


def test_numbers_and_escapes_stay_as_they_are_spelt() -> None:
    text = '{"a":1.10,"b":12345678901234567890123,"c":1E5,"d":"\\u00e9"}'
    assert (
        indented(text.encode(), coloured=False)
        == text.replace("{", "{\n  ").replace("}", "\n}").replace(",", ",\n  ").replace(":", ": ").encode()
    )


def test_colours_change_nothing_else() -> None:
    text = b'{"name": ["text", 1, true, null, {}, []]}'
    coloured, plain = indented(text, coloured=True), indented(text, coloured=False)
    assert coloured is not None
    assert plain is not None
    assert coloured != plain
    assert COLOURS.sub("", coloured.decode()) == plain.decode()


@pytest.mark.parametrize(
    "payload",
    [b"", b"text", b'{"a":', b"\xff", b"[" * 100_000, b" " * MOST_BYTES + b"1", '"\x9b2J"'.encode()],
    ids=["empty", "text", "half", "bytes", "deep", "large", "control"],
)
def test_what_is_no_json_for_people_is_left_alone(payload: bytes) -> None:
    assert indented(payload, coloured=True) is None
