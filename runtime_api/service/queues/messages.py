"""Messages of SQS: what functions get of them, and what filters see."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Message", "MessageError", "filtered_view", "message_record", "read_messages"]

NEEDED = ("MessageId", "ReceiptHandle", "Body")


class MessageError(ValueError):
    """An answer to ReceiveMessage that is not what SQS would say."""


class Message(Struct, frozen=True):
    """A message that was received; named as ReceiveMessage names its parts."""

    message_id: str
    receipt_handle: str
    body: str
    body_md5: str = ""
    attributes: dict[str, str] = {}
    message_attributes: dict[str, dict[str, Any]] = {}
    attributes_md5: str | None = None  # of the message attributes; None where there are none

    @property
    def group(self) -> str | None:
        """The group in which its queue keeps it in order; None in standard queues."""
        return self.attributes.get("MessageGroupId")

    @property
    def trace(self) -> str | None:
        """The trace header of who sent it."""
        return self.attributes.get("AWSTraceHeader")


def read_messages(answer: Mapping[str, Any]) -> list[Message]:
    """Return the messages in an answer to ReceiveMessage; MessageError when they are none."""
    return [_message(each) for each in answer.get("Messages") or ()]


def _message(found: Mapping[str, Any]) -> Message:
    missing = [name for name in NEEDED if not isinstance(found.get(name), str)]
    if missing:
        raise MessageError(f"ReceiveMessage has brought a message without {' and '.join(missing)}")
    return Message(
        found["MessageId"],
        found["ReceiptHandle"],
        found["Body"],
        found.get("MD5OfBody") or "",
        found.get("Attributes") or {},
        found.get("MessageAttributes") or {},
        found.get("MD5OfMessageAttributes"),
    )


def message_record(message: Message, queue_arn: str, *, is_windowed: bool) -> dict[str, Any]:
    """Return a message as functions get it (recorded).

    `is_windowed`: the mapping has a batching window, which shows: the MD5 of attributes that a message does not have
    is null with it, and is left out without it.
    """
    md5 = {"md5OfMessageAttributes": message.attributes_md5} if is_windowed or message.attributes_md5 else {}
    return {
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": message.attributes,
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        **md5,
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def filtered_view(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what filters see of a record: its body opened where that is JSON."""
    try:
        return {**record, "body": orjson.loads(record["body"])}
    except orjson.JSONDecodeError:
        return dict(record)


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if "StringValue" in value:
        shown["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shown["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return {**shown, "stringListValues": [], "binaryListValues": [], "dataType": value.get("DataType", "String")}
