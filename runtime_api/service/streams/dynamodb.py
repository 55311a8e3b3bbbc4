"""Records of DynamoDB streams: what functions get of them, which is also what filters see."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

__all__ = ["dynamodb_event", "item_key"]

ORDER = (
    "ApproximateCreationDateTime",
    "Keys",
    "NewImage",
    "OldImage",
    "SequenceNumber",
    "SizeBytes",
    "StreamViewType",
)


def dynamodb_event(record: dict[str, Any], stream_arn: str) -> dict[str, Any]:
    """Return a record as an event shows it; `record` is one of GetRecords as botocore reads it."""
    change = record["dynamodb"]
    shown = {
        "eventID": record.get("eventID"),
        "eventName": record.get("eventName"),
        "eventVersion": record.get("eventVersion", "1.1"),
        "eventSource": "aws:dynamodb",
        "awsRegion": record.get("awsRegion") or stream_arn.split(":")[3],
        "dynamodb": {name: _plain(change[name]) for name in ORDER if name in change},
    }
    if "userIdentity" in record:  # of what DynamoDB itself deletes
        identity = record["userIdentity"]
        shown["userIdentity"] = {"type": identity.get("Type"), "principalId": identity.get("PrincipalId")}
    return shown | {"eventSourceARN": stream_arn}


def item_key(record: dict[str, Any]) -> str:
    """Return what names the item that a record is about: changes of one item are handled in order."""
    return repr(sorted(record["dynamodb"].get("Keys", {}).items()))


def _plain(value: Any) -> Any:
    """A value of the API as JSON has it."""
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            seconds = value.timestamp()
            return int(seconds) if seconds.is_integer() else seconds
        case _:
            return value
