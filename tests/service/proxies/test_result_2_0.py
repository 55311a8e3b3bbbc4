"""What becomes of a function's result: a document that spells an answer out, or anything else."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.streaming import Prelude
from runtime_api.service.proxies.messages import HttpAnswer
from runtime_api.service.proxies.result_2_0 import FAILED, answer, prelude_answer

JSON = ("Content-Type", "application/json")


def spelled(**document: Any) -> HttpAnswer:
    return answer(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("result", "body"),
    [
        (b'{"hello": "world"}', b'{"hello":"world"}'),
        (b'["hello", 3, true]', b'["hello",3,true]'),
        (b'"h\xc3\xa9llo"', "héllo".encode()),
        (b'"\\ud800"', b"?"),
        (b'""', b""),
        (b"3", b"3"),
        (b"3.10", b"3.10"),
        (b"12345678901234567890123", b"12345678901234567890123"),
        (b"true", b"true"),
        (b"null", b"null"),
        (b"[NaN]", b"[NaN]"),
        (b'{"body": "x", "headers": {}}', b'{"body":"x","headers":{}}'),
    ],
)
def test_anything_else_is_the_body(result: bytes, body: bytes) -> None:
    assert answer(result) == HttpAnswer(200, (JSON,), body)


def test_what_is_not_json_is_passed_on() -> None:
    assert answer(b"\x00\xff") == HttpAnswer(200, (("Content-Type", "application/octet-stream"),), b"\x00\xff")


@pytest.mark.parametrize(
    ("prelude", "expected"),
    [
        (b"{}", HttpAnswer(200, (JSON,), b"rest")),
        (b'{"statusCode": 404, "body": "other"}', HttpAnswer(404, (JSON,), b"rest")),
        (
            b'{"statusCode": 201, "headers": {"content-type": "text/html"}, "cookies": ["a=b"]}',
            HttpAnswer(201, (("content-type", "text/html"), ("Set-Cookie", "a=b")), b"rest"),
        ),
        *(
            (bad, FAILED)
            for bad in (b"", b"no", b"[]", b'"a"', b'{"statusCode": 1000}', b'{"headers": {"a": "\\n"}}')
        ),
    ],
)
def test_a_prelude_spells_the_head_out(prelude: bytes, expected: HttpAnswer) -> None:
    assert prelude_answer(Prelude(prelude, b"rest")) == expected


def test_a_joined_stream_is_read_by_its_prelude() -> None:
    data = b'{"statusCode": 418, "headers": {"X-A": "b"}}' + bytes(8) + b"\0\xff"
    assert answer(data) == HttpAnswer(418, (("X-A", "b"), JSON), b"\0\xff")
    no_prelude = b"\xff" + bytes(9)
    assert answer(no_prelude) == HttpAnswer(200, (("Content-Type", "application/octet-stream"),), no_prelude)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"statusCode": 200, "body": "body123"}, HttpAnswer(200, (JSON,), b"body123")),
        ({"statusCode": 204}, HttpAnswer(204, (JSON,), b"")),
        ({"statusCode": "404", "body": None}, HttpAnswer(404, (JSON,), b"")),
        ({"statusCode": 200, "body": {"a": [1, "é"]}}, HttpAnswer(200, (JSON,), '{"a":[1,"é"]}'.encode())),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}, HttpAnswer(200, (JSON,), b"hi")),
        (
            {"statusCode": 200, "headers": {"content-Type": "text/html", "X-N": 1, "X-B": True, "X-None": None}},
            HttpAnswer(200, (("content-Type", "text/html"), ("X-N", "1"), ("X-B", "true"))),
        ),
        (
            {"statusCode": 302, "headers": {"Location": "/é"}, "cookies": ["a=b; Path=/", "c=d"]},
            HttpAnswer(302, (("Location", "/é"), JSON, ("Set-Cookie", "a=b; Path=/"), ("Set-Cookie", "c=d"))),
        ),
        (
            {"statusCode": 200, "headers": {"Content-Length": "9", "Date": "x"}},
            HttpAnswer(200, (("x-amzn-Remapped-Content-Length", "9"), ("x-amzn-Remapped-Date", "x"), JSON)),
        ),
        (
            {"statusCode": 200, "headers": {"x-a": "1", "X-A": "2"}},
            HttpAnswer(200, (("X-A", "2"), JSON)),
        ),
    ],
)
def test_a_document_spells_the_answer_out(document: dict[str, Any], expected: HttpAnswer) -> None:
    assert spelled(**document) == expected


@pytest.mark.parametrize(
    "document",
    [
        {"statusCode": None},
        {"statusCode": "two hundred"},
        {"statusCode": "-200"},
        {"statusCode": 200.5},
        {"statusCode": True},
        {"statusCode": 99},
        {"statusCode": 101},
        {"statusCode": 600},
        {"statusCode": "9" * 5000},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": ["b"]}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"": "c"}},
        {"statusCode": 200, "headers": {"a": "b\r\nSet-Cookie: c"}},
        {"statusCode": 200, "headers": {"a": "b\u0000"}},
        {"statusCode": 200, "cookies": "a=b"},
        {"statusCode": 200, "cookies": [None]},
        {"statusCode": 200, "cookies": ["a\nb"]},
        {"statusCode": 200, "body": "a", "isBase64Encoded": True},
        {"statusCode": 200, "body": "é", "isBase64Encoded": True},
    ],
)
def test_what_http_does_not_have_is_a_failure(document: dict[str, Any]) -> None:
    assert spelled(**document) == FAILED


def test_a_failure_says_so() -> None:
    assert HttpAnswer(502, (JSON,), b"Internal Server Error") == FAILED


@given(st.binary())
def test_a_body_in_base64_comes_out_as_it_went_in(body: bytes) -> None:
    encoded = base64.b64encode(body).decode()
    assert spelled(statusCode=200, body=encoded, isBase64Encoded=True).body == body


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
MEMBERS = st.sampled_from(["statusCode", "headers", "cookies", "body", "isBase64Encoded"])


@given(st.dictionaries(MEMBERS, JSON_VALUES) | JSON_VALUES)
def test_every_result_has_an_answer_that_http_can_carry(result: Any) -> None:
    found = answer(json.dumps(result).encode())
    assert 200 <= found.status <= 599
    for name, value in found.fields:
        assert not set(f"{name}{value}") & set("\r\n\0")
        assert name.isascii()
