"""Bodies of subscriptions: what is accepted, and every fault of those that are refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.errors import Refusal
from runtime_api.protocol.subscriptions import (
    Buffering,
    Destination,
    Subscription,
    TelemetryApi,
    closed,
    other_api,
    read_subscription,
)

TELEMETRY, LOGS = TelemetryApi.TELEMETRY, TelemetryApi.LOGS
HTTP = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/path?a=b"}
TCP = {"protocol": "TCP", "port": 4000}
BODY = {"schemaVersion": "2022-12-13", "types": ["platform"], "destination": HTTP}
LOGS_BODY = {"types": ["platform"], "destination": HTTP}
TYPES = "types should be of platform, function, extension, and not"
URI = "destination.URI"


def read(body: Any, api: TelemetryApi = TELEMETRY, *, concurrent: bool = False) -> Subscription | Refusal:
    return read_subscription(api, body if isinstance(body, bytes) else orjson.dumps(body), concurrent=concurrent)


def test_a_subscription_has_the_defaults_of_lambda() -> None:
    assert read(BODY) == Subscription(
        TELEMETRY,
        "2022-12-13",
        ("platform",),
        Destination("HTTP", 8080, "sandbox.localdomain:8080", "/path?a=b"),
        Buffering(10_000, 262_144, 1000),
    )


@pytest.mark.parametrize("version", ["2022-07-01", "2022-12-13", "2025-01-29"])
def test_the_telemetry_api_has_three_schemas(version: str) -> None:
    subscription = read(BODY | {"schemaVersion": version})
    assert isinstance(subscription, Subscription)
    assert subscription.schema_version == version


def test_the_logs_api_has_a_default_schema_and_a_choice_of_methods() -> None:
    put = {**HTTP, "method": "PUT", "encoding": "JSON"}
    subscription = read({"types": ["function"], "destination": put}, LOGS)
    assert isinstance(subscription, Subscription)
    assert subscription.schema_version == "2020-08-15"
    assert subscription.destination.method == "PUT"
    newer = read({**LOGS_BODY, "schemaVersion": "2021-03-18"}, LOGS)
    assert isinstance(newer, Subscription)
    assert newer.destination.method == "POST"


def test_the_bounds_of_buffering_are_inclusive() -> None:
    least = {"maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25}
    most = {"maxItems": 10_000, "maxBytes": 1_048_576, "timeoutMs": 30_000}
    for bounds in (least, most):
        subscription = read(BODY | {"buffering": bounds})
        assert isinstance(subscription, Subscription)
        assert subscription.buffering == Buffering(*bounds.values())


@pytest.mark.parametrize(
    ("uri", "host", "port", "target"),
    [
        ("http://sandbox:1", "sandbox:1", 1, "/"),
        ("http://SANDBOX.localdomain:65535/", "SANDBOX.localdomain:65535", 65535, "/"),
        ("http://sandbox.localdomain:80/a//b%20c?x#y", "sandbox.localdomain:80", 80, "/a//b%20c?x"),
    ],
)
def test_a_uri_is_taken_as_it_was_written(uri: str, host: str, port: int, target: str) -> None:
    subscription = read(BODY | {"destination": {"protocol": "HTTP", "URI": uri}})
    assert isinstance(subscription, Subscription)
    assert subscription.destination == Destination("HTTP", port, host, target)


def test_a_tcp_destination_is_a_port() -> None:
    subscription = read(BODY | {"destination": TCP, "types": ["function", "extension", "function"]})
    assert isinstance(subscription, Subscription)
    assert subscription.destination == Destination("TCP", 4000)
    assert subscription.types == ("function", "extension")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"types": []}, "types should not be empty"),
        ({"types": None}, "types should be an array of strings"),
        ({"types": "platform"}, "types should be an array of strings"),
        ({"types": ["platform", "moon"]}, f"{TYPES} 'moon'"),
        ({"types": [["platform"], {}]}, f"{TYPES} ['platform']"),
        ({"schemaVersion": "1999-01-01"}, "schemaVersion should be one of 2022-07-01, 2022-12-13, 2025-01-29"),
        ({"schemaVersion": 2022}, "schemaVersion should be one of 2022-07-01, 2022-12-13, 2025-01-29"),
        (
            {"schemaVersion": None},
            "schemaVersion is not provided; it should be one of 2022-07-01, 2022-12-13, 2025-01-29",
        ),
        ({"destination": None}, "destination should be an object"),
        ({"destination": {"protocol": "UDP"}}, "destination.protocol should be HTTP or TCP"),
        ({"destination": {"protocol": "http"}}, "destination.protocol should be HTTP or TCP"),
        ({"destination": {"protocol": "TCP"}}, "destination.port should be a number from 1 to 65535"),
        ({"destination": {"protocol": "TCP", "port": 0}}, "destination.port should be a number from 1 to 65535"),
        ({"destination": {"protocol": "TCP", "port": True}}, "destination.port should be a number from 1 to 65535"),
        ({"destination": {"protocol": "TCP", "port": "80"}}, "destination.port should be a number from 1 to 65535"),
        ({"destination": {"protocol": "HTTP"}}, f"{URI} is not provided"),
        ({"destination": {"protocol": "HTTP", "URI": 5}}, f"{URI} is not provided"),
        ({"destination": {"protocol": "HTTP", "URI": "sandbox:80"}}, f"{URI} should begin with http://"),
        (
            {"destination": {"protocol": "HTTP", "URI": "https://sandbox.localdomain:1/"}},
            f"{URI} should begin with http://",
        ),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://example.com:1/"}},
            f"{URI} host must be sandbox.localdomain or sandbox",
        ),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://me@sandbox:1/"}},
            f"{URI} host must be sandbox.localdomain or sandbox",
        ),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox/"}}, "URI port is not provided"),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox:0/"}}, "URI port is not provided"),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://sandbox:70000/"}},
            f"{URI} is not valid: 'http://sandbox:70000/'",
        ),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://sandbox:80/a\r\nX: y"}},
            f"{URI} is not valid: 'http://sandbox:80/a\\r\\nX: y'",
        ),
        ({"buffering": None}, "buffering should be an object"),
        ({"buffering": {"maxItems": 999}}, "buffering.maxItems should be a number from 1000 to 10000"),
        ({"buffering": {"maxItems": 10001}}, "buffering.maxItems should be a number from 1000 to 10000"),
        ({"buffering": {"maxBytes": 262_143}}, "buffering.maxBytes should be a number from 262144 to 1048576"),
        ({"buffering": {"maxBytes": 1_048_577}}, "buffering.maxBytes should be a number from 262144 to 1048576"),
        ({"buffering": {"timeoutMs": 24}}, "buffering.timeoutMs should be a number from 25 to 30000"),
        ({"buffering": {"timeoutMs": 30_001}}, "buffering.timeoutMs should be a number from 25 to 30000"),
        ({"buffering": {"timeoutMs": "25"}}, "buffering.timeoutMs should be a number from 25 to 30000"),
        (
            {"types": [], "destination": {"protocol": "HTTP", "URI": "http://sandbox"}},
            "types should not be empty; URI port is not provided",
        ),
    ],
)
def test_a_refusal_names_every_fault(change: dict[str, Any], message: str) -> None:
    assert read(BODY | change) == Refusal(400, "ValidationError", message)


@pytest.mark.parametrize("body", [b"", b'{"types":', b"\xff", b"[]", b"null", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    for api, error_type in ((TELEMETRY, "ValidationError"), (LOGS, "Logs.ValidationError")):
        refusal = read(body, api)
        assert isinstance(refusal, Refusal)
        assert (refusal.status, refusal.error_type) == (400, error_type)
        assert refusal.message


def test_a_method_is_a_matter_of_the_logs_api() -> None:
    odd = {**HTTP, "method": "DELETE"}
    message = "destination.method should be POST or PUT"
    assert read(LOGS_BODY | {"destination": odd}, LOGS) == Refusal(400, "Logs.ValidationError", message)
    subscription = read(BODY | {"destination": odd})
    assert isinstance(subscription, Subscription)
    assert subscription.destination.method == "POST"


def test_concurrent_mode_has_one_schema() -> None:
    assert isinstance(read(BODY | {"schemaVersion": "2025-01-29"}, concurrent=True), Subscription)
    assert read(BODY, concurrent=True) == Refusal(400, "ValidationError", "schemaVersion should be one of 2025-01-29")


def test_the_refusals_that_need_no_body() -> None:
    assert closed(TELEMETRY) == Refusal(403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed")
    assert closed(LOGS) == Refusal(403, "Logs.SubscriptionClosed", "Logs API subscription is closed")
    assert other_api(LOGS, TELEMETRY).message == "the extension has subscribed with the Telemetry API already"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
URIS = st.from_regex(r"https?://(sandbox|sandbox\.localdomain|x)?(:[0-9]{0,6})?[/?#\[\]@%!-~]{0,9}", fullmatch=True)
DESTINATIONS = st.fixed_dictionaries(
    {}, optional={"protocol": st.sampled_from(["HTTP", "TCP", "tcp"]), "URI": URIS | ODD, "port": ODD, "method": ODD}
)
NUMBERS = st.integers(0, 2_000_000) | ODD
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "schemaVersion": st.sampled_from(["2022-12-13", "2020-08-15", "2025-01-29"]) | ODD,
        "types": st.lists(st.sampled_from(["platform", "function", "extension"])) | ODD,
        "destination": DESTINATIONS | ODD,
        "buffering": st.fixed_dictionaries(
            {}, optional={"maxItems": NUMBERS, "maxBytes": NUMBERS, "timeoutMs": NUMBERS}
        )
        | ODD,
    },
)


@given(BODIES | ODD, st.sampled_from(TelemetryApi), st.booleans())
def test_any_body_is_refused_or_can_be_delivered_to(body: Any, api: TelemetryApi, concurrent: bool) -> None:
    read_body = read(body, api, concurrent=concurrent)
    if isinstance(read_body, Refusal):
        assert read_body.status == 400
        assert read_body.message
        return
    destination, buffering = read_body.destination, read_body.buffering
    assert 1 <= destination.port <= 65_535
    assert destination.target.startswith("/")
    assert (destination.host + destination.target).isprintable()
    assert " " not in destination.host + destination.target
    assert 1000 <= buffering.max_items <= 10_000
    assert 262_144 <= buffering.max_bytes <= 1_048_576
    assert 25 <= buffering.timeout_ms <= 30_000
    assert read_body.types
