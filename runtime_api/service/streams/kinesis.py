"""Records of Kinesis: what functions get of them, and what filters see."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["KinesisRecord", "kinesis_event", "kinesis_view"]


class KinesisRecord(NamedTuple):
    """A record as Kinesis has it."""

    sequence_number: str
    partition_key: str
    data: bytes
    arrived: datetime
    encryption: str | None = None


def kinesis_event(record: KinesisRecord, shard: str, stream_arn: str, role: str) -> dict[str, Any]:
    """Return a record as an event shows it; `role` is the function's."""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record.partition_key,
            "sequenceNumber": record.sequence_number,
            "data": base64.b64encode(record.data).decode(),
            "approximateArrivalTimestamp": round(record.arrived.timestamp(), 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{record.sequence_number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": role,
        "awsRegion": stream_arn.split(":")[3],
        "eventSourceARN": stream_arn,
    }


def kinesis_view(event: dict[str, Any], data: bytes) -> dict[str, Any]:
    """Return what filters see of a record: its members beside one another, and its data opened.

    Data is what its JSON says, or the text that it is.
    """
    try:
        opened = orjson.loads(data)
    except orjson.JSONDecodeError:
        opened = data.decode(errors="replace")
    return {**event, **event["kinesis"], "data": opened}
