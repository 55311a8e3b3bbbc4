"""Lambda's operations as data: where each one is, what its parameters may be, and how its answers are named.

`operations.json` is derived from botocore's model (`tests/service/derive_operations.py`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from msgspec import Struct, json, structs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ErrorShape", "Found", "Member", "Model", "Operation", "Shape", "find", "methods_at", "model"]

SOURCE = Path(__file__).with_name("operations.json")


class Member(Struct, frozen=True):
    """A member of a structure, and where in the message it stands."""

    shape: str
    location: str = "body"  # or uri, querystring, header, statusCode
    locationName: str | None = None  # its name there, if that is not the member's own


class Shape(Struct, frozen=True):
    """What a value may be. `min` and `max` are of a number's value, or of the length of anything else."""

    type: str
    min: int | float | None = None
    max: int | float | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    sensitive: bool = False
    members: dict[str, Member] = {}
    required: tuple[str, ...] = ()
    payload: str | None = None  # the member that is the whole body
    eventstream: bool = False
    member: str | None = None  # of a list
    key: str | None = None  # of a map, as `value`
    value: str | None = None


class Operation(Struct, frozen=True):
    """One action of the API. A path has its parameters in braces."""

    method: str
    path: str
    status: int
    query: str = ""  # part of the address: what tells this operation from another one at the same path
    input: str | None = None
    output: str | None = None
    name: str = ""


class ErrorShape(Struct, frozen=True):
    """How an error is answered."""

    status: int
    members: tuple[str, ...]  # of its body; the text is in `message` or `Message`

    @property
    def message(self) -> str:
        """The member that the text is in."""
        return "message" if "message" in self.members else "Message"


class Model(Struct, frozen=True):
    """Every operation, error and shape, by name."""

    operations: dict[str, Operation]
    errors: dict[str, ErrorShape]
    shapes: dict[str, Shape]


class Found(NamedTuple):
    """The operation that a request addresses, and the parameters in its path, decoded."""

    operation: Operation
    labels: dict[str, str]


class _Address(NamedTuple):
    segments: tuple[str, ...]
    query: frozenset[tuple[str, str]]
    operation: Operation


@cache
def model() -> Model:
    """Read the model; 2 ms the first time."""
    found = json.decode(SOURCE.read_bytes(), type=Model)
    named = {name: structs.replace(each, name=name) for name, each in found.operations.items()}
    return Model(named, found.errors, found.shapes)


def find(method: str, path: str, query: Mapping[str, list[str]]) -> Found | None:
    """Return what a request addresses by its raw path and decoded query; None when it is no operation of Lambda's.

    A slash at the end is allowed: SDKs of 2019 send one (guide 16780).
    """
    segments = path.strip("/").split("/")
    given = {(name, value) for name, values in query.items() for value in values}
    for address in _addresses().get((method, len(segments)), ()):
        if address.query <= given:
            labels = _labels(address.segments, segments)
            if labels is not None:
                return Found(address.operation, labels)
    return None


def methods_at(path: str) -> list[str]:
    """The methods that a raw path answers to."""
    segments = path.strip("/").split("/")
    return sorted(
        method
        for (method, length), addresses in _addresses().items()
        if length == len(segments) and any(_labels(address.segments, segments) is not None for address in addresses)
    )


@cache
def _addresses() -> dict[tuple[str, int], list[_Address]]:
    """The operations by method and number of segments; of two at one path, the one that asks for more is first."""
    found: dict[tuple[str, int], list[_Address]] = {}
    for operation in model().operations.values():
        segments = tuple(operation.path.strip("/").split("/"))
        query = frozenset((name, value) for name, _, value in (operation.query.partition("="),) if name)
        found.setdefault((operation.method, len(segments)), []).append(_Address(segments, query, operation))
    for addresses in found.values():
        addresses.sort(key=lambda address: (-len(address.query), "{" in "".join(address.segments)))
    return found


def _labels(template: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    """The parameters in a path; None when the path is another one."""
    labels = {}
    for expected, given in zip(template, segments, strict=True):
        if expected.startswith("{"):
            if not given:
                return None
            labels[expected[1:-1]] = unquote(given)
        elif expected != given:
            return None
    return labels
