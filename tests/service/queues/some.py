"""Messages for the tests of queues."""

from __future__ import annotations

from runtime_api.service.queues.messages import Message

__all__ = ["QUEUE", "a_message"]

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:q"


def a_message(name: str, body: str = "hello", group: str | None = None) -> Message:
    attributes = {"ApproximateReceiveCount": "1"} | ({} if group is None else {"MessageGroupId": group})
    return Message(name, f"receipt-{name}", body, attributes=attributes)
