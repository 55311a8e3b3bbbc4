"""Filter patterns of event source mappings: read, and refused where AWS refuses them.

A pattern is kept as what it asks of each field, by the field's dotted path: `{"a": {"b": [1]}}` and `{"a.b": [1]}`
ask the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from .filter_conditions import Condition, PatternError, is_operator, parse_condition

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Field", "Pattern", "PatternError", "parse_pattern"]

ONE_OF = "$or"
MOST_LEVELS = 100  # of objects in objects; Python's stack is good for more, and no event is that deep


class Field(NamedTuple):
    """What a pattern asks of a field: that its value meets one of the conditions."""

    path: str
    conditions: tuple[Condition, ...]


class Pattern(NamedTuple):
    """What a pattern asks of an event: every field, and of each group of alternatives one."""

    fields: tuple[Field, ...]
    one_of: tuple[tuple[Pattern, ...], ...] = ()


def parse_pattern(text: str) -> Pattern:
    """Read a pattern; PatternError, with AWS's reason, when it is none."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise PatternError(f"Filter is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise PatternError("Filter is not an object")
    return _pattern(document, "")


def _pattern(document: Mapping[str, Any], path: str, level: int = 1) -> Pattern:
    if not document:
        raise PatternError("Empty objects are not allowed")
    if level > MOST_LEVELS:
        raise PatternError(f"Objects are nested more than {MOST_LEVELS} deep")
    fields: list[Field] = []
    groups: list[tuple[Pattern, ...]] = []
    for key, value in document.items():
        place = f"{path}.{key}" if path else key
        if key == ONE_OF and _are_alternatives(value):
            groups.append(tuple(_pattern(each, path, level + 1) for each in value))
        elif isinstance(value, dict):
            inner = _pattern(value, place, level + 1)
            fields += inner.fields
            groups += inner.one_of
        else:
            fields.append(Field(place, _conditions(key, value)))
    return Pattern(tuple(fields), tuple(groups))


def _are_alternatives(value: Any) -> bool:
    """Whether a value of `$or` lists patterns; anything else makes it a field of that name, as in EventBridge."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(each, dict) and not is_operator(each) for each in value)
    )


def _conditions(key: str, value: Any) -> tuple[Condition, ...]:
    if not isinstance(value, list):
        raise PatternError(f'"{key}" must be an object or an array')
    if not value:
        raise PatternError("Empty arrays are not allowed")
    return tuple(parse_condition(each) for each in value)
