"""Event source mappings: created, looked at, changed and deleted, and how they come to rest afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs, to_builtins

from runtime_api.service.arns import function_arn
from runtime_api.service.errors import (
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceInUseException,
)
from runtime_api.service.mapping_record import EventSourceMapping, MappingState
from runtime_api.service.mapping_sources import SOURCES, SourceKind, kind_of_source

from . import Result, mapping_settings, page
from .addressing import name_in, resource_missing
from .tags import check_tags

if TYPE_CHECKING:
    from runtime_api.service.mapping_record import Settings

    from . import Asked

__all__ = [
    "create_event_source_mapping",
    "delete_event_source_mapping",
    "get_event_source_mapping",
    "list_event_source_mappings",
    "settled_mapping",
    "update_event_source_mapping",
]

PAGE = 100
FOR_SQS = (
    'An event source mapping with SQS arn (" {} ") and function (" {} ") already exists. '
    "Please update or delete the existing mapping with UUID {}"
)
FOR_OTHERS = (
    'The event source arn (" {} ") and function (" {} ") provided mapping already exists. '
    "Please update or delete the existing mapping with UUID {}"
)


def create_event_source_mapping(asked: Asked) -> Result:
    """Make a mapping, which is Enabled in the end unless Enabled says otherwise."""
    uuid = next(asked.ids)
    settings = mapping_settings.created(asked, uuid)
    mapping = EventSourceMapping(
        uuid,
        *asked.owner,
        _function_arn(asked),
        settings,
        MappingState.CREATING,
        asked.parameters.get("Enabled", True),
        asked.now,
        SOURCES[_kind(settings)].first_result,
        check_tags(asked.parameters.get("Tags", {})),
    )
    _check_alone(asked, mapping)
    return Result(_shown(mapping), kept=mapping)


def get_event_source_mapping(asked: Asked) -> Result:
    """Show a mapping."""
    return Result(_shown(_mapping(asked)))


def list_event_source_mappings(asked: Asked) -> Result:
    """Show the mappings of a function or of a source, or all of them; there need not be such a function."""
    source = asked.parameters.get("EventSourceArn")
    function = _arn_named(asked) if "FunctionName" in asked.parameters else None
    fitting = [
        (uuid, _shown(mapping))
        for uuid, mapping in sorted(asked.shelves.of(EventSourceMapping).items())
        if source in (None, mapping.settings.event_source_arn) and function in (None, mapping.function_arn)
    ]
    return page(fitting, asked.parameters, "EventSourceMappings", PAGE)


def update_event_source_mapping(asked: Asked) -> Result:
    """Change what the parameters name of a mapping."""
    mapping = _mapping(asked)
    _check_at_rest(mapping, "update")
    enabled = asked.parameters.get("Enabled", mapping.enabled)
    state = MappingState.UPDATING
    if enabled != mapping.enabled:
        state = MappingState.ENABLING if enabled else MappingState.DISABLING
    changed = structs.replace(
        mapping,
        function_arn=_function_arn(asked) if "FunctionName" in asked.parameters else mapping.function_arn,
        settings=mapping_settings.changed(mapping.settings, asked),
        state=state,
        enabled=enabled,
        last_modified=asked.now,
    )
    _check_alone(asked, changed)
    return Result(_shown(changed), kept=changed)


def delete_event_source_mapping(asked: Asked) -> Result:
    """Begin to delete a mapping: it is gone a moment later."""
    mapping = _mapping(asked)
    _check_at_rest(mapping, "delete")
    going = structs.replace(mapping, state=MappingState.DELETING, last_modified=asked.now)
    return Result(_shown(going), kept=going)


def settled_mapping(mapping: EventSourceMapping, now: str) -> EventSourceMapping | None:
    """Return a mapping that has become what it was about to be; None when it is gone."""
    if mapping.state is MappingState.DELETING:
        return None
    if mapping.state.is_settled:
        return mapping
    state = MappingState.ENABLED if mapping.enabled else MappingState.DISABLED
    return structs.replace(mapping, state=state, last_modified=now)


def _mapping(asked: Asked) -> EventSourceMapping:
    mapping = asked.shelves.of(EventSourceMapping).get(asked.parameters["UUID"])
    if mapping is None:
        raise resource_missing()
    return mapping


def _check_at_rest(mapping: EventSourceMapping, operation: str) -> None:
    if not mapping.state.is_settled:
        raise ResourceInUseException(f"Cannot {operation} the event source mapping because it is in use.")


def _arn_named(asked: Asked) -> str:
    """The ARN of what a caller names, with the qualifier if there is one: a mapping keeps to exactly that."""
    named = name_in(asked)
    return function_arn(asked.owner.region, asked.owner.account, named.name, named.qualifier)


def _function_arn(asked: Asked) -> str:
    """The ARN of the function, version or alias for a mapping; InvalidParameterValueException if there is none."""
    named = name_in(asked)
    function = asked.functions.get(named.name)
    known = function is not None and (
        named.qualifier is None
        or named.qualifier in function.aliases
        or function.version(named.qualifier) is not None
    )
    if not known:
        raise InvalidParameterValueException("Function does not exist")
    return _arn_named(asked)


def _check_alone(asked: Asked, mapping: EventSourceMapping) -> None:
    """Raise ResourceConflictException when another mapping has this source and this function."""
    for other in asked.shelves.of(EventSourceMapping).values():
        if other.uuid != mapping.uuid and _reads(other) == _reads(mapping):
            text = FOR_SQS if _kind(mapping.settings) in (SourceKind.SQS, SourceKind.SQS_FIFO) else FOR_OTHERS
            source = mapping.settings.event_source_arn
            function = mapping.function_arn.partition(":function:")[2]
            raise ResourceConflictException(text.format(source, function, other.uuid))


def _reads(mapping: EventSourceMapping) -> tuple[Any, ...]:
    """What no two mappings may have in common: of brokers, they may read different topics and queues."""
    settings = mapping.settings
    return (
        mapping.function_arn,
        settings.event_source_arn,
        settings.self_managed_event_source,
        settings.topics,
        settings.queues,
    )


def _kind(settings: Settings) -> SourceKind:
    kind = kind_of_source(settings.event_source_arn)
    assert kind is not None  # the settings have been checked
    return kind


def _shown(mapping: EventSourceMapping) -> dict[str, Any]:
    return {
        **to_builtins(mapping.settings),
        "UUID": mapping.uuid,
        "EventSourceMappingArn": mapping.arn,
        "FunctionArn": mapping.function_arn,
        "LastModified": mapping_settings.seconds(mapping.last_modified),
        "LastProcessingResult": mapping.last_result,
        "State": mapping.state,
        "StateTransitionReason": SOURCES[_kind(mapping.settings)].reason,
    }
