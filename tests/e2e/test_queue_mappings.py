"""Functions handle the messages of queues, with moto's server as the peer."""

from __future__ import annotations

import json
import re
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.aws import Aws, served
from tests.e2e.clients import connected
from tests.e2e.packages import package
from tests.e2e.running import Serve, bootjack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
CODE = """
import json

def handler(event, context):
    print(context.function_name, "got", json.dumps(event), flush=True)
    bodies = {each["messageId"]: each["body"] for each in event["Records"]}
    if "poison" in bodies.values():
        raise ValueError("poison")
    bad = [name for name, body in bodies.items() if body.startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": name} for name in bad]}
"""
LOOKS = 600  # for something to come true, one every 50 ms


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
        for each in client.list_event_source_mappings()["EventSourceMappings"]:
            settle(client, each["UUID"])
            client.delete_event_source_mapping(UUID=each["UUID"])


def create(client: Any, name: str) -> None:
    code = {"ZipFile": package({"app.py": CODE})}
    client.create_function(FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})


def attach(client: Any, name: str, queue: str, **settings: Any) -> str:
    """Make a function and a mapping to it; returns the mapping's UUID."""
    create(client, name)
    made = client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue, **settings)
    settle(client, made["UUID"])
    return str(made["UUID"])


def settle(client: Any, uuid: str) -> Any:
    return until(
        lambda: client.get_event_source_mapping(UUID=uuid), lambda found: found["State"] in ("Enabled", "Disabled")
    )


def until(look: Callable[[], Any], is_there: Callable[[Any], bool] = bool) -> Any:
    pause = threading.Event()
    for _ in range(LOOKS):
        found = look()
        if is_there(found):
            return found
        pause.wait(0.05)
    raise AssertionError(f"still {found!r}")


def events(server: Serve, name: str, count: int = 1) -> list[Any]:
    """Wait for so many invocations of a function; returns the events of all."""
    server.wait_for(f"(?m)^.*{name} got .*\n", times=count)
    return [json.loads(event) for event in re.findall(f"(?m)^.*{name} got (.*)\n", server.log())]


def bodies(event: Any) -> list[str]:
    return [record["body"] for record in event["Records"]]


