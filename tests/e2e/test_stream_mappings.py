"""Functions handle what is written to Kinesis and to tables of DynamoDB, with moto's server as the peer."""

from __future__ import annotations

import base64
import json
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.aws import Aws, served
from tests.e2e.clients import connected
from tests.e2e.packages import package
from tests.e2e.running import Serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
CODE = """
import base64, json

def handler(event, context):
    texts = [base64.b64decode(each["kinesis"]["data"]).decode() for each in event["Records"] if "kinesis" in each]
    print(context.function_name, "got", json.dumps({"texts": texts, "event": event}), flush=True)
    if "poison" in texts:
        raise ValueError("poison")
    bad = [each["kinesis"]["sequenceNumber"] for each, text in zip(event["Records"], texts) if text == "bad"]
    state = event.get("state") or {}
    return {
        "batchItemFailures": [{"itemIdentifier": number} for number in bad],
        "state": {"count": state.get("count", 0) + len(texts)},
    }
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with served() as aws:
        yield aws


@pytest.fixture(scope="module")
def server(aws: Aws) -> Iterator[Serve]:
    with Serve(env={"AWS_ENDPOINT_URL": aws.endpoint}) as server:
        yield server


@pytest.fixture
def client(server: Serve) -> Iterator[Any]:
    with connected(server.url) as client:
        yield client


def create(client: Any, name: str, source: str, **settings: Any) -> str:
    """Make a function with a mapping, and wait until records are read; returns the mapping's UUID."""
    code = {"ZipFile": package({"app.py": CODE})}
    client.create_function(FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code)
    settings = {"StartingPosition": "TRIM_HORIZON", **settings}
    uuid: str = client.create_event_source_mapping(FunctionName=name, EventSourceArn=source, **settings)["UUID"]
    return uuid


def got(server: Serve, function: str, times: int) -> list[dict[str, Any]]:
    """Wait until a function has been invoked so often; returns what it got."""
    pattern = rf"{function} got (\{{.*\}})\r?\n"
    server.wait_for(pattern, times=times)
    return [json.loads(found) for found in re.findall(pattern, server.log())]


def texts(server: Serve, function: str, times: int) -> list[list[str]]:
    return [each["texts"] for each in got(server, function, times)]


def test_a_stream_is_read_from_its_beginning_in_batches(client: Any, server: Serve, aws: Aws) -> None:
    arn = aws.stream("whole")
    aws.put("whole", *map(str, range(25)))
    uuid = create(client, "reader", arn, BatchSize=10)
    found = texts(server, "reader", 3)
    assert found == [[str(each) for each in range(start, min(start + 10, 25))] for start in (0, 10, 20)]
    record = got(server, "reader", 3)[0]["event"]["Records"][0]
    assert isinstance(record["kinesis"].pop("approximateArrivalTimestamp"), float)
    assert record == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "key",
            "sequenceNumber": "1",
            "data": base64.b64encode(b"0").decode(),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": "shardId-000000000000:1",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": ROLE,
        "awsRegion": "us-east-1",
        "eventSourceARN": arn,
    }
    assert client.get_event_source_mapping(UUID=uuid)["LastProcessingResult"] == "OK"


