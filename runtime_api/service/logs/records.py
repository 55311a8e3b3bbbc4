"""Log groups, streams and events as they are kept, and as CloudWatch Logs shows them. Times are Unix milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .queries import token

if TYPE_CHECKING:
    from .queries import Place

__all__ = [
    "Group",
    "KeptEvent",
    "Page",
    "Stream",
    "found_event",
    "group_arn",
    "listed_event",
    "shown_group",
    "shown_stream",
    "tokens",
]


class Group(NamedTuple):
    """A log group."""

    name: str
    created_ms: int
    retention_days: int | None
    size: int  # bytes of text


class Stream(NamedTuple):
    """A log stream; a new one has no events."""

    name: str
    created_ms: int
    first_ms: int | None
    last_ms: int | None
    written_ms: int | None
    size: int  # bytes of text


class KeptEvent(NamedTuple):
    """An event with the stream that it is of."""

    position: int
    stream: str
    at_ms: int
    written_ms: int
    message: bytes


class Page(NamedTuple):
    """Events, oldest first, and where those before and behind them are."""

    events: list[KeptEvent]
    before: Place
    behind: Place
    at_end: bool  # nothing is left in the direction of the query


def group_arn(account: str, region: str, name: str) -> str:
    """Return a log group's ARN."""
    return f"arn:aws:logs:{region}:{account}:log-group:{name}"


def shown_group(group: Group, arn: str) -> dict[str, Any]:
    """Return a group as DescribeLogGroups lists it."""
    retention = {} if group.retention_days is None else {"retentionInDays": group.retention_days}
    return {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        **retention,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": group.size,
        "logGroupClass": "STANDARD",
        "logGroupArn": arn,
    }


def shown_stream(stream: Stream, group: str) -> dict[str, Any]:
    """Return a stream as DescribeLogStreams lists it; `group` is the ARN of its group."""
    times = {
        "firstEventTimestamp": stream.first_ms,
        "lastEventTimestamp": stream.last_ms,
        "lastIngestionTime": stream.written_ms,
    }
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        **{name: value for name, value in times.items() if value is not None},
        "arn": f"{group}:log-stream:{stream.name}",
        "storedBytes": 0,  # as CloudWatch says of every stream since 2019
    }


def listed_event(event: KeptEvent) -> dict[str, Any]:
    """Return an event as GetLogEvents lists it."""
    return {
        "timestamp": event.at_ms,
        "message": event.message.decode("utf-8", "replace"),
        "ingestionTime": event.written_ms,
    }


def found_event(event: KeptEvent) -> dict[str, Any]:
    """Return an event as FilterLogEvents lists it; its id has 56 digits, as CloudWatch's, and grows with its time."""
    ident = f"{event.at_ms:020d}{event.position:036d}"
    return {"logStreamName": event.stream, **listed_event(event), "eventId": ident}


def tokens(page: Page) -> dict[str, str]:
    """Return the tokens of GetLogEvents."""
    return {"nextForwardToken": token(page.behind), "nextBackwardToken": token(page.before)}
