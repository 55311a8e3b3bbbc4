"""Tags of functions, layers, code signing configurations and event source mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from runtime_api.service.code_signing_record import CodeSigningConfig
from runtime_api.service.errors import InvalidParameterValueException, ResourceNotFoundException
from runtime_api.service.function_record import Function
from runtime_api.service.layer_record import Layer
from runtime_api.service.mapping_record import EventSourceMapping

from . import Result
from .addressing import name_in, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from . import Asked

__all__ = ["check_tags", "list_tags", "tag_resource", "untag_resource"]

MOST_TAGS = 50
RESERVED = "aws:"
MISSING = {  # by the kind of resource that an ARN names
    "capacity-provider": "Capacity provider not found: {}",
    "code-signing-config": "The Lambda code signing configuration {} can not be found.",
    "event-source-mapping": "Event source mapping not found: {}",
    "layer": "Layer not found: {}",
}
Tagged = Function | Layer | CodeSigningConfig | EventSourceMapping


def list_tags(asked: Asked) -> Result:
    """Show the tags of a resource."""
    return Result({"Tags": _tagged(asked).tags})


def tag_resource(asked: Asked) -> Result:
    """Add tags, or replace the values of those that are there."""
    tagged = _tagged(asked)
    given = asked.parameters["Tags"]
    if not given:
        raise InvalidParameterValueException("An error occurred and the request cannot be processed.")
    return _changed(tagged, check_tags({**tagged.tags, **given}))


def untag_resource(asked: Asked) -> Result:
    """Remove tags; names that are not there are no mistake."""
    tagged = _tagged(asked)
    gone = set(asked.parameters["TagKeys"])
    return _changed(tagged, {name: value for name, value in tagged.tags.items() if name not in gone})


def check_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags that a resource may have (guide 3369); InvalidParameterValueException for others."""
    if len(tags) > MOST_TAGS:
        raise InvalidParameterValueException("Number of tags exceeds resource tag limit.")
    if any(name.lower().startswith(RESERVED) for name in tags):
        raise InvalidParameterValueException("Tag keys may not begin with aws:, which is reserved")
    return dict(tags)


def _changed(tagged: Tagged, tags: dict[str, str]) -> Result:
    if isinstance(tagged, Function):
        return Result({}, structs.replace(tagged, tags=tags))
    return Result({}, kept=structs.replace(tagged, tags=tags))


def _tagged(asked: Asked) -> Tagged:
    """The resource that was named; ResourceNotFoundException if there is none."""
    arn = asked.parameters["Resource"]
    kind, _, name = arn.split(":", 5)[5].partition(":")
    if kind == "function":
        return _function(asked)
    found: Layer | CodeSigningConfig | EventSourceMapping | None = None
    if kind == "layer":
        found = asked.shelves.of(Layer).get(name)
        found = None if found is None or found.arn() != arn or not found.versions else found
    elif kind == "code-signing-config":
        found = asked.shelves.of(CodeSigningConfig).get(arn)
    elif kind == "event-source-mapping":
        found = asked.shelves.of(EventSourceMapping).get(name)
        found = None if found is None or found.arn != arn else found
    if found is None:
        raise ResourceNotFoundException(MISSING[kind].format(arn))
    return found


def _function(asked: Asked) -> Function:
    named = name_in(asked, "Resource")
    if named.qualifier is not None:
        raise InvalidParameterValueException(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    function = asked.functions.get(named.name)
    if function is None:
        raise not_found(asked, named)
    return function