def test_a_poison_record_is_found_by_splitting_and_told_of(client: Any, server: Serve, aws: Aws) -> None:
    arn = aws.stream("poisoned")
    url, topic = aws.topic("poison")
    aws.put("poisoned", "a", "b", "poison", "c")
    create(
        client,
        "splitter",
        arn,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": topic}},
    )
    document = json.loads(aws.document(url)["Message"])
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert document["requestContext"]["approximateInvokeCount"] == 3
    assert document["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    batch = document["KinesisBatchInfo"]
    assert (batch["startSequenceNumber"], batch["endSequenceNumber"], batch["batchSize"]) == ("3", "3", 1)
    assert texts(server, "splitter", 5) == [["a", "b", "poison", "c"], ["a", "b"], ["poison", "c"], ["poison"], ["c"]]


def test_items_that_a_function_reports_are_tried_again_and_kept_in_a_bucket(
    client: Any, server: Serve, aws: Aws
) -> None:
    arn = aws.stream("partial")
    aws.client("s3").create_bucket(Bucket="failures")
    aws.put("partial", "a", "bad", "c")
    uuid = create(
        client,
        "reporter",
        arn,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    )
    server.wait_for("2 records, 2 to 3, given up: RetryAttemptsExhausted; arn:aws:s3:::failures was told")
    assert texts(server, "reporter", 2) == [["a", "bad", "c"], ["bad", "c"]]
    (found,) = aws.client("s3").list_objects_v2(Bucket="failures")["Contents"]
    assert found["Key"].startswith(f"aws/lambda/{uuid}/shardId-000000000000/2")
    document = json.loads(aws.client("s3").get_object(Bucket="failures", Key=found["Key"])["Body"].read())
    assert document["responseContext"]["functionError"] is None
    assert [each["kinesis"]["sequenceNumber"] for each in document["payload"]["Records"]] == ["2", "3"]


def test_windows_hand_their_state_on(client: Any, server: Serve, aws: Aws) -> None:
    arn = aws.stream("windows")
    aws.put("windows", "a", "b", "c")
    create(client, "counter", arn, BatchSize=2, TumblingWindowInSeconds=1)
    events = [each["event"] for each in got(server, "counter", 3)]
    while not events[-1]["isFinalInvokeForWindow"]:  # the records may have come in two seconds
        events = [each["event"] for each in got(server, "counter", len(events) + 1)]
    assert sum(len(each["Records"]) for each in events) == 3
    assert events[1]["state"] == {"count": len(events[0]["Records"])} or events[1]["state"] == {}
    assert events[-1]["shardId"] == "shardId-000000000000"


def test_changes_of_a_table_that_filters_let_through(client: Any, server: Serve, aws: Aws) -> None:
    arn = aws.table("t")
    aws.write("t", "i1", "i2", "i3")
    aws.client("dynamodb").delete_item(TableName="t", Key={"id": {"S": "i2"}})
    pattern = {"eventName": ["REMOVE"], "dynamodb": {"Keys": {"id": {"S": [{"prefix": "i"}]}}}}
    create(client, "changes", arn, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    (record,) = got(server, "changes", 1)[0]["event"]["Records"]
    assert isinstance(record["dynamodb"].pop("ApproximateCreationDateTime"), int | float)
    assert record["dynamodb"].pop("SizeBytes") > 0
    assert record.pop("eventID")
    assert record == {
        "eventName": "REMOVE",
        "eventVersion": record["eventVersion"],
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "Keys": {"id": {"S": "i2"}},
            "OldImage": {"id": {"S": "i2"}},
            "SequenceNumber": record["dynamodb"]["SequenceNumber"],
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": arn,
    }


def test_the_stream_of_a_consumer_is_read(client: Any, server: Serve, aws: Aws) -> None:
    arn = aws.stream("consumed")
    made = aws.client("kinesis").register_stream_consumer(StreamARN=arn, ConsumerName="c")
    aws.put("consumed", "a")
    create(client, "consumer", made["Consumer"]["ConsumerARN"])
    assert texts(server, "consumer", 1) == [["a"]]
    server.wait_for("consumers are not subscribed to here")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("kinesis:us-east-1:123456789012:stream/none", "Stream not found: {}"),
        ("kinesis:us-east-1:123456789012:stream/none/consumer/c:1", "Consumer not found: {}"),
        ("dynamodb:us-east-1:123456789012:table/none/stream/2026-01-02T03:04:05.678", "Stream not found: {}"),
        (
            "sqs:us-east-1:123456789012:none",
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist.",
        ),
    ],
    ids=["kinesis", "consumer", "dynamodb", "sqs"],
)
def test_a_source_that_is_not_there_is_refused(client: Any, source: str, reason: str) -> None:
    arn = f"arn:aws:{source}"
    position = {} if "sqs" in source else {"StartingPosition": "LATEST"}
    with pytest.raises(client.exceptions.InvalidParameterValueException) as refused:
        client.create_event_source_mapping(FunctionName="refused", EventSourceArn=arn, **position)
    assert refused.value.response["Error"]["Message"] == "Function does not exist"
    name = re.sub(r"\W", "-", f"refused-{source}")[:64]
    client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role=ROLE,
        Code={"ZipFile": package({"app.py": CODE})},
    )
    with pytest.raises(client.exceptions.InvalidParameterValueException) as refused:
        client.create_event_source_mapping(FunctionName=name, EventSourceArn=arn, **position)
    assert refused.value.response["Error"]["Message"] == reason.format(arn)


def test_the_next_server_goes_on_where_this_one_stood(aws: Aws, tmp_path: Path) -> None:
    arn = aws.stream("restarted")
    table = aws.table("restarted-table")
    environment = {"AWS_ENDPOINT_URL": aws.endpoint}
    with Serve("--data", tmp_path, env=environment) as server, connected(server.url) as client:
        aws.put("restarted", "a", "b")
        aws.write("restarted-table", "a", "b")
        create(client, "again", arn)
        create(client, "again-table", table, BatchSize=1)
        got(server, "again", 1)
        got(server, "again-table", 2)
    aws.put("restarted", "c")
    aws.write("restarted-table", "c")
    with Serve("--data", tmp_path, env=environment) as server:
        assert texts(server, "again", 1) == [["c"]]
        (record,) = got(server, "again-table", 1)[0]["event"]["Records"]
        assert record["dynamodb"]["Keys"] == {"id": {"S": "c"}}


def test_no_record_is_lost_by_a_server_that_is_killed(aws: Aws, tmp_path: Path) -> None:
    arn = aws.stream("killed")
    numbers = [str(number) for number in range(60)]
    aws.put("killed", *numbers)
    environment = {"AWS_ENDPOINT_URL": aws.endpoint, "TMPDIR": str(tmp_path)}  # what is killed cannot tidy up
    with Serve("--data", tmp_path / "data", env=environment) as server, connected(server.url) as client:
        create(client, "survivor", arn, BatchSize=1)
        server.wait_for('survivor got .*"texts"', times=20)
        server.stop(signal.SIGKILL)
        before = texts(server, "survivor", 20)
    with Serve("--data", tmp_path / "data", env=environment) as server:
        server.wait_for('survivor got .*"texts": \\["59"\\]')
        after = texts(server, "survivor", 1)
    for each in (before, after):
        assert each == [[number] for number in numbers[int(each[0][0]) :][: len(each)]]  # in order, none left out
    assert int(after[0][0]) <= len(before)
