"""A payload is JSON if it conforms to the RFC, and nothing else is."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_api.engine.payloads import PIECE_BYTES, check_json, decode_client_context
from runtime_api.service.errors import InvalidRequestContentException

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


def accepted(payload: bytes) -> bool:
    """Say whether the payload is accepted."""
    try:
        check_json(payload)
    except InvalidRequestContentException:
        return False
    return True


def is_json(payload: bytes) -> bool:
    """Ask Python's own parser, without its extensions."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        json.loads(payload.decode(), parse_constant=refuse)
    except ValueError:
        return False
    return True


@settings(max_examples=60)
@given(VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_everything_that_dumps_writes_is_accepted(value: Any, ascii_only: bool, indent: int | str | None) -> None:
    assert accepted(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode())


@given(VALUES, st.data())
def test_changed_json_is_accepted_only_if_it_conforms(value: Any, data: st.DataObject) -> None:
    text = bytearray(json.dumps(value, ensure_ascii=False).encode())
    at = data.draw(st.integers(0, len(text)))
    text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=2))
    assert accepted(bytes(text)) == is_json(bytes(text))


PIECES = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    '"a"',
    "1",
    "-",
    "0",
    ".",
    "e",
    "+",
    "true",
    "null",
    "NaN",
    "\\",
    "u",
    " ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_pieces_of_json_are_accepted_only_if_they_conform(pieces: list[str]) -> None:
    payload = "".join(pieces).encode()
    assert accepted(payload) == is_json(payload)


@given(st.text(alphabet='\\"ubnd80cfFx/\x00\x1f\x7f é', max_size=14))
def test_strings_are_accepted_only_if_they_conform(text: str) -> None:
    payload = f'"{text}"'.encode()
    assert accepted(payload) == is_json(payload)


@pytest.mark.parametrize(
    "payload",
    [
        rb'"\ud800"',
        rb'{"\udfff":["\ud800\ud800"]}',
        b'"\\ud83d\\ude00"',
        b" \t\r\n1\n",
        b"-0",
        b"1e999",
        b"0.1E-7",
        b"9" * 4000,
        b'"\xf0\x9f\x98\x80"',
        b'{"a":1,"a":2}',
        b"[" * 200 + b"]" * 200,
    ],
)
def test_unusual_json_is_accepted(payload: bytes) -> None:
    assert accepted(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"NaN",
        b'{"a":NaN}',
        b"[Infinity]",
        b"-Infinity",
        b"",
        b" ",
        b'{"a":1',
        b'"half',
        b"tru",
        b"[1,]",
        b"{} {}",
        b"01",
        b"1.",
        b"+1",
        b"'a'",
        b"{a:1}",
        b"// x\n1",
        b'"\x01"',
        b'"\n"',
        rb'"\x"',
        rb'"\u12g4"',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-16-le"),
        '{"a":1}'.encode("utf-32-be"),
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xc0\xaf"',
        b'"caf\xe9"',
        b"{}\0",
        b"[" * 1_000_000,
        b"[" * 1_000_000 + b"]" * 1_000_000,
        b'{"a":' * 500_000,
    ],
)
def test_anything_else_is_refused(payload: bytes) -> None:
    assert not accepted(payload)


@pytest.mark.parametrize("character", ["\u00e9", "\u20ac", "\U0001f600"])
@pytest.mark.parametrize("shift", range(5))
def test_a_character_on_the_border_of_two_pieces_is_read_as_one(character: str, shift: int) -> None:
    encoded = character.encode()
    before = b'"' + b"x" * (PIECE_BYTES - 1 - shift)
    assert accepted(before + encoded + b"x" * PIECE_BYTES + encoded + b'"')
    broken = before + encoded[:-1] + b"x" * PIECE_BYTES + b'"'
    with pytest.raises(InvalidRequestContentException) as refused:
        check_json(broken)
    assert refused.value.known == (f"The payload is not UTF-8 at byte {len(before)}",)


def test_a_lone_surrogate_beside_a_long_number_is_accepted() -> None:
    assert accepted(b"9" * 10_000)
    assert accepted(rb'["\ud800",' + b"9" * 10_000 + b"]")


@pytest.mark.parametrize("given", ["\u00e330=", "e\u00df0=", "e30", "=", "e30=\u2028", "////", "bnVsbA==", "\x00"])
def test_a_client_context_that_is_no_base64_of_an_object_is_refused(given: str) -> None:
    with pytest.raises(InvalidRequestContentException, match="must be a valid Base64-encoded JSON object"):
        decode_client_context(given, 3583)
