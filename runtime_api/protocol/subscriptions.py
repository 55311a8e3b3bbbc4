"""What an extension subscribes to: the bodies of the Telemetry API and the Logs API, checked.

A body with several faults is refused with all of them, joined as Lambda joins them ("URI port is not provided; types
should not be empty"; AWS, Telemetry API reference). The bounds and defaults are the schema's that AWS's emulator
checks bodies against (RIE telemetry-subscription-schema.json).
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from .errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Buffering", "Destination", "Subscription", "TelemetryApi", "closed", "other_api", "read_subscription"]

TYPES = ("platform", "function", "extension")
NAMES = frozenset({"sandbox", "sandbox.localdomain"})  # of an environment's own loopback
HTTP, TCP = "HTTP", "TCP"
METHODS = ("POST", "PUT")  # the Logs API lets its subscribers choose
MOST_PORT = 65_535
CONCURRENT_SCHEMA = "2025-01-29"  # the only one of concurrent mode
VISIBLE = re.compile(r"[!-~]+")  # what a request line can carry


class TelemetryApi(Enum):
    """One of the two APIs; its value begins the types of its errors."""

    TELEMETRY = "Telemetry"
    LOGS = "Logs"  # its predecessor, which has other records


SCHEMAS = {
    TelemetryApi.TELEMETRY: ("2022-07-01", "2022-12-13", CONCURRENT_SCHEMA),
    TelemetryApi.LOGS: ("2020-08-15", "2021-03-18"),
}
DEFAULT_LOGS_SCHEMA = "2020-08-15"


class Destination(NamedTuple):
    """Where deliveries go: a port of the environment's loopback, and for HTTP the request to make there."""

    protocol: str  # HTTP or TCP
    port: int
    host: str = ""  # as the subscriber wrote it, port included
    target: str = "/"  # path and query
    method: str = "POST"


class Buffering(NamedTuple):
    """When a batch is full."""

    max_items: int = 10_000
    max_bytes: int = 262_144
    timeout_ms: int = 1000


class Subscription(NamedTuple):
    """What an extension receives, and how."""

    api: TelemetryApi
    schema_version: str
    types: tuple[str, ...]
    destination: Destination
    buffering: Buffering


# What `buffering` may hold, as (least, most).
BOUNDS = {"maxItems": (1000, 10_000), "maxBytes": (262_144, 1_048_576), "timeoutMs": (25, 30_000)}


def read_subscription(api: TelemetryApi, body: bytes, *, concurrent: bool) -> Subscription | Refusal:
    """Read a body; `concurrent`: the environment is in concurrent mode, which has a schema of its own."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _refusal(api, [f"failed to parse JSON: {error}"])
    if not isinstance(document, dict):
        return _refusal(api, ["the body should be a JSON object"])
    faults: list[str] = []
    subscription = Subscription(
        api,
        _schema_version(api, document, concurrent, faults),
        _types(document.get("types"), faults),
        _destination(api, document.get("destination"), faults),
        _buffering(document.get("buffering", {}), faults),
    )
    return _refusal(api, faults) if faults else subscription


def closed(api: TelemetryApi) -> Refusal:
    """The refusal of a subscription after the init phase (spec 8)."""
    return Refusal(403, f"{api.value}.SubscriptionClosed", f"{api.value} API subscription is closed")


def other_api(api: TelemetryApi, first: TelemetryApi) -> Refusal:
    """The refusal of an extension that has subscribed with the other API."""
    return _refusal(api, [f"the extension has subscribed with the {first.value} API already"])


def _refusal(api: TelemetryApi, faults: Sequence[str]) -> Refusal:
    error_type = "ValidationError" if api is TelemetryApi.TELEMETRY else "Logs.ValidationError"
    return Refusal(400, error_type, "; ".join(faults))


def _schema_version(api: TelemetryApi, document: dict[str, Any], concurrent: bool, faults: list[str]) -> str:
    allowed = (CONCURRENT_SCHEMA,) if concurrent and api is TelemetryApi.TELEMETRY else SCHEMAS[api]
    version = document.get("schemaVersion", DEFAULT_LOGS_SCHEMA if api is TelemetryApi.LOGS else None)
    if version is None:
        faults.append(f"schemaVersion is not provided; it should be one of {', '.join(allowed)}")
    elif version not in allowed:
        faults.append(f"schemaVersion should be one of {', '.join(allowed)}")
    else:
        return str(version)
    return ""


def _types(given: Any, faults: list[str]) -> tuple[str, ...]:
    if not isinstance(given, list):
        faults.append("types should be an array of strings")
        return ()
    if not given:
        faults.append("types should not be empty")
    unknown = [each for each in given if each not in TYPES]
    if unknown:
        faults.append(f"types should be of {', '.join(TYPES)}, and not {_shown(unknown[0])}")
        return ()
    return tuple(dict.fromkeys(given))


def _destination(api: TelemetryApi, given: Any, faults: list[str]) -> Destination:
    nowhere = Destination(TCP, 0)
    if not isinstance(given, dict):
        faults.append("destination should be an object")
        return nowhere
    protocol = given.get("protocol")
    if protocol == TCP:
        port: Any = given.get("port")
        if not _is_number(port, 1, MOST_PORT):
            faults.append(f"destination.port should be a number from 1 to {MOST_PORT}")
            return nowhere
        return Destination(TCP, int(port))
    if protocol != HTTP:
        faults.append("destination.protocol should be HTTP or TCP")
        return nowhere
    method = given.get("method", "POST") if api is TelemetryApi.LOGS else "POST"
    if method not in METHODS:
        faults.append("destination.method should be POST or PUT")
    return _http_destination(given.get("URI"), method, faults)


def _http_destination(uri: Any, method: str, faults: list[str]) -> Destination:
    from urllib.parse import urlsplit  # a command line starts sooner without it

    nowhere = Destination(HTTP, 0)
    if not isinstance(uri, str) or not uri:
        faults.append("destination.URI is not provided")
        return nowhere
    try:
        parts = urlsplit(uri) if VISIBLE.fullmatch(uri) else None
        port = parts.port if parts else None
    except ValueError:
        parts = port = None
    if parts is None:
        faults.append(f"destination.URI is not valid: {_shown(uri)}")
        return nowhere
    if parts.scheme != "http":
        faults.append("destination.URI should begin with http://")
    elif parts.hostname not in NAMES or parts.username is not None:
        faults.append("destination.URI host must be sandbox.localdomain or sandbox")
    elif not port:
        faults.append("URI port is not provided")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Destination(HTTP, port or 0, parts.netloc, target, method)


def _buffering(given: Any, faults: list[str]) -> Buffering:
    if not isinstance(given, dict):
        faults.append("buffering should be an object")
        return Buffering()
    chosen: list[int] = []
    for (name, (least, most)), default in zip(BOUNDS.items(), Buffering(), strict=True):
        value = given.get(name, default)
        if not _is_number(value, least, most):
            faults.append(f"buffering.{name} should be a number from {least} to {most}")
        chosen.append(value)
    return Buffering(*chosen)


def _is_number(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _shown(value: Any) -> str:
    return ascii(value)[:100]
