"""Operations of SQS on queues that are named by their ARNs; SQS wants to be asked for each URL first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime_api.store.aws_requests import AwsError

if TYPE_CHECKING:
    from .aws_clients import AwsClients

__all__ = ["QueueCalls"]

NO_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


class QueueCalls:
    """Performs operations of SQS on queues that are named by their ARNs."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients
        self._urls: dict[str, str] = {}  # by ARN

    async def call(self, arn: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Perform an operation on a queue, once; `answer_s` and `recurs` as for any call. AwsError when it fails.

        A queue that is not there any more is looked for again with the next call.
        """
        region, account, name = arn.split(":")[3:6]
        url = self._urls.get(arn)
        if url is None:
            found = await self._clients.call(
                "sqs", "GetQueueUrl", region, QueueName=name, QueueOwnerAWSAccountId=account
            )
            url = found.get("QueueUrl")
            if not url:
                raise AwsError("GetQueueUrl was answered without a URL")
            self._urls[arn] = url
        try:
            return await self._clients.call("sqs", operation, region, QueueUrl=url, **parameters)
        except AwsError as error:
            if error.code in NO_QUEUE:
                self._urls.pop(arn, None)
            raise
