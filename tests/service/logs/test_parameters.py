"""Parameters of the CloudWatch Logs API: the same as botocore's model has them, and refused in its words."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import Session

from runtime_api.service.logs.errors import InvalidParameterException, SerializationException
from runtime_api.service.logs.parameters import ANYTHING, OPERATIONS, checked

MODEL = Session().get_service_model("logs")
VALUE = "1 validation error detected: Value "


@pytest.mark.parametrize("name", OPERATIONS)
def test_names_types_and_constraints_are_those_of_the_model(name: str) -> None:
    shape: Any = MODEL.operation_model(name).input_shape
    taken = OPERATIONS[name]
    assert set(taken.shapes) == set(shape.members)
    assert set(taken.required) == set(shape.required_members)
    for member, ours in taken.shapes.items():
        theirs = shape.members[member]
        if ours is not ANYTHING:
            assert ours.type == theirs.type_name
            constraints = {key: theirs.metadata.get(key) for key in ("min", "max", "pattern")}
            assert {"min": ours.min, "max": ours.max, "pattern": ours.pattern} == constraints
            assert list(ours.enum) == theirs.enum if theirs.type_name == "string" else True


@pytest.mark.parametrize(
    ("operation", "document", "text"),
    [
        ("GetLogEvents", {}, f"{VALUE}null at 'logStreamName' failed to satisfy constraint: Member must not be null"),
        (
            "FilterLogEvents",
            {"limit": 0},
            f"{VALUE}'0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (
            "DescribeLogStreams",
            {"logGroupName": "a b"},
            f"{VALUE}'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression "
            r"pattern: [\.\-_/#A-Za-z0-9]+",
        ),
        (
            "DescribeLogStreams",
            {"orderBy": "Name"},
            f"{VALUE}'Name' at 'orderBy' failed to satisfy constraint: Member must satisfy enum value set: "
            "[LogStreamName, LastEventTime]",
        ),
    ],
)
def test_broken_constraints_are_named(operation: str, document: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        checked(operation, document)
    assert refused.value.message == text


def test_all_broken_constraints_are_named_at_once() -> None:
    with pytest.raises(InvalidParameterException) as refused:
        checked("DeleteLogStream", {"logGroupName": ""})
    assert refused.value.message.startswith("3 validation errors detected: Value null at 'logStreamName'")


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "9"), ("limit", True), ("logGroupName", 5), ("logStreamNames", [1])]
)
def test_wrong_types_are_refused(name: str, value: object) -> None:
    with pytest.raises(SerializationException) as refused:
        checked("FilterLogEvents", {name: value})
    assert name in refused.value.message


@pytest.mark.parametrize("document", [None, [], "x", 5])
def test_what_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(SerializationException):
        checked("DescribeLogGroups", document)


def test_null_and_unknown_members_are_left_out() -> None:
    assert checked("DescribeLogGroups", {"limit": None, "other": 1, "nextToken": "t"}) == {"nextToken": "t"}
