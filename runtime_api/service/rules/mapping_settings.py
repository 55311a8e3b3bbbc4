"""The settings of event source mappings: defaults of each kind of source, and what Lambda refuses."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import convert, to_builtins

from runtime_api.service.errors import InvalidParameterValueException
from runtime_api.service.filters import PatternError, parse_pattern
from runtime_api.service.mapping_record import Settings
from runtime_api.service.mapping_sources import SOURCES, Position, SourceKind, kind_of_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from . import Asked

__all__ = ["changed", "created", "seconds"]

COMMON = frozenset(
    {
        "EventSourceArn",
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "FilterCriteria",
        "KMSKeyArn",
        "MetricsConfig",
    }
)
NO_SETTINGS = frozenset({"UUID", "FunctionName", "Enabled", "Tags"})
QUEUES = (SourceKind.SQS, SourceKind.SQS_FIFO)
QUEUE_BATCH = 10  # messages that SQS hands out at once
YOUNGEST = 60  # seconds: the least age of a record that may be given up
OLDEST = 604_800  # seconds: a week
MOST_FILTERS = 5
NO_POSITION = (
    "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
    "Member must not be null."
)
CLEARED: Mapping[str, Any] = {
    "FilterCriteria": {"Filters": []},
    "KMSKeyArn": "",
    "MetricsConfig": {"Metrics": []},
}


def created(asked: Asked, uuid: str) -> Settings:
    """Return the settings of a mapping that is being created; InvalidParameterValueException for impossible ones."""
    parameters = asked.parameters
    _check_destinations(parameters)
    arn = parameters.get("EventSourceArn")
    if arn is None and "SelfManagedEventSource" not in parameters:
        raise InvalidParameterValueException("Unrecognized event source.")
    kind = kind_of_source(arn)
    if kind is None:
        raise InvalidParameterValueException(f"Unsupported source arn : {arn}")
    given = _given(parameters)
    source = SOURCES[kind]
    _check_taken(kind, given)
    for name in source.needs:
        _check_needed(name, given)
    settings = _settings({**source.defaults, **_consumer_group(kind, uuid), **given})
    _check_position(asked, kind, settings)
    _check(kind, settings)
    return settings


def changed(settings: Settings, asked: Asked) -> Settings:
    """Return settings with what the parameters name of them changed; others are as impossible as on creation."""
    _check_destinations(asked.parameters)
    kind = kind_of_source(settings.event_source_arn)
    assert kind is not None  # or it would not have been created
    given = _given(asked.parameters)
    _check_taken(kind, given)
    before = {name: value for name, value in to_builtins(settings).items() if value is not None}
    updated = _settings({**before, **given})
    _check(kind, updated)
    return updated


def seconds(now: str) -> float:
    """Return a time as Lambda writes it in Unix seconds, as which mappings show it."""
    return datetime.fromisoformat(now).timestamp()


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in NO_SETTINGS}


def _settings(values: Mapping[str, Any]) -> Settings:
    """Make settings; an empty value takes away what was set."""
    made = {name: None if value in ({}, CLEARED.get(name)) else value for name, value in values.items()}
    if "DestinationConfig" in values:
        destination = values["DestinationConfig"].get("OnFailure", {}).get("Destination")
        made["DestinationConfig"] = {"OnFailure": {"Destination": destination} if destination else {}}
    if "DocumentDBEventSourceConfig" in values:
        made["DocumentDBEventSourceConfig"] = {"FullDocument": "Default", **values["DocumentDBEventSourceConfig"]}
    return convert(made, Settings)


def _consumer_group(kind: SourceKind, uuid: str) -> dict[str, Any]:
    """The group that a consumer of Kafka joins where none is named."""
    names = {
        SourceKind.MANAGED_KAFKA: "AmazonManagedKafkaEventSourceConfig",
        SourceKind.OWN_KAFKA: "SelfManagedKafkaEventSourceConfig",
    }
    return {names[kind]: {"ConsumerGroupId": uuid}} if kind in names else {}


def _check_destinations(parameters: Mapping[str, Any]) -> None:
    """There is none for success, whatever the source."""
    if "OnSuccess" in parameters.get("DestinationConfig", {}):
        raise _unsupported("DestinationConfig")


def _check_taken(kind: SourceKind, given: Mapping[str, Any]) -> None:
    """Every parameter that is given is one that this source has."""
    for name in given:
        if name in COMMON or name in SOURCES[kind].takes:
            continue
        if name == "StartingPosition" and kind in QUEUES:
            raise InvalidParameterValueException("StartingPosition is not valid for SQS event sources.")
        raise _unsupported(name)


def _unsupported(name: str) -> InvalidParameterValueException:
    return InvalidParameterValueException(f"Unsupported {name} parameter for given event source mapping type.")


def _check_needed(name: str, given: Mapping[str, Any]) -> None:
    if given.get(name):
        return
    if name == "StartingPosition":
        raise InvalidParameterValueException(NO_POSITION)
    raise InvalidParameterValueException(f"Required '{name[0].lower()}{name[1:]}' parameter is missing.")


def _check_position(asked: Asked, kind: SourceKind, settings: Settings) -> None:
    position, timestamp = settings.starting_position, settings.starting_position_timestamp
    if position is None:
        return
    if position not in SOURCES[kind].positions:
        raise InvalidParameterValueException(
            f"Unsupported starting position for arn type: {settings.event_source_arn}"
        )
    if (position == Position.AT_TIMESTAMP) != (timestamp is not None):
        raise InvalidParameterValueException(
            "StartingPositionTimestamp goes with the starting position AT_TIMESTAMP, and with no other one."
        )
    if timestamp is not None and timestamp > seconds(asked.now):
        raise InvalidParameterValueException("StartingPositionTimestamp cannot be in the future.")


def _check(kind: SourceKind, settings: Settings) -> None:
    _check_batch(kind, settings)
    _check_filters(settings)
    age = settings.maximum_record_age_in_seconds
    if age is not None and age != -1 and not YOUNGEST <= age <= OLDEST:
        raise InvalidParameterValueException(
            f"MaximumRecordAgeInSeconds must be either -1 (forever) or between {YOUNGEST} and {OLDEST} (inclusive)"
        )
    pollers = settings.provisioned_poller_config
    if pollers and settings.scaling_config:
        raise InvalidParameterValueException("ScalingConfig and ProvisionedPollerConfig cannot be used together.")
    if pollers and pollers.get("MinimumPollers", 1) > pollers.get("MaximumPollers", pollers.get("MinimumPollers", 1)):
        raise InvalidParameterValueException("MinimumPollers must not be greater than MaximumPollers.")


def _check_batch(kind: SourceKind, settings: Settings) -> None:
    if kind not in QUEUES:
        return
    if kind is SourceKind.SQS_FIFO and settings.maximum_batching_window_in_seconds:
        raise InvalidParameterValueException("Batching window is not supported for FIFO queues")
    if settings.batch_size <= QUEUE_BATCH:
        return
    if kind is SourceKind.SQS_FIFO:
        raise InvalidParameterValueException(f"Maximum batch size must be between 1 and {QUEUE_BATCH} inclusive")
    if not settings.maximum_batching_window_in_seconds:
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than "
            f"{QUEUE_BATCH}"
        )


def _check_filters(settings: Settings) -> None:
    filters = (settings.filter_criteria or {}).get("Filters", [])
    if len(filters) > MOST_FILTERS:
        raise InvalidParameterValueException(f"A mapping can have {MOST_FILTERS} filters at most.")
    for each in filters:
        try:
            parse_pattern(each.get("Pattern", ""))
        except PatternError:
            # Lambda does not tell what is wrong with it.
            raise InvalidParameterValueException("Invalid filter pattern definition.") from None
