"""Tags of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from runtime_api.service.errors import InvalidParameterValueException, ResourceNotFoundException

from . import Result
from .addressing import name_in, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.service.function_record import Function

    from . import Asked

__all__ = ["check_tags", "list_tags", "tag_resource", "untag_resource"]

MOST_TAGS = 50
RESERVED = "aws:"


def list_tags(asked: Asked) -> Result:
    """Show the tags of a function."""
    return Result({"Tags": _tagged(asked).tags})


def tag_resource(asked: Asked) -> Result:
    """Add tags, or replace the values of those that are there."""
    function = _tagged(asked)
    given = asked.parameters["Tags"]
    if not given:
        raise InvalidParameterValueException("An error occurred and the request cannot be processed.")
    return Result({}, structs.replace(function, tags=check_tags({**function.tags, **given})))


def untag_resource(asked: Asked) -> Result:
    """Remove tags; names that are not there are no mistake."""
    function = _tagged(asked)
    gone = set(asked.parameters["TagKeys"])
    return Result({}, structs.replace(function, tags={k: v for k, v in function.tags.items() if k not in gone}))


def check_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags that a resource may have (guide 3369); InvalidParameterValueException for others."""
    if len(tags) > MOST_TAGS:
        raise InvalidParameterValueException("Number of tags exceeds resource tag limit.")
    if any(name.lower().startswith(RESERVED) for name in tags):
        raise InvalidParameterValueException("Tag keys may not begin with aws:, which is reserved")
    return dict(tags)


def _tagged(asked: Asked) -> Function:
    resource = asked.parameters["Resource"]
    if ":function:" not in resource:
        raise ResourceNotFoundException(f"There is no such resource: {resource}")
    named = name_in(asked, "Resource")
    if named.qualifier is not None:
        raise InvalidParameterValueException(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    function = asked.functions.get(named.name)
    if function is None:
        raise not_found(asked, named)
    return function
