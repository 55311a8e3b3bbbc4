"""How values and bodies are compared with the patterns of cases."""

from __future__ import annotations

import pytest

from runtime_api.conformance.matching import SHOWN, differs, differs_body, json_value, shown


def test_a_large_integer_is_shortened_for_a_message() -> None:
    text = shown(10**1000)
    assert len(text) < SHOWN
    assert "1001 characters" in text
    assert differs(1, 10**1000) == f"it is {text}"


def test_a_body_that_nests_too_deeply_is_not_json() -> None:
    body = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(ValueError, match="nested too deeply"):
        json_value(body)
    assert (differs_body({"has": {"errorType": True}}, body) or "").startswith("the body is not JSON")


@pytest.mark.parametrize(
    ("body", "other"),
    [
        (b"12345678901234567890123", b"12345678901234567890124"),
        (b"1.0", b"1.00"),
        (b'{"a":1,"b":2}', b'{"b":2,"a":1}'),
        (b'"\\ud800"', b'"\\ud801"'),
    ],
)
def test_the_spelling_of_a_body_is_compared_exactly(body: bytes, other: bytes) -> None:
    assert differs_body({"spelt": {"text": body.decode()}}, body) is None
    assert differs_body({"spelt": {"text": body.decode()}}, other) is not None


def test_large_integers_are_compared_with_all_their_digits() -> None:
    assert differs_body({"same": "12345678901234567890123"}, b"12345678901234567890123") is None
    assert differs_body({"same": "12345678901234567890123"}, b"12345678901234567890124") is not None
