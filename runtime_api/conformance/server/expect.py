"""Compares an observation with what a case wants, and says how they differ.

Values are patterns as in `matching.py`; a table inside `json` has to have exactly its keys.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from runtime_api.conformance.matching import differs, differs_body, json_value, shown

from .connection import Answer, MalformedAnswer, NoAnswer

__all__ = ["Observed", "Table", "differences", "first_missing", "log_differences"]

Table = Mapping[str, Any]

NOT_ALLOWED = "State transition from {} to {} failed for {}. Error: State transition is not allowed"
LOG_TAIL_BYTES = 4096
WORDS = {"silent": "silence", "closed": "a closed connection"}
DEADLINE_LATE_S = 5.0  # on a busy machine, from sending an invocation to the server receiving it


class Observed(NamedTuple):
    """One answer, with the times needed to judge it."""

    answer: Answer
    seconds: float
    sent_at: float


def first_missing(patterns: list[str], text: str) -> str | None:
    """The first pattern without a matching line after the line of the pattern before it."""
    lines = iter(text.splitlines())
    for pattern in patterns:
        if not any(re.fullmatch(pattern, line) for line in lines):
            return pattern
    return None


def _status(want: int | list[int] | str, observed: Observed) -> str | None:
    """A code, one of several, or "2xx"."""
    status = observed.answer.status
    matches = status in want if isinstance(want, list) else want in (status, f"{status // 100}xx")
    return None if matches else f"status {status}: {shown(observed.answer.body)}"


def _headers(want: Table, observed: Observed) -> str | None:
    for name, value in want.items():
        if wrong := differs(value, observed.answer.header(name), f"header {name}"):
            return wrong
    return None


def _body(want: Any, observed: Observed) -> str | None:
    return differs_body(want, observed.answer.body)


def _json(want: Any, observed: Observed) -> str | None:
    try:
        found = json_value(observed.answer.body)
    except ValueError:
        return f"the body is not JSON: {shown(observed.answer.body)}"
    if isinstance(want, Mapping) and isinstance(found, Mapping) and set(found) - set(want):
        return f"the body has the unexpected keys {shown(sorted(set(found) - set(want)))}: {shown(found)}"
    return differs(want, found, "the body")


def _refusal(want: str, observed: Observed) -> str | None:
    """The errorType of a refusal; cases of their own judge its text."""
    try:
        found = json_value(observed.answer.body)
    except ValueError:
        return f"the body is not JSON: {shown(observed.answer.body)}"
    return differs({"errorType": want}, found, "the body")


def _error(want: list[str], observed: Observed) -> str | None:
    """A refusal of the Runtime API: its type and message, byte for byte."""
    kind, message = want
    document = json.dumps({"errorMessage": message, "errorType": kind}, separators=(",", ":")) + "\n"
    return _body(document, observed) or _headers({"Content-Type": "application/json"}, observed)


def _transition(want: list[str], observed: Observed) -> str | None:
    """The text of a refused state transition: from, to, and whose, when it is not the runtime's."""
    whose = want[2] if len(want) > 2 else "runtime"
    kind = "InvalidStateTransition" if whose == "runtime" else "Extension.InvalidExtensionState"
    message = NOT_ALLOWED.format(want[0], want[1], whose)
    return _json({"errorType": kind, "errorMessage": message}, observed)


def _deadline(want: float, observed: Observed) -> str | None:
    """The deadline header: the time the invocation was sent plus the timeout, in whole milliseconds."""
    found = observed.answer.header("Lambda-Runtime-Deadline-Ms") or ""
    if not re.fullmatch(r"\d{13}", found):
        return f"deadline {shown(found)} is not Unix milliseconds"
    late = int(found) / 1000 - observed.sent_at - want
    return None if -0.05 <= late <= DEADLINE_LATE_S else f"the deadline is {late:.3f} s off"


def _tail(want: list[str], observed: Observed) -> str | None:
    """The log tail: at most 4 KB of base64, with these lines in this order."""
    try:
        found = base64.b64decode(observed.answer.header("X-Amz-Log-Result") or "", validate=True)
    except binascii.Error:
        return "X-Amz-Log-Result is not base64"
    if len(found) > LOG_TAIL_BYTES:
        return f"a log tail of {len(found)} bytes"
    missing = first_missing(want, found.decode(errors="replace"))
    return f"no line matches /{missing}/ at its place in the log tail {shown(found)}" if missing else None


def _took(want: float, observed: Observed) -> str | None:
    """The shortest time that the answer may take; the kit's timeout is the longest."""
    return None if observed.seconds >= want else f"it took only {observed.seconds:.3f} s"


FIELDS: Mapping[str, Callable[[Any, Observed], str | None]] = {
    "status": _status,
    "headers": _headers,
    "body": _body,
    "json": _json,
    "refusal": _refusal,
    "error": _error,
    "transition": _transition,
    "deadline": _deadline,
    "tail": _tail,
    "took": _took,
}


def differences(want: Table, observed: Observed | NoAnswer) -> str | None:
    """How an observation differs from what is wanted; None when it does not.

    `silent` and `closed` want no answer.
    """
    if isinstance(observed, NoAnswer):
        return None if want.get(observed.kind) else f"no answer: {observed}"
    if nothing := [kind for kind in NoAnswer.kinds if want.get(kind)]:
        return f"an answer instead of {WORDS[nothing[0]]}: {observed.answer.status} {shown(observed.answer.body)}"
    try:
        found = [FIELDS[name](value, observed) for name, value in want.items() if name not in NoAnswer.kinds]
    except MalformedAnswer as error:
        return str(error)
    return "; ".join(text for text in found if text) or None


def log_differences(want: Table, text: str) -> str | None:
    """How a log differs from what is wanted: missing lines, and lines that should be absent."""
    wrong = []
    if missing := first_missing(want.get("lines", []), text):
        wrong.append(f"no line matches /{missing}/ at its place in the log {shown(text)}")
    found = [line for line in text.splitlines() for no in want.get("absent", []) if re.fullmatch(no, line)]
    return "; ".join(wrong + [f"the log contains the line {shown(line)}" for line in found]) or None
