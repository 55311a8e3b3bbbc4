"""What requests ask for: groups by name or ARN, ranges of time, places named by tokens, pages of lists."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.logs.errors import InvalidParameterException
from runtime_api.service.logs.lists import asked_groups, asked_streams, is_wanted
from runtime_api.service.logs.queries import END_OF_TIME, Place, event_query, filter_query, group_name, token
from runtime_api.service.logs.records import Group, Stream

ARN = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/f"
GROUPS = [Group(name, 0, None, 0) for name in ("/a/one", "/a/two", "/b/One")]
STREAMS = [Stream(name, 0, 0, last, 0, 0) for name, last in (("x", 30), ("y", None), ("z", 40))]


@pytest.mark.parametrize(
    "given",
    [
        {"logGroupName": "/aws/lambda/f"},
        {"logGroupIdentifier": "/aws/lambda/f"},
        {"logGroupIdentifier": ARN},
        {"logGroupIdentifier": f"{ARN}:*"},
    ],
)
def test_a_group_goes_by_name_or_arn(given: dict[str, str]) -> None:
    assert group_name(given) == "/aws/lambda/f"


@pytest.mark.parametrize("given", [{}, {"logGroupName": "f", "logGroupIdentifier": "f"}])
def test_a_group_is_named_exactly_once(given: dict[str, str]) -> None:
    with pytest.raises(InvalidParameterException):
        group_name(given)


def test_the_end_of_a_range_belongs_to_a_filter_only() -> None:
    given = {"startTime": 5, "endTime": 9, "filterPattern": "a"}
    assert (event_query(given).start_ms, event_query(given).end_ms) == (5, 8)
    assert (filter_query(given).start_ms, filter_query(given).end_ms) == (5, 9)


def test_events_are_read_from_the_end_and_filtered_from_the_start() -> None:
    assert event_query({}).place == Place(END_OF_TIME, False)
    assert event_query({"startFromHead": True}).place == Place(0, True)
    assert filter_query({}).place == Place(0, True)
    assert filter_query({"startFromHead": False}).place == Place(END_OF_TIME, False)


@pytest.mark.parametrize("place", [Place(0, True), Place(END_OF_TIME, False), Place(77, True)])
def test_a_token_stands_for_a_place_whatever_else_is_said(place: Place) -> None:
    assert event_query({"nextToken": token(place), "startFromHead": not place.forward}).place == place


@pytest.mark.parametrize("given", ["x", "f/", "g/1", "f/-1", "f/" + "9" * 57, "f/1\n"])
def test_strange_tokens_are_refused(given: str) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        event_query({"nextToken": given})
    assert refused.value.message == "The specified nextToken is invalid."


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(InvalidParameterException):
        filter_query({"startTime": 9, "endTime": 5})
    with pytest.raises(InvalidParameterException):
        filter_query({"logStreamNames": ["a"], "logStreamNamePrefix": "a"})
    with pytest.raises(InvalidParameterException):
        asked_groups(GROUPS, {"logGroupNamePrefix": "a", "logGroupNamePattern": "a"})
    with pytest.raises(InvalidParameterException) as refused:
        asked_streams(STREAMS, {"logStreamNamePrefix": "x", "orderBy": "LastEventTime"})
    assert refused.value.message == "Cannot order by LastEventTime with a logStreamNamePrefix."


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ["/a/one", "/a/two", "/b/One"]),
        ({"logGroupNamePrefix": "/a/"}, ["/a/one", "/a/two"]),
        ({"logGroupNamePattern": "one"}, ["/a/one", "/b/One"]),
        ({"logGroupIdentifiers": ["/a/two", ARN.replace("/aws/lambda/f", "/b/One")]}, ["/a/two", "/b/One"]),
    ],
)
def test_groups_are_chosen(given: dict[str, Any], names: list[str]) -> None:
    assert [group.name for group in asked_groups(GROUPS, given)[0]] == names


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, "xyz"),
        ({"descending": True}, "zyx"),
        ({"logStreamNamePrefix": "y"}, "y"),
        ({"orderBy": "LastEventTime", "descending": True}, "zxy"),
        ({"orderBy": "LastEventTime"}, "yxz"),
    ],
)
def test_streams_are_ordered_and_come_in_pages(given: dict[str, Any], names: str) -> None:
    assert "".join(stream.name for stream in asked_streams(STREAMS, given)[0]) == names
    pages, more = "", dict[str, str]()
    for _ in names:
        page, more = asked_streams(STREAMS, {**given, **more, "limit": 1})
        pages += page[0].name
    assert (pages, more) == (names, {})


def test_streams_of_a_filter() -> None:
    assert is_wanted({})("any")
    assert [name for name in ("ab", "b") if is_wanted({"logStreamNamePrefix": "a"})(name)] == ["ab"]
    assert [name for name in ("ab", "b") if is_wanted({"logStreamNames": ["b"]})(name)] == ["b"]
