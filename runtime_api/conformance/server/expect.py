"""What a case wants of an observation, and the words for a difference.

Values are patterns as in `matching.py`; inside `json` a table wants exactly its keys.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from runtime_api.conformance.matching import differs, differs_body, shown

from .connection import Answer, Misspelt, Nothing

__all__ = ["Seen", "Table", "differences", "first_missing", "log_differences"]

Table = Mapping[str, Any]

NOT_ALLOWED = "State transition from {} to {} failed for {}. Error: State transition is not allowed"
LOG_TAIL_BYTES = 4096
DEADLINE_LATE_SECONDS = 5.0  # a loaded machine may take so long from the sending of an invocation to its receipt


class Seen(NamedTuple):
    """One answer, with what is needed to judge it."""

    answer: Answer
    seconds: float
    sent_at: float


def first_missing(patterns: list[str], text: str) -> str | None:
    """The first pattern that no line matches after the line of the pattern before it."""
    lines = iter(text.splitlines())
    for pattern in patterns:
        if not any(re.fullmatch(pattern, line) for line in lines):
            return pattern
    return None


def _status(want: int | str, seen: Seen) -> str | None:
    """A code, or "2xx"."""
    status = seen.answer.status
    return (
        None if want in (status, f"{status // 100}xx") else f"status {seen.answer.status}: {shown(seen.answer.body)}"
    )


def _headers(want: Table, seen: Seen) -> str | None:
    for name, value in want.items():
        if wrong := differs(value, seen.answer.header(name), f"header {name}"):
            return wrong
    return None


def _body(want: Any, seen: Seen) -> str | None:
    return differs_body(want, seen.answer.body)


def _json(want: Any, seen: Seen) -> str | None:
    try:
        found = json.loads(seen.answer.body)
    except ValueError:
        return f"the body is no JSON: {shown(seen.answer.body)}"
    if isinstance(want, Mapping) and isinstance(found, Mapping) and set(found) - set(want):
        return f"the body has {sorted(set(found) - set(want))}: {shown(found)}"
    return differs(want, found, "the body")


def _refusal(want: str, seen: Seen) -> str | None:
    """The errorType of a refusal; its text is judged by cases of its own."""
    try:
        found = json.loads(seen.answer.body)
    except ValueError:
        return f"the body is no JSON: {shown(seen.answer.body)}"
    return differs({"errorType": want}, found, "the body")


def _error(want: list[str], seen: Seen) -> str | None:
    """A refusal of the Runtime API: type and message, in its exact bytes."""
    kind, message = want
    document = json.dumps({"errorMessage": message, "errorType": kind}, separators=(",", ":")) + "\n"
    return _body(document, seen) or _headers({"Content-Type": "application/json"}, seen)


def _transition(want: list[str], seen: Seen) -> str | None:
    """The text of a refusal for the state: from, to, and of whom when it is not the runtime."""
    whose = want[2] if len(want) > 2 else "runtime"
    kind = "InvalidStateTransition" if whose == "runtime" else "Extension.InvalidExtensionState"
    message = NOT_ALLOWED.format(want[0], want[1], whose)
    return _json({"errorType": kind, "errorMessage": message}, seen)


def _deadline(want: float, seen: Seen) -> str | None:
    """The deadline header: the sending of the invocation plus the timeout, in whole milliseconds."""
    found = seen.answer.header("Lambda-Runtime-Deadline-Ms") or ""
    if not re.fullmatch(r"\d{13}", found):
        return f"deadline {found!r} is not Unix milliseconds"
    late = int(found) / 1000 - seen.sent_at - want
    return None if -0.05 <= late <= DEADLINE_LATE_SECONDS else f"the deadline is {late:.3f} s off"


def _tail(want: list[str], seen: Seen) -> str | None:
    """The log tail: at most 4 KB of base64, with these lines in this order."""
    try:
        found = base64.b64decode(seen.answer.header("X-Amz-Log-Result") or "", validate=True)
    except binascii.Error:
        return "X-Amz-Log-Result is no base64"
    if len(found) > LOG_TAIL_BYTES:
        return f"a log tail of {len(found)} bytes"
    missing = first_missing(want, found.decode(errors="replace"))
    return f"no line {missing!r} in order in the log tail {shown(found)}" if missing else None


def _took(want: float, seen: Seen) -> str | None:
    """How long the answer took at least; how long at most is a matter of the kit's patience."""
    return None if seen.seconds >= want else f"it took {seen.seconds:.3f} s"


FIELDS: Mapping[str, Callable[[Any, Seen], str | None]] = {
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


def differences(want: Table, seen: Seen | Nothing) -> str | None:
    """What is not as wanted; None when all of it is. `silent` and `closed` want that no answer comes."""
    if isinstance(seen, Nothing):
        return None if want.get(seen.kind) else f"no answer: {seen}"
    if nothing := [kind for kind in Nothing.kinds if want.get(kind)]:
        return f"an answer came in the place of {nothing[0]}: {seen.answer.status} {shown(seen.answer.body)}"
    try:
        found = [FIELDS[name](value, seen) for name, value in want.items() if name not in Nothing.kinds]
    except Misspelt as error:
        return str(error)
    return "; ".join(text for text in found if text) or None


def log_differences(want: Table, text: str) -> str | None:
    """The lines that are missing, or should be."""
    wrong = []
    if missing := first_missing(want.get("lines", []), text):
        wrong.append(f"no line {missing!r} in order in the log {shown(text)}")
    found = [line for line in text.splitlines() for no in want.get("absent", []) if re.fullmatch(no, line)]
    return "; ".join(wrong + [f"the log has the line {line!r}" for line in found]) or None
