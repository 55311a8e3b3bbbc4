"""Moto's server as AWS, and what tests make there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import boto3
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Queues", "served"]

ACCOUNT = "123456789012"
LOOKS = 300


class Queues:
    """Queues at an endpoint."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.sqs = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def make(self, name: str, **attributes: str) -> tuple[str, str]:
        """Make a queue; returns its URL and ARN."""
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def send(self, url: str, *bodies: str, group: str | None = None) -> list[str]:
        """Send messages in one request; returns their ids."""
        more = {} if group is None else {"MessageGroupId": group}
        entries = [
            {"Id": str(place), "MessageBody": body, **more, **({"MessageDeduplicationId": body} if more else {})}
            for place, body in enumerate(bodies)
        ]
        sent = self.sqs.send_message_batch(QueueUrl=url, Entries=entries)
        return [each["MessageId"] for each in sent["Successful"]]

    def bodies(self, url: str) -> list[str]:
        """Wait for messages, and take them; returns their bodies."""
        found = self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, MaxNumberOfMessages=10)
        return [each["Body"] for each in found.get("Messages", ())]

    def left(self, url: str) -> int:
        """Return how many messages a queue has, those in hand included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Run moto's server; gives its URL."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
