"""Whether the source of a mapping is there, asked before the mapping is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runtime_api.service.mapping_sources import SourceKind, kind_of_source
from runtime_api.store.aws_requests import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .aws_clients import AwsClients

__all__ = ["missing_source"]

CONSUMER = "/consumer/"
ANSWER_S = 5.0  # a caller waits


class _Check(NamedTuple):
    """How a kind of source is looked for, and what Lambda says where there is none."""

    service: str
    operation: str
    parameters: Callable[[str], dict[str, Any]]  # by ARN
    codes: frozenset[str]  # with which it says that it is not there
    text: str


def _queue(arn: str) -> dict[str, Any]:
    account, name = arn.split(":")[4:6]
    return {"QueueName": name, "QueueOwnerAWSAccountId": account}


NO_STREAM = "Stream not found: {}"
NO_CONSUMER = "Consumer not found: {}"
NO_QUEUE = (
    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
    "SQS Error Message: The specified queue does not exist."
)
_missing_queue = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
_missing_stream = frozenset({"ResourceNotFoundException"})
_for_queues = _Check("sqs", "GetQueueUrl", _queue, _missing_queue, NO_QUEUE)
_for_consumers = _Check(
    "kinesis", "DescribeStreamConsumer", lambda arn: {"ConsumerARN": arn}, _missing_stream, NO_CONSUMER
)
_CHECKS: Mapping[SourceKind, _Check] = {
    SourceKind.SQS: _for_queues,
    SourceKind.SQS_FIFO: _for_queues,
    SourceKind.KINESIS: _Check(
        "kinesis", "DescribeStreamSummary", lambda arn: {"StreamARN": arn}, _missing_stream, NO_STREAM
    ),
    SourceKind.DYNAMODB: _Check(
        "dynamodbstreams", "DescribeStream", lambda arn: {"StreamArn": arn, "Limit": 1}, _missing_stream, NO_STREAM
    ),
}


async def missing_source(clients: AwsClients, arn: str | None) -> str | None:
    """Return what Lambda says of a source that is not there; None where it is, or nobody can be asked.

    A server that does not answer keeps nobody from making a mapping: its LastProcessingResult tells of that later.
    """
    check = _check_of(arn)
    if arn is None or check is None or clients.refusal(check.service) is not None:
        return None
    region = arn.split(":")[3]
    try:
        await clients.call(check.service, check.operation, region, ANSWER_S, **check.parameters(arn))
    except AwsError as error:
        return check.text.format(arn) if error.code in check.codes else None
    return None


def _check_of(arn: str | None) -> _Check | None:
    kind = kind_of_source(arn)
    if arn is not None and kind is SourceKind.KINESIS and CONSUMER in arn:
        return _for_consumers
    return None if kind is None else _CHECKS.get(kind)
