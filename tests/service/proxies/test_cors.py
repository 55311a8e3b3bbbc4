"""What a function URL tells browsers, by its Cors configuration."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.proxies.cors import admits, answered, preflight
from runtime_api.service.proxies.messages import HttpAnswer, HttpRequest

APP = "https://app.example"
ASKED = (("access-control-request-method", "PUT"), ("access-control-request-headers", "x-a"))
ALL = {"AllowOrigins": ["*"], "AllowMethods": ["*"], "AllowHeaders": ["*"]}


def request(method: str = "GET", origin: str | None = APP, *fields: tuple[str, str]) -> HttpRequest:
    sent = fields if origin is None else (("origin", origin), *fields)
    return HttpRequest(method, "/", "", sent, b"", "192.0.2.1")


def asked(cors: dict[str, Any] | None, origin: str | None = APP) -> dict[str, str] | None:
    found = preflight(cors, request("OPTIONS", origin, *ASKED))
    return None if found is None else dict(found.fields)


def told(cors: dict[str, Any] | None, origin: str | None = APP, *fields: tuple[str, str]) -> list[tuple[str, str]]:
    return list(answered(cors, request("GET", origin), HttpAnswer(200, fields)).fields)


@pytest.mark.parametrize(
    ("cors", "origin", "may"),
    [
        (None, APP, False),
        ({}, APP, False),
        ({"AllowOrigins": [APP]}, APP, True),
        ({"AllowOrigins": ["https://APP.example"]}, APP, True),
        ({"AllowOrigins": [APP]}, f"{APP}:8443", False),
        ({"AllowOrigins": [APP]}, "null", False),
        ({"AllowOrigins": [APP]}, None, False),
        ({"AllowOrigins": ["*"]}, "null", True),
        ({"AllowOrigins": ["*"]}, None, True),
        ({"MaxAge": 1}, APP, False),
    ],
)
def test_who_may_ask(cors: dict[str, Any] | None, origin: str | None, may: bool) -> None:
    assert admits(cors, origin) is may


def test_without_a_configuration_the_function_is_asked() -> None:
    assert asked(None) is asked({}) is None
    assert told(None, APP, ("Access-Control-Allow-Origin", "*")) == [("Access-Control-Allow-Origin", "*")]


def test_only_a_preflight_is_answered_here() -> None:
    assert preflight(ALL, request("OPTIONS")) is None
    assert preflight(ALL, request("GET", APP, *ASKED)) is None
    assert asked(ALL, None) is None


def test_everybody_may_do_everything() -> None:
    assert asked(ALL) == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "*",
        "Access-Control-Allow-Headers": "*",
    }


def test_with_credentials_stars_become_names() -> None:
    assert asked({**ALL, "AllowCredentials": True}) == {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": APP,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "PUT",
        "Access-Control-Allow-Headers": "x-a",
    }


def test_a_preflight_tells_what_is_configured() -> None:
    cors = {"AllowOrigins": [APP], "AllowMethods": ["GET", "PUT"], "AllowHeaders": ["x-a", "x-b"], "MaxAge": 0}
    assert asked(cors) == {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": APP,
        "Access-Control-Allow-Methods": "GET,PUT",
        "Access-Control-Allow-Headers": "x-a,x-b",
        "Access-Control-Max-Age": "0",
    }
    assert asked(cors, "https://other.example") == {"Vary": "Origin"}


def test_the_configuration_wins_over_the_function() -> None:
    cors = {"AllowOrigins": [APP], "ExposeHeaders": ["x-a", "x-b"]}
    own = (("access-control-allow-origin", "*"), ("Access-Control-Max-Age", "1"), ("X-A", "1"))
    assert told(cors, APP, *own) == [
        ("X-A", "1"),
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", APP),
        ("Access-Control-Expose-Headers", "x-a,x-b"),
    ]
    assert told(cors, "https://other.example", *own) == told(cors, None, *own) == [("X-A", "1"), ("Vary", "Origin")]
