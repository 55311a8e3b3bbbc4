"""Events end where their owner wants them: dead-letter queues and destinations, with moto's server as the peer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.aws import Aws, served
from tests.e2e.clients import connected
from tests.e2e.packages import package
from tests.e2e.running import Serve, bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
CODE = """
import json
def handler(event, context):
    print("ran", json.dumps(event), flush=True)
    if event.get("fails"):
        raise ValueError("boom")
    return {"seen": event}
"""
ARN = "arn:aws:lambda:us-east-1:123456789012:function"


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with served() as aws:
        yield aws


@pytest.fixture(scope="module")
def server(aws: Aws) -> Iterator[Serve]:
    with Serve("--async-retry-base", "0.01", env={"AWS_ENDPOINT_URL": aws.endpoint}) as server:
        yield server


@pytest.fixture
def client(server: Serve) -> Iterator[Any]:
    with connected(server.url) as client:
        yield client


def create(client: Any, name: str, **fields: Any) -> None:
    code = {"ZipFile": package({"app.py": CODE})}
    client.create_function(
        FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code, **fields
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})


def send(client: Any, name: str, payload: str) -> Any:
    """Invoke a function by an event; returns the request id."""
    answer = client.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
    assert answer["StatusCode"] == 202
    return answer["ResponseMetadata"]["RequestId"]


def destine(client: Any, name: str, **targets: str) -> None:
    config = {f"On{kind.capitalize()}": {"Destination": arn} for kind, arn in targets.items()}
    client.put_function_event_invoke_config(FunctionName=name, DestinationConfig=config)


def test_a_dead_letter_is_the_payload_unchanged_with_three_attributes(client: Any, aws: Aws) -> None:
    url, arn = aws.queue("letters")
    create(client, "lettered", DeadLetterConfig={"TargetArn": arn})
    payload = '{"fails":true,  "é":1.0}'
    request_id = send(client, "lettered", payload)
    message = aws.messages(url)[0]
    assert message["Body"] == payload
    attributes = {
        name: (value["DataType"], value["StringValue"]) for name, value in message["MessageAttributes"].items()
    }
    assert attributes == {
        "RequestID": ("String", request_id),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "boom"),
    }


def test_a_topic_can_have_dead_letters_and_records(client: Any, aws: Aws) -> None:
    url, topic = aws.topic("letters")
    create(client, "announced", DeadLetterConfig={"TargetArn": topic})
    destine(client, "announced", success=topic)
    send(client, "announced", '{"fails": true}')
    letter = aws.document(url)
    assert letter["Message"] == '{"fails": true}'
    assert letter["MessageAttributes"]["ErrorCode"] == {"Type": "Number", "Value": "200"}
    send(client, "announced", "{}")
    record = json.loads(aws.document(url)["Message"])
    assert record["requestContext"]["condition"] == "Success"


def test_records_of_success_and_failure_go_to_queues(client: Any, aws: Aws) -> None:
    (good_url, good), (bad_url, bad) = aws.queue("good"), aws.queue("bad")
    create(client, "recorded")
    destine(client, "recorded", success=good, failure=bad)
    request_id = send(client, "recorded", '{"n": 1}')
    message = aws.messages(good_url)[0]
    record = json.loads(message["Body"])
    assert message["Attributes"]["AWSTraceHeader"].startswith("Root=1-")
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{ARN}:recorded:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"n": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"seen": {"n": 1}},
    }
    send(client, "recorded", '{"fails": 1}')
    record = aws.document(bad_url)
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "boom"


def test_an_event_that_would_be_too_old_for_a_retry_says_so(aws: Aws) -> None:
    url, arn = aws.queue("old")
    with Serve(env={"AWS_ENDPOINT_URL_SQS": aws.endpoint}) as server, connected(server.url) as client:
        create(client, "aging")
        client.put_function_event_invoke_config(
            FunctionName="aging",
            MaximumEventAgeInSeconds=60,
            DestinationConfig={"OnFailure": {"Destination": arn}},
        )
        client.put_function_concurrency(FunctionName="aging", ReservedConcurrentExecutions=0)
        send(client, "aging", "{}")
        context = aws.document(url)["requestContext"]
        assert (context["condition"], context["approximateInvokeCount"]) == ("ZeroReservedConcurrency", 0)


def test_a_bucket_gets_records_as_objects(client: Any, aws: Aws, server: Serve) -> None:
    aws.client("s3").create_bucket(Bucket="records")
    create(client, "stored")
    destine(client, "stored", failure="arn:aws:s3:::records")
    request_id = send(client, "stored", '{"fails": 1}')
    server.wait_for(f"event {request_id} of stored is given up: .*; sent to arn:aws:s3:::records")
    (found,) = aws.client("s3").list_objects_v2(Bucket="records")["Contents"]
    assert found["Key"].startswith("aws/lambda/async/stored/2")
    record = json.loads(aws.client("s3").get_object(Bucket="records", Key=found["Key"])["Body"].read())
    assert record["requestContext"]["requestId"] == request_id


def test_another_function_gets_the_record_as_its_event(client: Any, server: Serve) -> None:
    create(client, "first")
    create(client, "second")
    destine(client, "first", success=f"{ARN}:second")
    send(client, "first", '{"n": 77}')
    server.wait_for(r'ran \{"version": "1.0".*"requestPayload": \{"n": 77\}')


def test_a_target_that_is_not_there_is_reported_and_the_event_kept(client: Any, server: Serve) -> None:
    create(client, "lost", DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:123456789012:nowhere"})
    request_id = send(client, "lost", '{"fails": 1}')
    server.wait_for(f"event {request_id} of lost is given up: .*; not sent to .*nowhere: .*NonExistentQueue")


def test_nothing_is_sent_to_aws_itself() -> None:
    with Serve("--async-retry-base", "0") as server, connected(server.url) as client:
        create(client, "local", DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:123456789012:real"})
        send(client, "local", '{"fails": 1}')
        server.wait_for("not sent to .*: no server stands in for sqs: set AWS_ENDPOINT_URL_SQS or AWS_ENDPOINT_URL")


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"])
def test_an_endpoint_that_is_no_url_is_refused(variable: str) -> None:
    ended = bootjack("serve", "--port", "0", env={variable: "localhost:4566"})
    assert ended.code == 2
    assert ended.message == f"{variable}: 'localhost:4566' is not a URL such as http://127.0.0.1:5000"
