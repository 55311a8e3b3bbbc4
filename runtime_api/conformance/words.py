"""Says in words what a case wants, so that no report shows the data of a case (matching.py has their language)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from .matching import bytes_of, shown

__all__ = ["in_words", "wanted"]

SPECIAL = frozenset({"absent_or", "list", "from"})


def in_words(pattern: Any) -> str:
    """A pattern for a value."""
    if isinstance(pattern, bool):
        return "present" if pattern else "absent"
    if isinstance(pattern, str) and pattern.startswith("~"):
        return f"matching /{pattern[1:]}/"
    if isinstance(pattern, Mapping):
        return _table(pattern)
    if isinstance(pattern, list | tuple):
        return f"[{', '.join(map(in_words, pattern))}]"
    return shown(pattern)


def wanted(want: Mapping[str, Any]) -> str:
    """What a step wants of an observation."""
    return ", ".join(FIELDS.get(name, _field)(name, pattern) for name, pattern in want.items()) or "anything"


def _table(pattern: Mapping[str, Any]) -> str:
    if "absent_or" in pattern:
        return f"absent, or {in_words(pattern['absent_or'])}"
    if "list" in pattern:
        return "a list"
    if "from" in pattern:
        return f"from {pattern['from']} to {pattern['to']}"
    return " and ".join(f"{name} {in_words(value)}" for name, value in pattern.items()) or "an object"


def _field(name: str, pattern: Any) -> str:
    return f"{name.replace('_', ' ')} {in_words(pattern)}"


def _headers(name: str, pattern: Mapping[str, Any]) -> str:
    return ", ".join(f"the {name.removesuffix('s')} {key} {in_words(value)}" for key, value in pattern.items())


def _body(_name: str, pattern: Any) -> str:
    if isinstance(pattern, str) and pattern.startswith("~"):
        return f"a body {in_words(pattern)}"
    if isinstance(pattern, Mapping):
        if "has" in pattern:
            return f"a body that is JSON with {in_words(pattern['has'])}"
        if "json" in pattern:
            return f"a body that is the JSON value {_json(pattern['json'])}"
        for key, words in (("same", "the same JSON value as"), ("spelt", "spelt as")):
            if key in pattern:
                return f"a body that is {words} {shown(bytes_of(pattern[key]))}"
    return f"the body {shown(bytes_of(pattern))}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _document(_name: str, pattern: Any) -> str:
    return f"a body that is JSON with exactly {in_words(pattern)}"


def _refusal(_name: str, pattern: str) -> str:
    return f"a refusal of the type {pattern}"


def _error(_name: str, pattern: Sequence[str]) -> str:
    return f"a refusal of the type {pattern[0]} with the message {_json(pattern[1])}"


def _transition(_name: str, pattern: Sequence[str]) -> str:
    return f"the refusal of a transition from {pattern[0]} to {pattern[1]}"


def _deadline(_name: str, seconds: float) -> str:
    return f"a deadline {seconds:g} s after the invocation"


def _lines(name: str, patterns: Sequence[str]) -> str:
    where = " in the log tail" if name == "tail" else ""
    return f"lines{where} that match, in this order, {' and '.join(f'/{pattern}/' for pattern in patterns)}"


def _absent(_name: str, patterns: Sequence[str]) -> str:
    return f"no line that matches {' or '.join(f'/{pattern}/' for pattern in patterns)}"


def _silent(_name: str, _pattern: Any) -> str:
    return "no answer yet"


def _closed(_name: str, _pattern: Any) -> str:
    return "a closed connection"


def _took(_name: str, seconds: float) -> str:
    return f"an answer after {seconds:g} s or more"


def _status(_name: str, pattern: Any) -> str:
    return f"status {' or '.join(map(str, pattern)) if isinstance(pattern, list) else pattern}"


def _chunks(_name: str, count: int) -> str:
    return f"a body in at least {count} chunks"


def _one_length(_name: str, _pattern: Any) -> str:
    return "either Content-Length or Transfer-Encoding"


def _error_trailer(_name: str, pattern: Any) -> str:
    return f"the trailer Lambda-Runtime-Function-Error-Body, which is JSON with {in_words(pattern)}"


def _failed(_name: str, _pattern: Any) -> str:
    return "a status other than 0"


def _code(_name: str, pattern: Any) -> str:
    return f"exit code {in_words(pattern)}"


FIELDS: Mapping[str, Callable[[str, Any], str]] = MappingProxyType(
    {
        "headers": _headers,
        "trailers": _headers,
        "body": _body,
        "json": _document,
        "refusal": _refusal,
        "error": _error,
        "transition": _transition,
        "deadline": _deadline,
        "tail": _lines,
        "lines": _lines,
        "absent": _absent,
        "silent": _silent,
        "closed": _closed,
        "took": _took,
        "status": _status,
        "chunks": _chunks,
        "one_length": _one_length,
        "error_trailer": _error_trailer,
        "failed": _failed,
        "code": _code,
    }
)
