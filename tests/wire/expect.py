"""What a case wants of an observation, and the words for a difference.

A string that begins with `~` is a regular expression for the whole value; `true` is "there and not empty", `false` is
"not there". A table wants its own keys only; inside `json` it wants exactly its keys.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tests.wire.connection import Answer, Nothing
from tests.wire.request import bytes_of

Table = Mapping[str, Any]

NOT_ALLOWED = "State transition from {} to {} failed for runtime. Error: State transition is not allowed"
LOG_TAIL_BYTES = 4096


class Seen(NamedTuple):
    """One answer, with what is needed to judge it."""

    answer: Answer
    seconds: float
    sent_at: float


def differs(expected: Any, found: Any, *, exact: bool = False) -> bool:
    """Whether a value is not the expected one."""
    if isinstance(expected, bool):
        return expected != bool(found)
    if isinstance(expected, str) and expected.startswith("~"):
        return not isinstance(found, str) or not re.fullmatch(expected[1:], found, re.DOTALL)
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping) or (exact and set(found) != set(expected)):
            return True
        return any(differs(value, found.get(key), exact=exact) for key, value in expected.items())
    return bool(expected != found)


def first_missing(patterns: list[str], text: str) -> str | None:
    """The first pattern that no line matches after the line of the pattern before it."""
    lines = iter(text.splitlines())
    for pattern in patterns:
        if not any(re.fullmatch(pattern, line) for line in lines):
            return pattern
    return None


def short(value: Any) -> str:
    """A value for a message, cut when it is long."""
    text = repr(value)
    return text if len(text) < 400 else f"{text[:200]} … {text[-100:]} ({len(text)} characters)"


def status(want: int, seen: Seen) -> str | None:
    """The status code."""
    return None if seen.answer.status == want else f"status {seen.answer.status}, not {want}"


def headers(want: Table, seen: Seen) -> str | None:
    """Headers by name."""
    for name, value in want.items():
        found = seen.answer.header(name)
        if differs(value, found):
            return f"header {name} is {short(found)}, not {short(value)}"
    return None


def body(want: Any, seen: Seen) -> str | None:
    """The body, byte by byte, or by a pattern."""
    found = seen.answer.body
    if isinstance(want, str) and want.startswith("~"):
        same = re.fullmatch(want[1:], found.decode(errors="replace"), re.DOTALL) is not None
    else:
        same = found == bytes_of(want)
    return None if same else f"body {short(found)}, not {short(want)}"


def json_body(want: Any, seen: Seen) -> str | None:
    """The body as a JSON document with exactly these keys."""
    try:
        found = json.loads(seen.answer.body)
    except ValueError:
        return f"body {short(seen.answer.body)} is not JSON"
    return f"body {short(found)}, not {short(want)}" if differs(want, found, exact=True) else None


def error(want: list[str], seen: Seen) -> str | None:
    """A refusal of the Runtime API: type and message, in its exact bytes."""
    kind, message = want
    document = json.dumps({"errorMessage": message, "errorType": kind}, separators=(",", ":")) + "\n"
    return body(document, seen) or headers({"Content-Type": "application/json"}, seen)


def transition(want: list[str], seen: Seen) -> str | None:
    """A refusal for the state, with both state names."""
    return error(["InvalidStateTransition", NOT_ALLOWED.format(*want)], seen)


def deadline(want: int, seen: Seen) -> str | None:
    """The deadline header: the sending of the invocation plus the timeout, in whole milliseconds."""
    found = seen.answer.header("Lambda-Runtime-Deadline-Ms") or ""
    if not re.fullmatch(r"\d{13}", found):
        return f"deadline {found!r} is not Unix milliseconds"
    late = int(found) / 1000 - seen.sent_at - want
    return None if -0.01 <= late <= 1 else f"deadline is {late:.3f} s off"


def tail(want: list[str], seen: Seen) -> str | None:
    """The log tail: at most 4 KB of base64, with these lines in this order."""
    found = base64.b64decode(seen.answer.header("X-Amz-Log-Result") or "", validate=True)
    if len(found) > LOG_TAIL_BYTES:
        return f"log tail of {len(found)} bytes"
    missing = first_missing(want, found.decode(errors="replace"))
    return f"no line {missing!r} in order in the log tail {found!r}" if missing else None


def took(want: list[float], seen: Seen) -> str | None:
    """How long the answer took, from and to, in seconds."""
    low, high = want
    return None if low <= seen.seconds <= high else f"took {seen.seconds:.3f} s, not {low} to {high}"


FIELDS: Mapping[str, Callable[[Any, Seen], str | None]] = {
    "status": status,
    "headers": headers,
    "body": body,
    "json": json_body,
    "error": error,
    "transition": transition,
    "deadline": deadline,
    "tail": tail,
    "took": took,
}


def differences(want: Table, seen: Seen | Nothing) -> dict[str, str]:
    """The wanted fields that are not fulfilled, each with what came instead."""
    if isinstance(seen, Nothing):
        return {} if seen.kind in want else {"answer": str(seen)}
    if nothing := [kind for kind in Nothing.kinds if kind in want]:
        return {"answer": f"an answer came, not {nothing[0]}: {short(seen.answer)}"}
    found = {name: FIELDS[name](value, seen) for name, value in want.items()}
    return {name: text for name, text in found.items() if text}


def table_differences(want: Table, found: Table) -> dict[str, str]:
    """The wanted values that are others."""
    wrong = {}
    for key, value in want.items():
        there = found.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            if inner := table_differences(value, there):
                wrong[key] = "; ".join(f"{key}: {text}" for text in inner.values())
        elif differs(value, there):
            wrong[key] = f"{key} is {short(there)}, not {short(value)}"
    return wrong


def log_differences(want: Table, text: str) -> dict[str, str]:
    """The lines that are missing, or should be."""
    wrong = {}
    if missing := first_missing(want.get("lines", []), text):
        wrong["lines"] = f"no line {missing!r} in order"
    found = [line for line in text.splitlines() for no in want.get("absent", []) if re.fullmatch(no, line)]
    return wrong | ({"absent": f"lines that should not be there: {found}"} if found else {})
