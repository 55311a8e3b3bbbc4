"""The parameters of the operations that are served, with CloudWatch's constraints and its texts.

They are few, so they stand here and are not derived; a test compares them with botocore's model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runtime_api.service.operations import Shape
from runtime_api.service.validation import NOT_NULL, complaints

from .errors import InvalidParameterException, SerializationException

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPERATIONS", "Parameters", "checked"]

GROUP = Shape("string", 1, 512, r"[\.\-_/#A-Za-z0-9]+")
IDENTIFIER = Shape("string", 1, 2048, r"[\w#+=/:,.@-]*")
STREAM = Shape("string", 1, 512, r"[^:*]*")
TOKEN = Shape("string", 1)
TIME = Shape("long", 0)
YES_OR_NO = Shape("boolean")
AT_MOST_50 = Shape("integer", 1, 50)
AT_MOST_10000 = Shape("integer", 1, 10_000)
ANYTHING = Shape("structure")  # accepted, and of no effect here

IN_GROUP = {"logGroupName": GROUP, "logGroupIdentifier": IDENTIFIER}
TIMES = {"startTime": TIME, "endTime": TIME}
JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "list": (list,),
}


class Parameters(NamedTuple):
    """What an operation takes."""

    shapes: Mapping[str, Shape]
    required: tuple[str, ...] = ()


OPERATIONS = {
    "CreateLogGroup": Parameters(
        {
            "logGroupName": GROUP,
            "kmsKeyId": ANYTHING,
            "tags": ANYTHING,
            "logGroupClass": ANYTHING,
            "deletionProtectionEnabled": ANYTHING,
        },
        ("logGroupName",),
    ),
    "CreateLogStream": Parameters(
        {"logGroupName": GROUP, "logStreamName": STREAM}, ("logGroupName", "logStreamName")
    ),
    "DeleteLogGroup": Parameters({"logGroupName": GROUP}, ("logGroupName",)),
    "DeleteLogStream": Parameters(
        {"logGroupName": GROUP, "logStreamName": STREAM}, ("logGroupName", "logStreamName")
    ),
    "DeleteRetentionPolicy": Parameters({"logGroupName": GROUP}, ("logGroupName",)),
    "DescribeLogGroups": Parameters(
        {
            "accountIdentifiers": ANYTHING,
            "logGroupNamePrefix": GROUP,
            "logGroupNamePattern": Shape("string", 0, 512, r"[\.\-_/#A-Za-z0-9]*"),
            "nextToken": TOKEN,
            "limit": AT_MOST_50,
            "includeLinkedAccounts": ANYTHING,
            "logGroupClass": ANYTHING,
            "logGroupIdentifiers": Shape("list", 1, 50),
        }
    ),
    "DescribeLogStreams": Parameters(
        {
            **IN_GROUP,
            "logStreamNamePrefix": STREAM,
            "orderBy": Shape("string", enum=("LogStreamName", "LastEventTime")),
            "descending": YES_OR_NO,
            "nextToken": TOKEN,
            "limit": AT_MOST_50,
        }
    ),
    "FilterLogEvents": Parameters(
        {
            **IN_GROUP,
            "logStreamNames": Shape("list", 1, 100),
            "logStreamNamePrefix": STREAM,
            **TIMES,
            "filterPattern": Shape("string", 0, 1024),
            "nextToken": TOKEN,
            "limit": AT_MOST_10000,
            "startFromHead": YES_OR_NO,
            "interleaved": ANYTHING,
            "unmask": ANYTHING,
        }
    ),
    "GetLogEvents": Parameters(
        {
            **IN_GROUP,
            "logStreamName": STREAM,
            **TIMES,
            "nextToken": TOKEN,
            "limit": AT_MOST_10000,
            "startFromHead": YES_OR_NO,
            "unmask": ANYTHING,
        },
        ("logStreamName",),
    ),
    "PutRetentionPolicy": Parameters(
        {"logGroupName": GROUP, "retentionInDays": Shape("integer")}, ("logGroupName", "retentionInDays")
    ),
}


def checked(operation: str, document: object) -> dict[str, Any]:
    """Return the parameters in a request's document; null and unknown ones are left out.

    SerializationException for a wrong type, InvalidParameterException with every constraint that is broken.
    """
    if not isinstance(document, dict):
        raise SerializationException("The request is no JSON object")
    taken = OPERATIONS[operation]
    given = {name: document[name] for name in taken.shapes if document.get(name) is not None}
    for name, value in given.items():
        _check_type(name, taken.shapes[name], value)
    errors = [
        f"Value null at '{name}' failed to satisfy constraint: {NOT_NULL}"
        for name in taken.required
        if name not in given
    ]
    for name, value in given.items():
        errors += complaints(taken.shapes[name], value, name)
    if errors:
        counted = f"{len(errors)} validation error{'s' if len(errors) > 1 else ''} detected: "
        raise InvalidParameterException(counted + "; ".join(errors))
    return given


def _check_type(name: str, shape: Shape, value: Any) -> None:
    types = JSON_TYPES.get(shape.type)
    if types is None:
        return
    wrong = not isinstance(value, types) or (isinstance(value, bool) and bool not in types)
    if wrong or (shape.type == "list" and not all(isinstance(each, str) for each in value)):
        raise SerializationException(f"{name} is of a wrong type: a {shape.type} is expected")
