"""On-failure documents, as recorded on AWS."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from runtime_api.service.streams.attempts import Answer, Batch, Condition, GivenUp
from runtime_api.service.streams.failures import StreamNames, failure_document, failure_key
from tests.service.streams.lanes import ARN, FAILED, OK, a_record

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f:live"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026"
NAMES = StreamNames("0b3e", FUNCTION, ARN, "shardId-000000000000")
NOW_MS = 1_657_720_081_250.0
RECORDS = (a_record(5, arrived_ms=NOW_MS - 2250), a_record(6, arrived_ms=NOW_MS - 1250))


def document(answer: Answer | None, names: StreamNames = NAMES, payload: bytes | None = None) -> dict[str, Any]:
    condition = Condition.AGE_EXCEEDED if answer is None else Condition.RETRIES_EXHAUSTED
    given_up = GivenUp(Batch(RECORDS, 2, 3), condition, answer)
    found: dict[str, Any] = orjson.loads(failure_document(given_up, names, "r", NOW_MS, payload))
    return found


def test_a_document_tells_of_the_batch_and_its_last_attempt() -> None:
    assert list(document(FAILED).items()) == [
        (
            "requestContext",
            {
                "requestId": "r",
                "functionArn": FUNCTION,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 3,
            },
        ),
        ("responseContext", {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}),
        ("version", "1.0"),
        ("timestamp", "2022-07-13T13:48:01.250Z"),
        (
            "KinesisBatchInfo",
            {
                "shardId": "shardId-000000000000",
                "startSequenceNumber": "5",
                "endSequenceNumber": "6",
                "approximateArrivalOfFirstRecord": "2022-07-13T13:47:59.000Z",
                "approximateArrivalOfLastRecord": "2022-07-13T13:48:00.000Z",
                "batchSize": 2,
                "streamArn": ARN,
            },
        ),
    ]


@pytest.mark.parametrize(("answer", "context"), [(OK, {"functionError": None}), (None, None)])
def test_the_response_context(answer: Answer | None, context: dict[str, Any] | None) -> None:
    """A report of failed items is no error of the function; records that are too old have no response."""
    found = document(answer).get("responseContext")
    assert found == (None if context is None else {"statusCode": 200, "executedVersion": "$LATEST", **context})


def test_times_of_a_table_are_whole_seconds() -> None:
    batch = document(FAILED, NAMES._replace(stream_arn=TABLE))["DDBStreamBatchInfo"]
    assert batch["approximateArrivalOfFirstRecord"] == "2022-07-13T13:47:59Z"


def test_buckets_get_the_event_too() -> None:
    assert document(FAILED, payload=b'{"Records":[5,6]}')["payload"] == {"Records": [5, 6]}
    key = failure_key(NAMES, "r", NOW_MS)
    assert key == "aws/lambda/0b3e/shardId-000000000000/2022/07/13/2022-07-13T13.48.01-r"
