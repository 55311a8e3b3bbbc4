"""The operations of CloudWatch Logs that are served, each as what it does with the store's connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runtime_api.service.logs import records
from runtime_api.service.logs.errors import (
    InvalidParameterException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from runtime_api.service.logs.lists import asked_groups, asked_streams, is_wanted
from runtime_api.service.logs.queries import event_query, filter_query, group_name, token
from runtime_api.store.sqlite import log_changes, log_queries

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from runtime_api.service.logs.queries import EventQuery
    from runtime_api.store.sqlite.log_queries import GroupRow

__all__ = ["CHANGES", "QUERIES", "Asked", "Operation"]

NO_GROUP = "The specified log group does not exist."
NO_STREAM = "The specified log stream does not exist."
GROUP_EXISTS = "The specified log group already exists"
STREAM_EXISTS = "The specified log stream already exists"
DAY_MS = 86_400_000
RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


class Asked(NamedTuple):
    """A request: well-formed parameters, and whose logs are meant. `now_ms` is in Unix milliseconds."""

    parameters: Mapping[str, Any]
    account: str
    region: str
    now_ms: int


if TYPE_CHECKING:
    Operation = Callable[[sqlite3.Connection, Asked], dict[str, Any]]


def _describe_groups(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    page, more = asked_groups(log_queries.groups(connection, asked.account, asked.region), asked.parameters)
    return {"logGroups": [records.shown_group(group, _arn(asked, group.name)) for group in page], **more}


def _describe_streams(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    arn = _arn(asked, group_name(asked.parameters))
    page, more = asked_streams(log_queries.streams(connection, _group(connection, asked).id), asked.parameters)
    return {"logStreams": [records.shown_stream(stream, arn) for stream in page], **more}


def _get_events(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    query, group = event_query(asked.parameters), _group(connection, asked)
    stream, kept = asked.parameters["logStreamName"], _within_retention(query, group, asked)
    page = log_queries.page_of_stream(connection, group.id, stream, kept)
    if page is None:
        raise ResourceNotFoundException(NO_STREAM)
    return {"events": [records.listed_event(event) for event in page.events], **records.tokens(page)}


def _filter_events(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    query, group = filter_query(asked.parameters), _group(connection, asked)
    for name in asked.parameters.get("logStreamNames", ()):
        if not log_queries.has_stream(connection, group.id, name):
            raise ResourceNotFoundException(NO_STREAM)
    kept = _within_retention(query, group, asked)
    page = log_queries.page_of_group(connection, group.id, is_wanted(asked.parameters), kept)
    ordered = page.events if query.place.forward else page.events[::-1]
    found = {"events": [records.found_event(event) for event in ordered], "searchedLogStreams": []}
    return found if page.at_end else found | {"nextToken": token(page.behind if query.place.forward else page.before)}


def _create_group(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    name = group_name(asked.parameters)
    if not log_changes.create_group(connection, asked.account, asked.region, name, asked.now_ms):
        raise ResourceAlreadyExistsException(GROUP_EXISTS)
    return {}


def _create_stream(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    group, name = _group(connection, asked), asked.parameters["logStreamName"]
    if not log_changes.create_stream(connection, group.id, name, asked.now_ms):
        raise ResourceAlreadyExistsException(STREAM_EXISTS)
    return {}


def _delete_group(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    log_changes.delete_group(connection, _group(connection, asked).id)
    return {}


def _delete_stream(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    if not log_changes.delete_stream(connection, _group(connection, asked).id, asked.parameters["logStreamName"]):
        raise ResourceNotFoundException(NO_STREAM)
    return {}


def _put_retention(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    days = asked.parameters["retentionInDays"]
    if days not in RETENTIONS:
        raise InvalidParameterException(f"retentionInDays must be one of {', '.join(map(str, RETENTIONS))}")
    log_changes.set_retention(connection, _group(connection, asked).id, days)
    return {}


def _delete_retention(connection: sqlite3.Connection, asked: Asked) -> dict[str, Any]:
    log_changes.set_retention(connection, _group(connection, asked).id, None)
    return {}


def _group(connection: sqlite3.Connection, asked: Asked) -> GroupRow:
    found = log_queries.find_group(connection, asked.account, asked.region, group_name(asked.parameters))
    if found is None:
        raise ResourceNotFoundException(NO_GROUP)
    return found


def _arn(asked: Asked, name: str) -> str:
    return records.group_arn(asked.account, asked.region, name)


def _within_retention(query: EventQuery, group: GroupRow, asked: Asked) -> EventQuery:
    """Events that are older than their group keeps them are not shown."""
    if group.retention_days is None:
        return query
    return query._replace(start_ms=max(query.start_ms, asked.now_ms - group.retention_days * DAY_MS))


QUERIES: dict[str, Operation] = {
    "DescribeLogGroups": _describe_groups,
    "DescribeLogStreams": _describe_streams,
    "FilterLogEvents": _filter_events,
    "GetLogEvents": _get_events,
}
CHANGES: dict[str, Operation] = {
    "CreateLogGroup": _create_group,
    "CreateLogStream": _create_stream,
    "DeleteLogGroup": _delete_group,
    "DeleteLogStream": _delete_stream,
    "DeleteRetentionPolicy": _delete_retention,
    "PutRetentionPolicy": _put_retention,
}
