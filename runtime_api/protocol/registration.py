"""What an extension says of itself when it registers, and how its call names it (spec 7); pure functions."""

from __future__ import annotations

import re
from typing import NamedTuple

import orjson

from .errors import (
    CONFIGURATION_KEYS,
    EMPTY_NAME,
    INVALID_IDENTIFIER,
    MISSING_IDENTIFIER,
    NO_INTERNAL_EVENTS,
    Refusal,
    invalid_event,
    invalid_registration,
)

__all__ = ["INVOKE", "SHUTDOWN", "Registration", "event_refusal", "read_identifier", "read_registration"]

INVOKE = "INVOKE"
SHUTDOWN = "SHUTDOWN"
EVENTS = (INVOKE, SHUTDOWN)  # in the order in which the log lists them
ACCOUNT_ID = "accountId"

_IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_UNKNOWN_EVENT = "InvalidEventType"
_INTERNAL_SHUTDOWN = "ShutdownEventNotSupportedForInternalExtension"


class Registration(NamedTuple):
    """The body and headers of POST /extension/register."""

    name: str  # the file's name, for an external extension
    events: tuple[str, ...] = ()  # as given
    wants_account: bool = False


def read_registration(name: str | None, features: str | None, body: bytes) -> Registration | Refusal:
    """Read a registration; a refusal if it has no name, or its body is not what it should be.

    `features` is a list separated by commas, of which unknown ones are ignored.
    """
    if not name:
        return EMPTY_NAME
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return invalid_registration(str(error))
    if document is None:
        document = {}
    if not isinstance(document, dict):
        return invalid_registration("the body is not a JSON object")
    if document.get("configurationKeys"):
        return CONFIGURATION_KEYS
    events = document.get("events") or []
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        return invalid_registration("events is not a list of strings")
    wanted = {feature.strip() for feature in (features or "").split(",")}
    return Registration(name, tuple(events), ACCOUNT_ID in wanted)


def event_refusal(events: tuple[str, ...], *, internal: bool, concurrent: bool) -> Refusal | None:
    """Why an extension cannot subscribe to these events; None when it can.

    In concurrent mode nobody gets INVOKE, so that nothing is left for internal extensions (spec 5).
    """
    if concurrent and internal and events:
        return NO_INTERNAL_EVENTS
    for event in events:
        if event not in EVENTS or (concurrent and event == INVOKE):
            return invalid_event(event, _UNKNOWN_EVENT)
        if internal and event == SHUTDOWN:
            return invalid_event(event, _INTERNAL_SHUTDOWN)
    return None


def read_identifier(given: str | None) -> str | Refusal:
    """Read the Lambda-Extension-Identifier of a call: a UUID, in lower case."""
    if not given:
        return MISSING_IDENTIFIER
    return given.lower() if _IDENTIFIER.fullmatch(given) else INVALID_IDENTIFIER
