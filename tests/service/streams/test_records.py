"""Events and filters' views of single records, as recorded on AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from runtime_api.service.streams.dynamodb import dynamodb_event, item_key
from runtime_api.service.streams.kinesis import KinesisRecord, kinesis_event, kinesis_view

KINESIS = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"
DYNAMODB = "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/2026-01-02T03:04:05.678"
ROLE = "arn:aws:iam::123456789012:role/r"
AT = datetime.fromtimestamp(1_545_084_650.987_654, UTC)


def test_a_record_of_kinesis() -> None:
    event = kinesis_event(KinesisRecord("4959", "key", b"hello", AT), "shardId-000000000000", KINESIS, ROLE)
    assert list(event.items()) == [
        (
            "kinesis",
            {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "key",
                "sequenceNumber": "4959",
                "data": "aGVsbG8=",
                "approximateArrivalTimestamp": 1_545_084_650.988,
            },
        ),
        ("eventSource", "aws:kinesis"),
        ("eventVersion", "1.0"),
        ("eventID", "shardId-000000000000:4959"),
        ("eventName", "aws:kinesis:record"),
        ("invokeIdentityArn", ROLE),
        ("awsRegion", "eu-west-1"),
        ("eventSourceARN", KINESIS),
    ]


@pytest.mark.parametrize(
    ("data", "seen"),
    [(b'{"a":[1]}', {"a": [1]}), (b"hello", "hello"), (b"\xff", "\N{REPLACEMENT CHARACTER}"), (b"", "")],
)
def test_filters_see_what_data_holds(data: bytes, seen: Any) -> None:
    event = kinesis_event(KinesisRecord("1", "key", data, AT), "shard", KINESIS, ROLE)
    view = kinesis_view(event, data)
    assert (view["data"], view["partitionKey"], view["eventName"]) == (seen, "key", "aws:kinesis:record")


def test_a_record_of_dynamodb() -> None:
    record = {
        "eventID": "e",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "SizeBytes": 70,
            "StreamViewType": "NEW_IMAGE",
            "SequenceNumber": "100",
            "Keys": {"id": {"S": "x"}},
            "NewImage": {"id": {"S": "x"}, "b": {"B": b"foobar"}, "l": {"L": [{"BS": [b"a", b"b"]}, {"NULL": True}]}},
            "ApproximateCreationDateTime": datetime.fromtimestamp(1_479_499_740, UTC),
        },
    }
    text = orjson.dumps(dynamodb_event(record, DYNAMODB)).decode()
    assert text == (
        '{"eventID":"e","eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb",'
        '"awsRegion":"eu-west-1","dynamodb":{"ApproximateCreationDateTime":1479499740,"Keys":{"id":{"S":"x"}},'
        '"NewImage":{"id":{"S":"x"},"b":{"B":"Zm9vYmFy"},"l":{"L":[{"BS":["YQ==","Yg=="]},{"NULL":true}]}},'
        '"SequenceNumber":"100","SizeBytes":70,"StreamViewType":"NEW_IMAGE"},'
        f'"eventSourceARN":"{DYNAMODB}"}}'
    )


def test_what_dynamodb_deletes_itself_names_it() -> None:
    identity = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    event = dynamodb_event({"eventName": "REMOVE", "userIdentity": identity, "dynamodb": {}}, DYNAMODB)
    assert event["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def test_changes_of_one_item_share_a_key() -> None:
    keys = (
        {"a": {"S": "x"}, "b": {"N": "1"}},
        {"b": {"N": "1"}, "a": {"S": "x"}},
        {"a": {"S": "y"}, "b": {"N": "1"}},
    )
    first, same, other = (item_key({"dynamodb": {"Keys": each}}) for each in keys)
    assert first == same != other
