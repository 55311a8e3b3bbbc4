"""Sends texts to queues, topics and buckets that are named by ARNs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .queue_calls import QueueCalls

if TYPE_CHECKING:
    from .aws_clients import AwsClients

__all__ = ["Destinations"]


class Destinations:
    """Sends each text once; AwsError when it is refused or cannot be sent. Parameters are those of AWS's APIs."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients
        self._queues = QueueCalls(clients)

    async def to_queue(self, arn: str, body: str, **more: Any) -> None:
        """Send a message to a queue of SQS."""
        await self._queues.call(arn, "SendMessage", MessageBody=body, **more)

    async def to_topic(self, arn: str, body: str, **more: Any) -> None:
        """Publish a message to a topic of SNS."""
        await self.call(arn, "sns", "Publish", Message=body, TopicArn=arn, **more)

    async def to_bucket(self, arn: str, key: str, document: bytes, located: str) -> None:
        """Write a JSON document to a bucket of S3, whose ARN names no region: it is that of the ARN `located`."""
        await self.call(
            located,
            "s3",
            "PutObject",
            Bucket=arn.split(":", 5)[5],
            Key=key,
            Body=document,
            ContentType="application/json",
        )

    async def call(self, arn: str, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Perform an operation in the region of an ARN."""
        return await self._clients.call(service, operation, arn.split(":")[3], **parameters)
