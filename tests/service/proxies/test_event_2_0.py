"""The event of a function URL has everything that a client has sent."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.service.proxies.event_2_0 import Receipt, event
from runtime_api.service.proxies.messages import HttpRequest

HOST = ("host", "abc.lambda-url.us-east-1.localhost:9000")
RECEIPT = Receipt("abc", "8e0d", "Root=1-2-3", 1_583_348_638_390)


def made(
    method: str = "GET",
    path: str = "/",
    query: str = "",
    fields: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    receipt: Receipt = RECEIPT,
) -> Any:
    return json.loads(event(HttpRequest(method, path, query, (HOST, *fields), body, "192.0.2.1"), receipt))


def body_of(document: Any) -> bytes:
    given: str = document.get("body", "")
    return base64.b64decode(given) if document["isBase64Encoded"] else given.encode()


def test_the_least_event() -> None:
    assert made(fields=(("user-agent", "curl"),)) == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {
            "host": HOST[1],
            "user-agent": "curl",
            "x-amzn-trace-id": "Root=1-2-3",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "9000",
            "x-forwarded-proto": "http",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": HOST[1],
            "domainPrefix": "abc",
            "http": {
                "method": "GET",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl",
            },
            "requestId": "8e0d",
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390,
        },
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    ("path", "decoded"),
    [
        ("/a%2Fb//%e2%82%ac/../+/%20", "/a/b//€/../+/ "),
        ("/pa2%Fth/1", "/pa2%Fth/1"),
        ("/%ff%41", "/%ff%41"),
    ],
)
def test_the_path_is_there_as_it_was_sent_and_decoded(path: str, decoded: str) -> None:
    document = made(path=path)
    assert (document["rawPath"], document["requestContext"]["http"]["path"]) == (path, decoded)


def test_parameters_are_decoded_and_joined() -> None:
    document = made(query="a=1&b=%2Fx+y&a=2&empty=&flag&%C3%A9=%2B")
    assert document["rawQueryString"] == "a=1&b=%2Fx+y&a=2&empty=&flag&%C3%A9=%2B"
    assert document["queryStringParameters"] == {"a": "1,2", "b": "/x y", "empty": "", "flag": "", "é": "+"}


def test_repeated_headers_are_joined() -> None:
    headers = made(fields=(("x-a", "1"), ("x-b", ""), ("x-a", "2")))["headers"]
    assert (headers["x-a"], headers["x-b"]) == ("1,2", "")


def test_cookies_stand_apart() -> None:
    document = made(fields=(("cookie", "a=1; b=x=y;"), ("cookie", "c=")))
    assert document["cookies"] == ["a=1", "b=x=y", "c="]
    assert "cookie" not in document["headers"]


def test_what_concerns_the_connection_is_left_out() -> None:
    fields = (("connection", "keep-alive"), ("te", "trailers"), ("transfer-encoding", "chunked"), ("x-a", "1"))
    headers = made("POST", fields=fields, body=b"123")["headers"]
    assert headers.keys().isdisjoint({"connection", "te", "transfer-encoding"})
    assert (headers["content-length"], headers["x-a"]) == ("3", "1")


def test_a_client_cannot_say_where_it_comes_from() -> None:
    headers = made(fields=(("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")))["headers"]
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("192.0.2.1", "http")


def test_the_signer_is_shown() -> None:
    signer = {"accountId": "123456789012", "accessKey": "AKIA"}
    context = made(receipt=RECEIPT._replace(signer=signer))["requestContext"]
    assert (context["accountId"], context["authorizer"]) == ("123456789012", {"iam": signer})


@pytest.mark.parametrize(
    ("kind", "body", "is_text"),
    [
        ("application/json", b'{"a":"\xc3\xa9"}', True),
        ("Text/Plain; charset=utf-8", b"x", True),
        ("application/problem+json", b"{}", True),
        ("image/svg+xml", b"<svg/>", False),
        ("application/xml", b"<a/>", True),
        ("application/javascript", b"1", True),
        ("application/x-www-form-urlencoded", b"a=1", False),
        ("application/octet-stream", b"text", False),
        ("", b"text", False),
        ("text/plain; charset=latin-1", b"\xe9", False),
        ("application/json", b"\x1f\x8b\x08", False),
    ],
)
def test_a_body_is_text_by_its_type(kind: str, body: bytes, is_text: bool) -> None:
    document = made("POST", fields=(("content-type", kind),), body=body)
    assert document["isBase64Encoded"] is not is_text
    assert body_of(document) == body


def test_an_empty_body_is_none() -> None:
    document = made("POST", fields=(("content-type", "text/plain"), ("content-length", "0")))
    assert "body" not in document
    assert document["headers"]["content-length"] == "0"


TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.!", min_size=1).map("x-t-{}".format)
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"])).map(str.strip)
KINDS = st.sampled_from(["text/plain", "application/json", "application/octet-stream", ""])


@given(
    path=st.text().map(lambda text: "/" + quote(text, errors="replace")),
    pairs=st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), VALUES)),
    fields=st.lists(st.tuples(TOKENS, VALUES)),
    kind=KINDS,
    body=st.binary(),
)
def test_nothing_gets_lost(
    path: str, pairs: list[tuple[str, str]], fields: list[tuple[str, str]], kind: str, body: bytes
) -> None:
    query = urlencode(pairs)
    document = made("PUT", path, query, (*fields, ("content-type", kind)), body)
    assert (document["rawPath"], document["rawQueryString"]) == (path, query)
    assert parse_qs(document["rawQueryString"], keep_blank_values=True) == {
        name: [value for each, value in pairs if each == name] for name, _ in pairs
    }
    joined = {name: ",".join(value for each, value in fields if each == name) for name, _ in fields}
    assert {name: value for name, value in document["headers"].items() if name in joined} == joined
    assert body_of(document) == body
