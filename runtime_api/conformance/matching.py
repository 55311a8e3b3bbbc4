"""What cases say of bytes and values: how to make them, and what they have to look like.

Bytes are made from a text, or from a table: `{"text"}`, `{"json"}` (written compactly), `{"base64"}`,
`{"repeat", "times", "before", "after"}`.

A pattern is a value that has to be equal, a text that begins with `~` (a regular expression for the whole), `true`
(there, and not empty), `false` (not there), a list of which each item has to match, or a table of which each key has
to match; other keys may be there. A body is judged by a table with one of: `text`, `json` (equal as a JSON value),
`has` (a JSON document that this pattern matches), `base64`, `repeat`, or by a text.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["bytes_of", "differs", "differs_body", "filled", "shown"]

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
        return b"".join(
            (spec.get("before", "").encode(), spec["repeat"].encode() * spec["times"], spec.get("after", "").encode())
        )
    return bytes_of(spec["text"])


def differs(pattern: Any, found: Any, what: str = "it") -> str | None:
    """What is different, in words; None when the pattern matches. A found None is "not there"."""
    if isinstance(pattern, bool) and (pattern != bool(found) if not isinstance(found, bool) else pattern != found):
        return f"{what} is {shown(found)}" if found else f"{what} is not there"
    if isinstance(pattern, bool):
        return None
    if found is None and pattern is not None:
        return f"{what} is not there"
    if isinstance(pattern, str) and pattern.startswith("~"):
        matches = isinstance(found, str) and re.fullmatch(pattern[1:], found, re.DOTALL)
        return None if matches else f"{what} is {shown(found)}"
    if isinstance(pattern, Mapping) and isinstance(found, Mapping):
        return _first(differs(value, found.get(key), f"{what}.{key}") for key, value in pattern.items())
    if isinstance(pattern, list) and isinstance(found, list) and len(pattern) == len(found):
        pairs = zip(pattern, found, strict=True)
        return _first(differs(want, there, f"{what}[{n}]") for n, (want, there) in enumerate(pairs))
    same = type(pattern) is type(found) or {type(pattern), type(found)} == {int, float}
    return None if same and pattern == found else f"{what} is {shown(found)}"


def differs_body(pattern: Any, body: bytes, what: str = "the body") -> str | None:
    """The same for a body."""
    if isinstance(pattern, str) and pattern.startswith("~"):
        return differs(pattern, body.decode("utf-8", "replace"), what)
    if isinstance(pattern, Mapping) and not pattern.keys().isdisjoint({"json", "has"}):
        try:
            found = json.loads(body)
        except ValueError:
            return f"{what} is no JSON: {shown(body)}"
        if "has" in pattern:
            return differs(pattern["has"], found, what)
        # As text, so that 1 is not true and 1.0 is not 1.
        same = json.dumps(found, sort_keys=True) == json.dumps(pattern["json"], sort_keys=True)
        return None if same else f"{what} is {shown(body)}"
    return None if body == bytes_of(pattern) else f"{what} is {shown(body)}"


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """The same value with each `{name}` in its texts replaced; unknown names stay as they are."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda name: names.get(name[1], name[0]), value)
    if isinstance(value, Mapping):
        return {key: filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    return value


def shown(value: Any) -> str:
    """A value for a message, cut when it is long."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else repr(value)
    if isinstance(value, bytes):
        text = repr(text)
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 2]}...{text[-SHOWN // 4 :]} ({len(value)} long)"


def _first(differences: Any) -> str | None:
    return next((difference for difference in differences if difference), None)
