"""Compares an observation with what a step expects, and says how they differ; no I/O."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from runtime_api.conformance.matching import differs, differs_body, json_value, shown
from runtime_api.conformance.words import wanted

from .calls import Call, ProcessExit

__all__ = ["KINDS", "described", "differs_from", "why_unsupported"]

# The kinds of observation that a step waits for.
KINDS: dict[str, tuple[str, ...]] = {
    "next": ("next",),
    "result": ("response", "error"),
    "init_error": ("init_error",),
    "restore_next": ("restore_next",),
    "restore_error": ("restore_error", "init_error"),
    "exit": ("exit",),
}
UNSUPPORTED = "unsupported"  # the key with which the conformance handler says what it does not support
WORDS = {
    "next": "GET /2018-06-01/runtime/invocation/next",
    "response": "POST .../invocation/{id}/response",
    "error": "POST .../invocation/{id}/error",
    "init_error": "POST /2018-06-01/runtime/init/error",
    "restore_next": "GET /2018-06-01/runtime/restore/next",
    "restore_error": "POST /2018-06-01/runtime/restore/error",
    "exit": "the end of the process",
}


def kinds_of(step: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of observation that a step accepts."""
    given = step.get("want", {}).get("kind")
    if given:
        return (given,) if isinstance(given, str) else tuple(given)
    return KINDS[step["do"]]


def described(step: Mapping[str, Any]) -> str:
    """What a step expects, in words."""
    if step["do"] == "any":
        return ", or ".join(described(way) for way in step["of"])
    text = " or ".join(WORDS[kind] for kind in kinds_of(step))
    want = {key: value for key, value in step.get("want", {}).items() if key != "kind"}
    return f"{text} with {wanted(want)}" if want else text


def differs_from(step: Mapping[str, Any], found: Call | ProcessExit) -> str | None:
    """How an observation differs from what the step expects; None when it does not."""
    if found.kind not in kinds_of(step):
        return str(found)
    want = step.get("want", {})
    if isinstance(found, ProcessExit):
        return _differs_end(want, found)
    return _differs_call(step, want, found)


def _differs_end(want: Mapping[str, Any], found: ProcessExit) -> str | None:
    if want.get("failed") and found.code == 0:
        return str(found)
    if "code" in want and differs(want["code"], found.code):
        return str(found)
    return None


def _differs_call(step: Mapping[str, Any], want: Mapping[str, Any], found: Call) -> str | None:
    if found.kind in ("response", "error") and found.request_id != step["id"]:
        return f"{found}: the id is {shown(found.request_id)}, not {shown(step['id'])}"
    for name, pattern in want.get("headers", {}).items():
        if wrong := differs(pattern, found.header(name), f"the header {name}"):
            return f"{found.method} {found.path}: {wrong}"
    for name, pattern in want.get("trailers", {}).items():
        if wrong := differs(pattern, found.trailer(name), f"the trailer {name}"):
            return f"{found.method} {found.path}: {wrong}"
    return _differs_content(want, found)


def _differs_content(want: Mapping[str, Any], found: Call) -> str | None:
    lengths = [name for name in ("content-length", "transfer-encoding") if found.header(name) is not None]
    wrong = differs_body(want["body"], found.body) if "body" in want else None
    if wrong is None and len(found.chunks) < want.get("chunks", 0):
        wrong = f"the body came in {len(found.chunks)} chunks"
    if wrong is None and "error_trailer" in want:
        wrong = _differs_trailer(want["error_trailer"], found)
    if wrong is None and want.get("one_length") and len(lengths) > 1:
        wrong = "a body with both Content-Length and Transfer-Encoding"
    return f"{found.method} {found.path}: {wrong}" if wrong else None


def _differs_trailer(pattern: Any, found: Call) -> str | None:
    """The error document in the trailer, which is base64 of JSON."""
    text = found.trailer("Lambda-Runtime-Function-Error-Body")
    try:
        document = base64.b64decode(text or "", validate=True)
    except binascii.Error:
        return f"the trailer Lambda-Runtime-Function-Error-Body is not base64: {shown(text)}"
    return differs_body({"has": pattern}, document, "the error in the trailer")


def why_unsupported(step: Mapping[str, Any], found: Call | ProcessExit, wrong: str | None) -> str | None:
    """Why the conformance handler cannot do what the step wants; None when it does not say so.

    `{"unsupported": NAME}` refuses a command; a list under this key names parts that its answer cannot have, which
    excuses one that is `wrong`.
    """
    if not isinstance(found, Call) or found.kind != "response" or UNSUPPORTED.encode() not in found.body:
        return None
    try:
        answer = json_value(found.body)
    except ValueError:
        return None
    names = answer.get(UNSUPPORTED) if isinstance(answer, dict) else None
    if isinstance(names, str) and len(answer) == 1:
        return f"the handler does not support the command {names}"
    if wrong is None or not isinstance(names, list):
        return None
    body = step.get("want", {}).get("body")
    wanted = body.get("has", {}) if isinstance(body, Mapping) else {}
    return next((f"the runtime does not tell the handler {name}" for name in wanted if name in names), None)
