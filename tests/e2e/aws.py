"""Moto's server as AWS, and what tests make there."""

from __future__ import annotations

import contextlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.server import ThreadedMotoServer

from tests.e2e.clients import connected

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Aws", "served"]

ACCOUNT = "123456789012"
IN_QUEUE = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


class Aws:
    """Clients of the services at an endpoint, and what is asked of them often."""

    def __init__(self, endpoint: str, stack: contextlib.ExitStack) -> None:
        """`stack` closes the clients."""
        self.endpoint = endpoint
        self.client = cache(lambda service: stack.enter_context(connected(endpoint, service=service)))

    @property
    def sqs(self) -> Any:
        """The client of SQS."""
        return self.client("sqs")

    def queue(self, name: str, **attributes: str) -> tuple[str, str]:
        """Make a queue; returns its URL and ARN."""
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def topic(self, name: str) -> tuple[str, str]:
        """Make a topic with a queue that subscribes to it; returns the queue's URL and the topic's ARN."""
        url, queue = self.queue(f"of-{name}")
        sns = self.client("sns")
        arn: str = sns.create_topic(Name=name)["TopicArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
        return url, arn

    def send(self, url: str, *bodies: str, group: str | None = None) -> list[str]:
        """Send messages in one request; returns their ids."""
        more = {} if group is None else {"MessageGroupId": group}
        entries = [
            {"Id": str(place), "MessageBody": body, **more, **({"MessageDeduplicationId": body} if more else {})}
            for place, body in enumerate(bodies)
        ]
        sent = self.sqs.send_message_batch(QueueUrl=url, Entries=entries)
        return [each["MessageId"] for each in sent["Successful"]]

    def messages(self, url: str) -> list[Any]:
        """Wait for messages, and take up to ten."""
        found = self.sqs.receive_message(
            QueueUrl=url,
            WaitTimeSeconds=20,
            MaxNumberOfMessages=10,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        taken: list[Any] = found.get("Messages", [])
        return taken

    def bodies(self, url: str) -> list[str]:
        """Wait for messages, and take up to ten; returns their bodies."""
        return [each["Body"] for each in self.messages(url)]

    def document(self, url: str) -> Any:
        """Wait for a message of JSON, and read it."""
        return json.loads(self.bodies(url)[0])

    def left(self, url: str) -> int:
        """Return how many messages a queue has, those in hand included."""
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=IN_QUEUE)["Attributes"]
        return sum(map(int, found.values()))

    def stream(self, name: str) -> str:
        """Make a stream of one shard; returns its ARN."""
        kinesis = self.client("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=1)
        arn: str = kinesis.describe_stream(StreamName=name)["StreamDescription"]["StreamARN"]
        return arn

    def put(self, stream: str, *texts: str) -> None:
        """Put records into a stream."""
        for text in texts:
            self.client("kinesis").put_record(StreamName=stream, Data=text.encode(), PartitionKey="key")

    def table(self, name: str) -> str:
        """Make a table with a stream; returns the ARN of that."""
        made = self.client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        arn: str = made["TableDescription"]["LatestStreamArn"]
        return arn

    def write(self, table: str, *ids: str) -> None:
        """Put items into a table."""
        for each in ids:
            self.client("dynamodb").put_item(TableName=table, Item={"id": {"S": each}})


@contextlib.contextmanager
def served() -> Iterator[Aws]:
    """Run moto's server."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        with contextlib.ExitStack() as stack:
            yield Aws("http://{}:{}".format(*server.get_host_and_port()), stack)
    finally:
        server.stop()
