"""The rules of Lambda's API, one module a resource: what an operation answers, and what it changes.

A rule is a pure function of what was asked and of the function that it concerns. It returns the answer and the
function as it is afterwards, or raises a ServiceError; then nothing has changed. Parameters have passed
`validation.check_parameters` before a rule sees them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runtime_api.protocol.provisioning import Allocation
from runtime_api.service.owners import Owner
from runtime_api.service.profiles import CURRENT
from runtime_api.service.resources import Shelves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runtime_api.service.function_record import Code, Function
    from runtime_api.service.profiles import Profile
    from runtime_api.service.resources import Resource

__all__ = ["Asked", "Owner", "Result", "Uploaded"]


class Uploaded(NamedTuple):
    """The package in a request, once it has been taken in."""

    code: Code
    unzipped_bytes: int


class Asked(NamedTuple):
    """An operation on one function, or on all of them."""

    parameters: Mapping[str, Any]  # as the model has them
    owner: Owner
    functions: Mapping[str, Function]  # the owner's, and behind them those that belong to everybody, by name
    now: str  # as Lambda writes times of modification
    unix_s: float  # the same moment
    ids: Iterator[str]  # new ones
    uploaded: Uploaded | None = None
    next_numbers: Mapping[str, int] = {}  # of versions of functions that were deleted: no number is used twice
    shelves: Shelves = Shelves()  # what the owner has besides functions
    link: Callable[[str], str] = str  # the URL of a package by its SHA-256
    profile: Profile = CURRENT  # what is allowed
    elsewhere: Callable[[Owner], Shelves] = lambda _owner: Shelves()  # what another owner has
    url: Callable[[str], str] = str  # the URL of a function by its url id
    url_ids: Iterator[str] = iter(())  # new ones, which nobody can guess
    allocation: Callable[[str], Allocation] = lambda _arn: Allocation()  # of a version, by its ARN


class Result(NamedTuple):
    """What an operation answers, and what it leaves."""

    document: Mapping[str, Any]
    changed: Function | None = None  # None: nothing has changed
    removed: Function | None = None
    kept: Resource | None = None  # another resource, as it is afterwards
    dropped: Resource | None = None


def page(
    items: Sequence[tuple[str, Any]],
    parameters: Mapping[str, Any],
    member: str,
    most: int,
    shown: Callable[[Any], Mapping[str, Any]] | None = None,
) -> Result:
    """Answer a list: the items, each with its key, after the one that the caller's Marker stands for.

    `shown` makes what is answered of an item; it is called for those on the page only.
    """
    from runtime_api.service.pages import page_of

    found, marker = page_of(items, parameters.get("Marker"), min(parameters.get("MaxItems", most), most))
    return Result({member: found if shown is None else [shown(item) for item in found], "NextMarker": marker})
