"""What a filter pattern may ask of one value: a value like it, or an operator with what it compares with."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "AnythingBut",
    "Cidr",
    "Condition",
    "Equals",
    "EqualsInAnyCase",
    "Exists",
    "Numeric",
    "PatternError",
    "Prefix",
    "Suffix",
    "Wildcard",
    "is_operator",
    "parse_condition",
]

ANY_CASE = "equals-ignore-case"
LOWER_BOUNDS, UPPER_BOUNDS = (">", ">="), ("<", "<=")
COMPARISONS = ("=", *LOWER_BOUNDS, *UPPER_BOUNDS)
LARGEST = 5e9  # of a number in `numeric`, in either direction
MOST_STARS = 5  # one more is recorded as too complex
UNLIKE = "Inside anything but list, start|null|boolean is not supported."
NO_VALUE = "Value of anything-but must be an array or single string/number value."
TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a "
    "wildcard character"
)
Scalar = str | int | float | bool | None


class PatternError(ValueError):
    """A pattern that AWS refuses; the text is AWS's reason."""


class Equals(NamedTuple):
    """The value is this one, of the same JSON type."""

    value: Scalar


class Exists(NamedTuple):
    """The field has a value, or has none."""

    wanted: bool


class EqualsInAnyCase(NamedTuple):
    """The value is this text, whatever its case."""

    text: str


class Prefix(NamedTuple):
    """The value is a text that begins with this one."""

    text: str
    any_case: bool = False


class Suffix(NamedTuple):
    """The value is a text that ends with this one."""

    text: str
    any_case: bool = False


class Wildcard(NamedTuple):
    """The value is a text made of these pieces, in order, with anything between each two."""

    pieces: tuple[str, ...]


class Numeric(NamedTuple):
    """The value is a number that compares like this."""

    bounds: tuple[tuple[str, float], ...]


class Cidr(NamedTuple):
    """The value is an IP address in this network."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network


class AnythingBut(NamedTuple):
    """There is a value, and it meets none of these."""

    unwanted: tuple[Equals | EqualsInAnyCase | Prefix | Suffix | Wildcard, ...]


Condition = Equals | Exists | EqualsInAnyCase | Prefix | Suffix | Wildcard | Numeric | Cidr | AnythingBut


def parse_condition(value: Any) -> Condition:
    """Return what an element of a pattern's array asks for; PatternError when it is none of these."""
    if not isinstance(value, dict):
        if isinstance(value, list):
            raise PatternError("Match value must be String, number, true, false, or null")
        return Equals(value)
    if not value:
        raise PatternError("Match expression name not found")
    if len(value) != 1:
        raise PatternError("Only one key allowed in match expression")
    ((operator, operand),) = value.items()
    if operator not in OPERATORS:
        raise PatternError(f"Unrecognized match type {operator}")
    return OPERATORS[operator](operand)


def is_operator(value: Mapping[str, Any]) -> bool:
    """Whether an object in a pattern is an operator, not a pattern of its own."""
    return len(value) == 1 and next(iter(value)) in OPERATORS


def _exists(operand: Any) -> Condition:
    if not isinstance(operand, bool):
        raise PatternError("exists match pattern must be either true or false.")
    return Exists(operand)


def _text(operand: Any, operator: str) -> str:
    if not isinstance(operand, str):
        raise PatternError(f"{operator} match pattern must be a string")
    return operand


def _affix(operator: str, kind: type[Prefix | Suffix]) -> Callable[[Any], Condition]:
    def parse(operand: Any) -> Condition:
        if isinstance(operand, dict) and operand.keys() == {ANY_CASE}:
            return kind(_text(operand[ANY_CASE], ANY_CASE), any_case=True)
        return kind(_text(operand, operator))

    return parse


def _wildcard(operand: Any) -> Wildcard:
    text = _text(operand, "wildcard")
    pieces, escaped = [""], False
    for place, character in enumerate(text):
        if escaped and character not in "*\\":
            raise PatternError(f"Invalid escape character at pos {place - 1}")
        if character == "\\" and not escaped:
            escaped = True
            continue
        if character == "*" and not escaped:
            if place and len(pieces) > 1 and not pieces[-1]:
                raise PatternError(f"Consecutive wildcard characters at pos {place - 1}")
            pieces.append("")
        else:
            pieces[-1] += character
        escaped = False
    if escaped:
        raise PatternError(f"Invalid escape character at pos {len(text) - 1}")
    if len(pieces) - 1 > MOST_STARS:
        raise PatternError(TOO_COMPLEX)
    return Wildcard(tuple(pieces))


