"""Filter patterns held against events, as EventBridge and event source mappings do.

Theory. An event is what its leaves say: every value that is no object and no array, by its dotted path. Leaves of one
array are told apart by the element in which they stand, and a pattern's fields must all be met within one element of
each array. So `{"a": {"b": [1], "c": [2]}}` does not match `{"a": [{"b": 1}, {"c": 2}]}`.
"""

from __future__ import annotations

import ipaddress
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from .filter_conditions import (
    AnythingBut,
    Cidr,
    Condition,
    Equals,
    EqualsInAnyCase,
    Exists,
    Numeric,
    Prefix,
    Suffix,
    Wildcard,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .filters import Field, Pattern

__all__ = ["matches"]

Elements = dict[int, int]  # the element of each array in which a leaf stands, by the array's number


class Leaf(NamedTuple):
    """A value that is neither an object nor an array."""

    value: Any
    elements: Elements


def matches(patterns: Sequence[Pattern], event: Mapping[str, Any]) -> bool:
    """Whether an event matches one of these patterns; every event does where there is none."""
    if not patterns:
        return True
    leaves: dict[str, list[Leaf]] = {}
    for path, leaf in _leaves(event):
        leaves.setdefault(path, []).append(leaf)
    return any(_matches(pattern, leaves, {}) for pattern in patterns)


def _leaves(event: Any) -> Iterator[tuple[str, Leaf]]:
    """Yield every leaf with its path. Events may be nested deeper than functions can call themselves."""
    no_elements: Elements = {}
    arrays, left = count(), [("", event, no_elements)]
    while left:
        path, value, elements = left.pop()
        if isinstance(value, dict):
            left += [(f"{path}.{key}" if path else key, inner, elements) for key, inner in value.items()]
        elif isinstance(value, list):
            array = next(arrays)
            left += [(path, inner, {**elements, array: place}) for place, inner in enumerate(value)]
        else:
            yield path, Leaf(value, elements)


def _matches(pattern: Pattern, leaves: Mapping[str, list[Leaf]], elements: Elements) -> bool:
    wanted = [
        (field, [leaf for leaf in leaves.get(field.path, ()) if _is_met(field, leaf)]) for field in pattern.fields
    ]
    # What cannot be met is found out first; what may be missing, once it is known in which elements.
    wanted.sort(key=lambda each: (_may_be_missing(each[0]), len(each[1])))
    return _meets(wanted, pattern.one_of, leaves, elements)


def _meets(
    wanted: list[tuple[Field, list[Leaf]]],
    groups: tuple[tuple[Pattern, ...], ...],
    leaves: Mapping[str, list[Leaf]],
    elements: Elements,
) -> bool:
    """Whether all that is wanted can be met within these elements of arrays, and of each group one pattern."""
    if wanted:
        (field, fitting), rest = wanted[0], wanted[1:]
        if _may_be_missing(field) and not _has(field.path, leaves, elements):
            return _meets(rest, groups, leaves, elements)
        return any(
            _meets(rest, groups, leaves, elements | leaf.elements)
            for leaf in fitting
            if _is_within(elements, leaf.elements)
        )
    if groups:
        first, others = groups[0], groups[1:]
        return any(_matches(each._replace(one_of=(*each.one_of, *others)), leaves, elements) for each in first)
    return True


def _may_be_missing(field: Field) -> bool:
    return any(isinstance(each, Exists) and not each.wanted for each in field.conditions)


def _has(path: str, leaves: Mapping[str, list[Leaf]], elements: Elements) -> bool:
    return any(_is_within(elements, leaf.elements) for leaf in leaves.get(path, ()))


def _is_within(elements: Elements, others: Elements) -> bool:
    return all(elements.get(array, place) == place for array, place in others.items())


def _is_met(field: Field, leaf: Leaf) -> bool:
    return any(_TESTS[type(each)](each, leaf.value) for each in field.conditions)


def _is_equal(wanted: Any, value: Any) -> bool:
    """Whether two scalars are one in JSON, where true is not 1."""
    return wanted == value and isinstance(wanted, bool) == isinstance(value, bool)


def _cut(text: str, any_case: bool) -> str:
    return text.lower() if any_case else text


def _fits_wildcard(condition: Wildcard, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    first, *others = condition.pieces
    if not others:
        return value == first
    if not value.startswith(first):
        return False
    at, last = len(first), others.pop()
    for piece in others:
        found = value.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return value.endswith(last) and len(value) - len(last) >= at


def _compares(condition: Numeric, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(_COMPARISONS[comparison](value, bound) for comparison, bound in condition.bounds)


def _is_in_network(condition: Cidr, value: Any) -> bool:
    try:
        return isinstance(value, str) and ipaddress.ip_address(value) in condition.network
    except ValueError:
        return False


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}
_TESTS: dict[type[Condition], Callable[[Any, Any], bool]] = {
    Equals: lambda condition, value: _is_equal(condition.value, value),
    Exists: lambda condition, _value: condition.wanted,
    EqualsInAnyCase: lambda condition, value: isinstance(value, str) and value.lower() == condition.text.lower(),
    Prefix: lambda condition, value: (
        isinstance(value, str)
        and _cut(value, condition.any_case).startswith(_cut(condition.text, condition.any_case))
    ),
    Suffix: lambda condition, value: (
        isinstance(value, str) and _cut(value, condition.any_case).endswith(_cut(condition.text, condition.any_case))
    ),
    Wildcard: _fits_wildcard,
    Numeric: _compares,
    Cidr: _is_in_network,
    AnythingBut: lambda condition, value: not any(_TESTS[type(each)](each, value) for each in condition.unwanted),
}
