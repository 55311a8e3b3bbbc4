"""The language of cases for bytes and values: how to make bytes, and how to compare values with patterns.

Bytes are made from a text, or from a table: `{"text"}`, `{"json"}` (written compactly), `{"base64"}`,
`{"repeat", "times", "before", "after"}`.

A pattern is one of: a value, which has to be equal; a text that starts with `~`, a regular expression for the whole
text; `true` (present, and not empty); `false` (missing); a list, whose items have to match; `{"list": true}` (any
list); `{"from", "to"}` (a number); `{"absent_or"}` (missing, or this pattern); or a table, whose keys have to match,
while other keys are ignored.

A body is compared with a text, with one of the tables that make bytes, or with a table that has one of: `json` (the
same JSON value), `same` (the same JSON value as this text), `spelt` (the same JSON text except for white space),
`has` (a JSON document that matches this pattern).

Anywhere in a case, `{"$repeat": text or list, "$times": n}` stands for n copies of the text or list.

Everything here uses `json`, not orjson, because verdicts depend on what Python's parser does: it keeps integers of
any size and reports how a number is spelt, and it accepts NaN and lone surrogates, so that a body with one of them
differs from what is wanted instead of not being JSON at all.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["bytes_of", "differs", "differs_body", "expanded", "filled", "json_value", "same_json", "shown"]

SHOWN = 300


def bytes_of(spec: Any) -> bytes:
    """The bytes that a case describes."""
    if isinstance(spec, str):
        return spec.encode()
    if "json" in spec:
        return json.dumps(spec["json"], separators=(",", ":"), ensure_ascii=False).encode()
    if "base64" in spec:
        return base64.b64decode(spec["base64"])
    if "repeat" in spec:
        repeated = spec["repeat"].encode() * spec["times"]
        return b"".join((spec.get("before", "").encode(), repeated, spec.get("after", "").encode()))
    return bytes_of(spec["text"])


def expanded(value: Any) -> Any:
    """The value with every `{"$repeat", "$times"}` written out."""
    if isinstance(value, Mapping):
        if "$repeat" in value:
            return expanded(value["$repeat"]) * value["$times"]
        return {key: expanded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [expanded(item) for item in value]
    return value


def differs(pattern: Any, found: Any, what: str = "it") -> str | None:
    """How a value differs from a pattern, in words; None when it matches. A found None means "missing"."""
    if isinstance(pattern, bool):
        there = found if isinstance(found, bool) else bool(found)
        return None if there is pattern else f"{what} is {shown(found)}" if found else f"{what} is missing"
    if found is None and pattern is not None:
        return None if isinstance(pattern, Mapping) and "absent_or" in pattern else f"{what} is missing"
    if isinstance(pattern, str) and pattern.startswith("~"):
        matches = isinstance(found, str) and re.fullmatch(pattern[1:], found, re.DOTALL)
        return None if matches else f"{what} is {shown(found)}"
    if isinstance(pattern, Mapping):
        return _differs_table(pattern, found, what)
    if isinstance(pattern, list) and isinstance(found, list) and len(pattern) == len(found):
        pairs = zip(pattern, found, strict=True)
        return _first(differs(want, there, f"{what}[{n}]") for n, (want, there) in enumerate(pairs))
    return None if same_json(pattern, found) else f"{what} is {shown(found)}"


def _differs_table(pattern: Mapping[str, Any], found: Any, what: str) -> str | None:
    if "absent_or" in pattern:
        return differs(pattern["absent_or"], found, what)
    if "list" in pattern:
        return None if isinstance(found, list) else f"{what} is not a list: {shown(found)}"
    if "from" in pattern:
        number = isinstance(found, int | float) and not isinstance(found, bool)
        within = number and pattern["from"] <= found <= pattern["to"]
        return None if within else f"{what} is {shown(found)}"
    if not isinstance(found, Mapping):
        return f"{what} is {shown(found)}"
    return _first(differs(value, found.get(key), f"{what}.{key}") for key, value in pattern.items())


def differs_body(pattern: Any, body: bytes, what: str = "the body") -> str | None:
    """How a body differs from a pattern, in words; None when it matches."""
    if isinstance(pattern, str) and pattern.startswith("~"):
        return differs(pattern, body.decode("utf-8", "replace"), what)
    if isinstance(pattern, Mapping) and not pattern.keys().isdisjoint({"json", "has", "same", "spelt"}):
        try:
            found = json_value(body)
        except ValueError:
            return f"{what} is not JSON: {shown(body)}"
        if "spelt" in pattern:
            return None if _spelling(body) == _spelling(bytes_of(pattern["spelt"])) else f"{what} is {shown(body)}"
        if "has" in pattern:
            return differs(pattern["has"], found, what)
        wanted = pattern["json"] if "json" in pattern else json.loads(bytes_of(pattern["same"]))
        return None if same_json(wanted, found) else f"{what} is {shown(body)}"
    return None if body == bytes_of(pattern) else f"{what} is {shown(body)}"


def json_value(body: bytes) -> Any:
    """The JSON value of a body; ValueError when it has none, or nests too deeply for Python's parser."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def same_json(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, but not true; the order of keys is irrelevant."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_json(value, other[key]) for key, value in one.items())
    return bool(one == other)


def _spelling(body: bytes) -> Any:
    """A JSON text without its white space: keys in order, numbers as written."""
    return json.loads(body, object_pairs_hook=list, parse_int=str, parse_float=str)


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """The value with every known `{name}` in its texts replaced."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda name: names.get(name[1], name[0]), value)
    if isinstance(value, Mapping):
        return {key: filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    return value


def shown(value: Any) -> str:
    """A value for a message, shortened when it is long: a text in quotes, anything else as JSON."""
    found = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    text = json.dumps(found, ensure_ascii=False, default=str)
    if isinstance(found, str) and '"' in found:  # JSON within JSON would be hard to read
        text = "'" + text[1:-1].replace('\\"', '"') + "'"
    if len(text) <= SHOWN:
        return text
    size = f"{len(value)} bytes" if isinstance(value, bytes) else f"{len(text)} characters"
    return f"{text[: SHOWN // 2]}...{text[-SHOWN // 4 :]} ({size})"


def _first(differences: Any) -> str | None:
    return next((difference for difference in differences if difference), None)