def test_a_message_is_handled_and_deleted(client: Any, server: Serve, aws: Aws) -> None:
    url, arn = aws.queue("plain")
    uuid = attach(client, "plain", arn)
    attribute = {
        "Author": {"DataType": "String", "StringValue": "Grisham"},
        "Raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = aws.sqs.send_message(QueueUrl=url, MessageBody='{"a": 1}', MessageAttributes=attribute)
    (event,) = events(server, "plain")
    (record,) = event["Records"]
    assert record.pop("receiptHandle")
    assert set(record.pop("attributes")) >= {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    }
    empty: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    assert record == {
        "messageId": sent["MessageId"],
        "body": '{"a": 1}',
        "messageAttributes": {
            "Author": {"stringValue": "Grisham", "dataType": "String", **empty},
            "Raw": {"binaryValue": "AP8=", "dataType": "Binary", **empty},
        },
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "md5OfBody": sent["MD5OfMessageBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }
    until(lambda: aws.left(url) == 0)
    assert "LastProcessingResult" not in client.get_event_source_mapping(UUID=uuid)


def test_messages_are_gathered_for_the_batching_window(client: Any, server: Serve, aws: Aws) -> None:
    url, arn = aws.queue("window")
    texts = [f"{number:02}" for number in range(14)]
    aws.send(url, *texts[:10])
    aws.send(url, *texts[10:])
    attach(client, "window", arn, BatchSize=14, MaximumBatchingWindowInSeconds=20)
    (event,) = events(server, "window")
    assert sorted(bodies(event)) == texts
    assert {record["md5OfMessageAttributes"] for record in event["Records"]} == {None}
    until(lambda: aws.left(url) == 0)


def test_failed_messages_come_again_and_end_in_the_dead_letter_queue(client: Any, server: Serve, aws: Aws) -> None:
    dead_url, dead = aws.queue("dead")
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": "2"})
    url, arn = aws.queue("partial", VisibilityTimeout="1", RedrivePolicy=redrive)
    aws.send(url, "good", "bad", "fine")
    attach(client, "partial", arn, FunctionResponseTypes=["ReportBatchItemFailures"])
    assert aws.bodies(dead_url) == ["bad"]
    first, second = events(server, "partial", 2)
    assert bodies(first) == ["good", "bad", "fine"]
    assert bodies(second) == ["bad"]
    assert second["Records"][0]["attributes"]["ApproximateReceiveCount"] == "2"
    assert aws.left(url) == 0


def test_an_error_fails_every_message_of_its_batch(client: Any, server: Serve, aws: Aws) -> None:
    dead_url, dead = aws.queue("dead-batch")
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": "1"})
    url, arn = aws.queue("failing", VisibilityTimeout="1", RedrivePolicy=redrive)
    aws.send(url, "good", "poison")
    attach(client, "failing", arn, FunctionResponseTypes=["ReportBatchItemFailures"])
    until(lambda: aws.left(dead_url) == 2)
    assert len(events(server, "failing")) == 1


def test_messages_that_match_no_filter_are_deleted(client: Any, server: Serve, aws: Aws) -> None:
    url, arn = aws.queue("filtered")
    pattern = json.dumps({"body": {"n": [{"numeric": [">", 100]}]}})
    attach(client, "filtered", arn, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    aws.send(url, '{"n": 100}', "plain text", '{"n": 101}', "101")
    until(lambda: aws.left(url) == 0)
    assert [body for event in events(server, "filtered") for body in bodies(event)] == ['{"n": 101}']


def test_groups_of_a_fifo_queue_stay_in_order(client: Any, server: Serve, aws: Aws) -> None:
    url, arn = aws.queue("order.fifo", FifoQueue="true")
    for start in range(0, 6, 2):
        for group in "ab":
            aws.send(url, *(f"{group}{number}" for number in range(start, start + 2)), group=group)
    attach(client, "fifo", arn, BatchSize=3)
    until(lambda: aws.left(url) == 0)
    handled = [record for event in events(server, "fifo") for record in event["Records"]]
    for group in "ab":
        found = [each["body"] for each in handled if each["attributes"]["MessageGroupId"] == group]
        assert found == [f"{group}{number}" for number in range(6)]


def test_a_disabled_mapping_leaves_messages_where_they_are(client: Any, server: Serve, aws: Aws) -> None:
    url, arn = aws.queue("off")
    uuid = attach(client, "off", arn)
    client.update_event_source_mapping(UUID=uuid, Enabled=False)
    assert settle(client, uuid)["State"] == "Disabled"
    aws.send(url, "later")
    until(
        lambda: (
            aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][
                "ApproximateNumberOfMessages"
            ]
            == "1"
        )
    )
    client.update_event_source_mapping(UUID=uuid, Enabled=True)
    assert [bodies(event) for event in events(server, "off")] == [["later"]]


def test_an_update_takes_effect_for_the_next_message(client: Any, server: Serve, aws: Aws) -> None:
    url, arn = aws.queue("moved")
    uuid = attach(client, "before", arn)
    aws.send(url, "one")
    assert bodies(events(server, "before")[0]) == ["one"]
    create(client, "after")
    assert client.update_event_source_mapping(UUID=uuid, FunctionName="after")["State"] == "Updating"
    settle(client, uuid)
    aws.send(url, "two")
    (event,) = events(server, "after")
    assert bodies(event) == ["two"]
    assert event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"


def test_the_verb_lists_mappings_with_their_backlogs(client: Any, server: Serve, aws: Aws) -> None:
    url, arn = aws.queue("listed")
    aws.send(url, "one", "two")
    uuid = attach(client, "listed", arn, Enabled=False)
    attach(client, "other", arn, Enabled=False)
    shown = bootjack("mappings", "listed", "--endpoint", server.url)
    assert (shown.code, shown.err) == (0, "")
    heads, row = shown.out.decode().splitlines()
    assert heads.split() == ["FUNCTION", "SOURCE", "STATE", "STANDING", "LAST", "RESULT", "UUID"]
    assert row.split() == ["listed", "sqs:us-east-1:123456789012:listed", "Disabled", "-", "-", uuid]
    client.update_event_source_mapping(UUID=uuid, Enabled=True)
    until(lambda: aws.left(url) == 0)
    (found,) = json.loads(bootjack("mappings", "listed", "--json", "--endpoint", server.url).out)
    assert (found["state"], found["lastResult"], found["backlog"], found["inHand"]) == ("Enabled", "OK", 0, 0)
    assert len(json.loads(bootjack("mappings", "--json", "--endpoint", server.url).out)) == 2


def test_the_verb_names_an_address_where_nothing_answers() -> None:
    ended = bootjack("mappings", "--endpoint", "http://127.0.0.1:9")
    assert ended.code == 2
    assert "no server answers at http://127.0.0.1:9" in ended.message


def test_a_queue_that_is_deleted_is_polled_again_once_it_is_back(client: Any, server: Serve, aws: Aws) -> None:
    url, arn = aws.queue("early")
    uuid = attach(client, "early", arn)
    aws.sqs.delete_queue(QueueUrl=url)
    result = until(lambda: client.get_event_source_mapping(UUID=uuid).get("LastProcessingResult"))
    assert result.startswith("PROBLEM: ")
    assert "NonExistentQueue" in result
    url, _ = aws.queue("early")
    aws.send(url, "hello")
    assert bodies(events(server, "early")[0]) == ["hello"]
    until(lambda: "LastProcessingResult" not in client.get_event_source_mapping(UUID=uuid))


def test_a_server_that_was_killed_leaves_its_messages_to_the_next_one(aws: Aws, tmp_path: Path) -> None:
    url, arn = aws.queue("killed", VisibilityTimeout="2")
    once = (
        "    if event['Records'][0]['attributes']['ApproximateReceiveCount'] == '1': __import__('time').sleep(100)\n"
    )
    code = {"ZipFile": package({"app.py": CODE.replace("    bodies =", f"{once}    bodies =")})}
    arguments = ("--data", tmp_path / "data")
    environment = {"AWS_ENDPOINT_URL": aws.endpoint, "TMPDIR": str(tmp_path)}
    with Serve(*arguments, env=environment) as first, connected(first.url) as client:
        client.create_function(
            FunctionName="k", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code, Timeout=100
        )
        client.create_event_source_mapping(FunctionName="k", EventSourceArn=arn)
        aws.send(url, "slow")
        first.wait_for("k got")
        first.stop(signal.SIGKILL)
    with Serve(*arguments, env=environment) as second:
        (event,) = events(second, "k")
        assert bodies(event) == ["slow"]
        until(lambda: aws.left(url) == 0)


def test_without_an_endpoint_a_mapping_says_why_nothing_comes(tmp_path: Path) -> None:
    with Serve() as server, connected(server.url) as client:
        uuid = attach(client, "alone", "arn:aws:sqs:us-east-1:123456789012:q")
        shown = until(
            lambda: client.get_event_source_mapping(UUID=uuid), lambda found: "LastProcessingResult" in found
        )
        assert shown["State"] == "Enabled"
        assert "set AWS_ENDPOINT_URL_SQS or AWS_ENDPOINT_URL" in shown["LastProcessingResult"]
