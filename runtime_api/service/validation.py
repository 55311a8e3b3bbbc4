"""Checks parameters against the model, with Lambda's texts.

Lambda reports every constraint that a request breaks in one ValidationException, before it looks at anything else.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from .errors import ValidationException
from .operations import model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .operations import Shape

__all__ = ["NOT_NULL", "check_parameters", "complaints"]

NOT_NULL = "Member must not be null"
BY_RULE = frozenset({"Runtime"})  # members that Lambda checks elsewhere, with another text
# What the minimum and maximum of a shape are about.
KINDS = {
    **dict.fromkeys(("string", "list", "map", "blob"), "length"),
    **dict.fromkeys(("integer", "long", "double"), "value"),
}
# Unicode's separators (general category Z), which `re` cannot name; \w has its letters and digits.
SEPARATORS = "\\u0020\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"


def check_parameters(shape: str, parameters: Mapping[str, Any]) -> None:
    """Raise ValidationException when the parameters of an operation break a constraint of its input shape."""
    errors = list(_structure(model().shapes[shape], parameters, ""))
    if errors:
        counted = f"{len(errors)} validation error{'s' if len(errors) > 1 else ''} detected: "
        raise ValidationException(counted + "; ".join(errors))


def complaints(shape: Shape, value: Any, place: str) -> Iterator[str]:
    """What Lambda, and other services of AWS, say of a value that breaks constraints of its own shape."""
    return (_complaint(shape, value, place, constraint) for constraint in _broken(shape, value))


def _structure(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        place = f"{path}{name[0].lower()}{name[1:]}"
        if name in value and name not in BY_RULE:
            yield from _value(model().shapes[member.shape], value[name], place)
        elif name in shape.required and name not in value:
            yield f"Value null at '{place}' failed to satisfy constraint: {NOT_NULL}"


def _value(shape: Shape, value: Any, place: str) -> Iterator[str]:
    if value is None:  # only inside of lists and maps
        yield f"Value null at '{place}' failed to satisfy constraint: {NOT_NULL}"
        return
    for constraint in _broken(shape, value):
        yield _complaint(shape, value, place, constraint)
    if shape.type == "structure":
        yield from _structure(shape, value, f"{place}.")
    elif shape.member is not None:
        yield from _elements(shape, value, place)
    elif shape.key is not None and shape.value is not None:
        yield from _entries(shape, value, place)


def _elements(shape: Shape, value: list[Any], place: str) -> Iterator[str]:
    element = model().shapes[shape.member or ""]
    if element.type in ("structure", "list", "map"):
        for number, each in enumerate(value, 1):
            yield from _value(element, each, f"{place}.{number}.member")
    elif any(any(_broken(element, each)) for each in value):
        yield _complaint(shape, value, place, f"Member must satisfy constraint: [{_all_constraints(element)}]")


def _entries(shape: Shape, value: Mapping[str, Any], place: str) -> Iterator[str]:
    keys, values = model().shapes[shape.key or ""], model().shapes[shape.value or ""]
    if any(any(_broken(keys, key)) for key in value):
        yield _complaint(shape, value, place, f"Map keys must satisfy constraint: [{_all_constraints(keys)}]")
    if any(any(_broken(values, each)) for each in value.values()):
        yield _complaint(shape, value, place, f"Map value must satisfy constraint: [{_all_constraints(values)}]")


def _complaint(shape: Shape, value: Any, place: str, constraint: str) -> str:
    shown = "" if shape.sensitive else f" '{_printed(value)}'"
    return f"Value{shown} at '{place}' failed to satisfy constraint: {constraint}"


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    """The constraints of its own that a value breaks, in Lambda's order."""
    if value is None:
        yield NOT_NULL
        return
    kind = KINDS.get(shape.type)
    if kind is None:
        return
    size = value if kind == "value" else len(value)
    if shape.max is not None and size > shape.max:
        yield f"Member must have {kind} less than or equal to {shape.max}"
    if shape.min is not None and size < shape.min:
        yield f"Member must have {kind} greater than or equal to {shape.min}"
    if shape.pattern is not None and _compiled(shape.pattern).fullmatch(value) is None:
        yield f"Member must satisfy regular expression pattern: {shape.pattern}"
    if shape.enum and value not in shape.enum:
        yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def _all_constraints(shape: Shape) -> str:
    """Every constraint of an element, broken or not: so Lambda describes what lists and maps may hold."""
    kind = KINDS.get(shape.type)
    found = []
    if shape.max is not None:
        found.append(f"Member must have {kind} less than or equal to {shape.max}")
    if shape.min is not None:
        found.append(f"Member must have {kind} greater than or equal to {shape.min}")
    if shape.pattern is not None:
        found.append(f"Member must satisfy regular expression pattern: {shape.pattern}")
    if shape.enum:
        found.append(f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    return ", ".join([*found, NOT_NULL])


def _printed(value: Any) -> str:
    """A value as Java prints it."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(map(_printed, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_printed(each)}" for key, each in value.items()) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the model, which is in Java's language: there \\d and \\w are ASCII."""
    unicode = r"\p{L}" in pattern
    readable = pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", "").replace(r"\p{Z}", SEPARATORS)
    return re.compile(readable, 0 if unicode else re.ASCII)