def _numeric(operand: Any) -> Condition:
    """One comparison, or a lower bound and then an upper one."""
    if not isinstance(operand, list):
        raise PatternError("Value of numeric must be an array.")
    if not operand or not isinstance(operand[0], str):
        raise PatternError(f"Invalid member in numeric match: {operand[0] if operand else ']'}")
    comparison = operand[0]
    if comparison not in COMPARISONS:
        raise PatternError(f"Unrecognized numeric range operator: {comparison}")
    first = (comparison, _number(operand[1:], "equals" if comparison == "=" else comparison))
    if len(operand) == 2:
        return Numeric((first,))
    if comparison not in LOWER_BOUNDS:
        raise PatternError("Too many elements in numeric expression")
    return Numeric((first, _upper_bound(operand[2:], first[1])))


def _upper_bound(operand: list[Any], bottom: float) -> tuple[str, float]:
    comparison = operand[0]
    if not isinstance(comparison, str):
        raise PatternError(f"Bad value in numeric range: {comparison}")
    if comparison not in UPPER_BOUNDS:
        raise PatternError(f"Bad numeric range operator: {comparison}")
    top = _number(operand[1:], comparison)
    if len(operand) > 2:
        raise PatternError("Too many terms in numeric range expression")
    if bottom >= top:
        raise PatternError("Bottom must be less than top")
    return comparison, top


def _number(operand: list[Any], comparison: str) -> float:
    """Return the number behind a comparison."""
    value = operand[0] if operand else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PatternError(f"Value of {comparison} must be numeric")
    if abs(value) > LARGEST:
        raise PatternError(f"Value must be between {-LARGEST} and {LARGEST}, inclusive")
    return value


def _cidr(operand: Any) -> Condition:
    address, slash, bits = _text(operand, "cidr").partition("/")
    if not slash:
        raise PatternError("Malformed CIDR, one '/' required")
    if not re.fullmatch("[0-9]{1,3}", bits):
        raise PatternError("Malformed CIDR, mask bits must be an integer")
    try:
        network = ipaddress.ip_network(address)
    except ValueError:
        raise PatternError(f"Nonstandard IP address: {address}") from None
    if int(bits) > network.max_prefixlen:
        raise PatternError(f"Malformed CIDR, mask bits must be at most {network.max_prefixlen}")
    return Cidr(network.supernet(new_prefix=int(bits)))


def _anything_but(operand: Any) -> Condition:
    if isinstance(operand, dict):
        return AnythingBut(tuple(_unwanted(operand)))
    if isinstance(operand, list):
        if not operand:
            raise PatternError("Empty arrays are not allowed")
        if any(isinstance(each, bool) or not isinstance(each, str | int | float) for each in operand):
            raise PatternError(UNLIKE)
        if len({isinstance(each, str) for each in operand}) > 1:
            raise PatternError(
                "Inside anything but list, either all values are number or string, mixed type is not supported"
            )
        return AnythingBut(tuple(Equals(each) for each in operand))
    if isinstance(operand, bool) or operand is None:
        raise PatternError(NO_VALUE)
    return AnythingBut((Equals(operand),))


def _unwanted(operand: Mapping[str, Any]) -> list[EqualsInAnyCase | Prefix | Suffix | Wildcard]:
    """What an operator inside of anything-but excludes: one text, or each of a list."""
    if len(operand) != 1:
        raise PatternError("Only one key allowed in match expression")
    ((operator, texts),) = operand.items()
    if operator not in UNWANTED:
        raise PatternError(f"Unsupported anything-but pattern: {operator}")
    if isinstance(texts, dict):
        raise PatternError(NO_VALUE)
    if texts == []:
        raise PatternError("Empty arrays are not allowed")
    return [UNWANTED[operator](text) for text in (texts if isinstance(texts, list) else [texts])]


def _unwanted_affix(kind: type[Prefix | Suffix]) -> Callable[[Any], Prefix | Suffix]:
    def parse(operand: Any) -> Prefix | Suffix:
        if not isinstance(operand, str):
            raise PatternError("prefix/suffix match pattern must be a string")
        if not operand:
            raise PatternError("Null prefix/suffix not allowed")
        return kind(operand)

    return parse


def _unwanted_in_any_case(operand: Any) -> EqualsInAnyCase:
    if not isinstance(operand, str):
        raise PatternError(f"Inside anything-but/{ANY_CASE} list, number|start|null|boolean is not supported.")
    return EqualsInAnyCase(operand)


OPERATORS: dict[str, Callable[[Any], Condition]] = {
    "exists": _exists,
    "prefix": _affix("prefix", Prefix),
    "suffix": _affix("suffix", Suffix),
    ANY_CASE: lambda operand: EqualsInAnyCase(_text(operand, ANY_CASE)),
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
UNWANTED: dict[str, Callable[[Any], EqualsInAnyCase | Prefix | Suffix | Wildcard]] = {
    "prefix": _unwanted_affix(Prefix),
    "suffix": _unwanted_affix(Suffix),
    ANY_CASE: _unwanted_in_any_case,
    "wildcard": _wildcard,
}
