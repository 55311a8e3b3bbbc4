"""Lists of groups and streams: which of them, in which order, and a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from .errors import InvalidParameterException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .records import Group, Stream

__all__ = ["asked_groups", "asked_streams", "is_wanted"]

PAGE = 50
BOTH = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
ORDERED_BY_TIME = "Cannot order by LastEventTime with a logStreamNamePrefix."

Item = TypeVar("Item", "Group", "Stream")


def asked_groups(groups: Sequence[Group], parameters: Mapping[str, Any]) -> tuple[list[Group], dict[str, str]]:
    """Return the groups that DescribeLogGroups asks for, and its token if there are more."""
    prefix, pattern = parameters.get("logGroupNamePrefix"), parameters.get("logGroupNamePattern")
    if prefix and pattern:
        raise InvalidParameterException(BOTH)
    identifiers = {each.split(":log-group:")[-1] for each in parameters.get("logGroupIdentifiers", ())}
    found = [
        group
        for group in groups
        if group.name.startswith(prefix or "")
        and (pattern or "").lower() in group.name.lower()
        and (not identifiers or group.name in identifiers)
    ]
    return _page(found, lambda group: group.name, parameters)


def asked_streams(streams: Sequence[Stream], parameters: Mapping[str, Any]) -> tuple[list[Stream], dict[str, str]]:
    """Return the streams that DescribeLogStreams asks for, and its token if there are more."""
    prefix, by_time = parameters.get("logStreamNamePrefix", ""), parameters.get("orderBy") == "LastEventTime"
    if prefix and by_time:
        raise InvalidParameterException(ORDERED_BY_TIME)

    def key(stream: Stream) -> str:
        return f"{stream.last_ms or 0:020d}/{stream.name}" if by_time else stream.name

    found = [stream for stream in streams if stream.name.startswith(prefix)]
    return _page(found, key, parameters)


def is_wanted(parameters: Mapping[str, Any]) -> Callable[[str], bool]:
    """Return whether FilterLogEvents asks for a stream, by its name."""
    names, prefix = frozenset(parameters.get("logStreamNames", ())), parameters.get("logStreamNamePrefix", "")
    return names.__contains__ if names else lambda name: name.startswith(prefix)


def _page(
    items: Sequence[Item], key: Callable[[Item], str], parameters: Mapping[str, Any]
) -> tuple[list[Item], dict[str, str]]:
    """The page behind the one whose last key is the token."""
    limit, after, descending = (
        parameters.get("limit", PAGE),
        parameters.get("nextToken"),
        bool(parameters.get("descending")),
    )
    ordered = sorted(items, key=key, reverse=descending)
    if after is not None:
        ordered = [each for each in ordered if (key(each) < after if descending else key(each) > after)]
    page = ordered[:limit]
    return page, {"nextToken": key(page[-1])} if len(ordered) > limit else {}
