"""Event sources, and mappings of a function to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.service.account import Account

__all__ = ["ACCESS", "DOCUMENTDB", "DYNAMODB", "FIFO", "KAFKA", "KINESIS", "MQ", "NEEDS", "OWN", "SQS", "create"]

SQS = "arn:aws:sqs:us-east-1:123456789012:q"
FIFO = f"{SQS}.fifo"
KINESIS = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
DYNAMODB = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-01-01T00:00:00.000"
KAFKA = "arn:aws:kafka:us-east-1:123456789012:cluster/c/0f0f0f0f-1"
MQ = "arn:aws:mq:us-east-1:123456789012:broker:b:b-1"
DOCUMENTDB = "arn:aws:rds:us-east-1:123456789012:cluster:c"
OWN = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["kafka:9092"]}}
ACCESS = [{"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:us-east-1:123456789012:secret:s"}]
NEEDS: dict[str, dict[str, Any]] = {
    SQS: {},
    FIFO: {},
    KINESIS: {"StartingPosition": "LATEST"},
    DYNAMODB: {"StartingPosition": "LATEST"},
    KAFKA: {"Topics": ["t1"]},
    MQ: {"Queues": ["q"], "SourceAccessConfigurations": ACCESS},
    DOCUMENTDB: {
        "StartingPosition": "LATEST",
        "SourceAccessConfigurations": ACCESS,
        "DocumentDBEventSourceConfig": {"DatabaseName": "d"},
    },
}


def create(account: Account, source: str = SQS, *, settle: bool = True, **parameters: Any) -> dict[str, Any]:
    """Create a mapping of the function `f` with the least that its source needs; None takes a parameter away."""
    given = {"FunctionName": "f", "EventSourceArn": source, **NEEDS.get(source, {}), **parameters}
    given = {name: value for name, value in given.items() if value is not None}
    return account.perform("CreateEventSourceMapping", settle=settle, **given)
