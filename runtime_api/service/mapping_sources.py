"""The kinds of event sources, as a table: how each is recognised, what it takes, and its defaults."""

from __future__ import annotations

import re
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SOURCES", "Position", "Source", "SourceKind", "kind_of_source"]


class SourceKind(Enum):
    """What a mapping reads from."""

    SQS = "SQS"
    SQS_FIFO = "SQS FIFO"
    KINESIS = "Kinesis"
    DYNAMODB = "DynamoDB streams"
    MANAGED_KAFKA = "Amazon MSK"
    OWN_KAFKA = "self-managed Kafka"
    MQ = "Amazon MQ"
    DOCUMENTDB = "DocumentDB"


class Position(StrEnum):
    """Where in a stream reading begins."""

    TRIM_HORIZON = "TRIM_HORIZON"
    LATEST = "LATEST"
    AT_TIMESTAMP = "AT_TIMESTAMP"


class Source(NamedTuple):
    """What is particular to a kind of source; parameters by the names of Lambda's API."""

    takes: frozenset[str]  # besides what every source takes
    defaults: Mapping[str, Any]
    positions: frozenset[Position] = frozenset()
    needs: tuple[str, ...] = ()
    reason: str = "USER_INITIATED"  # why it has come into its state
    first_result: str | None = "No records processed"


RETRIES = frozenset({"BisectBatchOnFunctionError", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts"})
ON_FAILURE = frozenset({"DestinationConfig", "FunctionResponseTypes"})
START = frozenset({"StartingPosition", "StartingPositionTimestamp"})
ACCESS = "SourceAccessConfigurations"
ANYWHERE = frozenset(Position)

_queue = Source(
    frozenset({"FunctionResponseTypes", "ScalingConfig", "ProvisionedPollerConfig"}),
    {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "FunctionResponseTypes": []},
    first_result=None,
)
_stream = Source(
    RETRIES | ON_FAILURE | START | {"ParallelizationFactor", "TumblingWindowInSeconds"},
    {
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 1,
        "DestinationConfig": {"OnFailure": {}},
        "MaximumRecordAgeInSeconds": -1,
        "BisectBatchOnFunctionError": False,
        "MaximumRetryAttempts": -1,
        "TumblingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
    },
    ANYWHERE,
    ("StartingPosition",),
    "User action",
)
_kafka = Source(
    RETRIES | ON_FAILURE | START | {"Topics", ACCESS, "ProvisionedPollerConfig", "LoggingConfig"},
    {"StartingPosition": Position.TRIM_HORIZON},
    ANYWHERE,
    ("Topics",),
)

SOURCES: Mapping[SourceKind, Source] = {
    SourceKind.SQS: _queue,
    SourceKind.SQS_FIFO: _queue,
    SourceKind.KINESIS: _stream,
    SourceKind.DYNAMODB: _stream._replace(positions=ANYWHERE - {Position.AT_TIMESTAMP}),
    SourceKind.MANAGED_KAFKA: _kafka._replace(takes=_kafka.takes | {"AmazonManagedKafkaEventSourceConfig"}),
    SourceKind.OWN_KAFKA: _kafka._replace(
        takes=_kafka.takes | {"SelfManagedEventSource", "SelfManagedKafkaEventSourceConfig"},
        needs=(ACCESS, "Topics"),
    ),
    SourceKind.MQ: Source(frozenset({"Queues", ACCESS}), {}, needs=(ACCESS, "Queues")),
    SourceKind.DOCUMENTDB: Source(
        START | {ACCESS, "DocumentDBEventSourceConfig"},
        {},
        ANYWHERE,
        ("StartingPosition", ACCESS, "DocumentDBEventSourceConfig"),
    ),
}

_ARNS = (
    (SourceKind.SQS_FIFO, r"sqs:[^:]+:\d{12}:[\w-]+\.fifo"),
    (SourceKind.SQS, r"sqs:[^:]+:\d{12}:[\w-]+"),
    (SourceKind.KINESIS, r"kinesis:[^:]+:\d{12}:stream/[\w.-]+(?:/consumer/[\w.-]+(?::\d+)?)?"),
    (SourceKind.DYNAMODB, r"dynamodb:[^:]+:\d{12}:table/[\w.-]+/stream/.+"),
    (SourceKind.MANAGED_KAFKA, r"kafka:[^:]+:\d{12}:(?:vpc-connection/\d{12}/)?cluster/.+"),
    (SourceKind.MQ, r"mq:[^:]+:\d{12}:broker:.+"),
    (SourceKind.DOCUMENTDB, r"rds:[^:]+:\d{12}:cluster:.+"),
)


def kind_of_source(arn: str | None) -> SourceKind | None:
    """Return what kind of source an ARN is of; self-managed Kafka has none. None for an ARN of anything else."""
    if arn is None:
        return SourceKind.OWN_KAFKA
    rest = arn.partition(":")[2].partition(":")[2]
    return next((kind for kind, form in _ARNS if re.fullmatch(form, rest)), None)
