"""Event source mappings by boto3: their states, tags and refusals, and that a restart keeps them; InvokeAsync."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.functions import write_bootstrap
from tests.e2e.clients import connected
from tests.e2e.packages import package
from tests.e2e.running import Serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
ARN = "arn:aws:lambda:us-east-1:123456789012:"
SQS = "arn:aws:sqs:us-east-1:123456789012:q"
KINESIS = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
CODE = "def handler(event, context):\n    print('seen', event)\n"
LOOKS = 3000  # for a state to come, one every 20 ms
FILTER = {"Filters": [{"Pattern": json.dumps({"body": {"a": [{"prefix": "x"}]}})}]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with Serve(f"f={write_bootstrap(tmp_path_factory.mktemp('code'))}") as server:
        yield server


@pytest.fixture
def client(server: Serve) -> Iterator[Any]:
    with connected(server.url) as client:
        yield client
        for each in client.list_event_source_mappings()["EventSourceMappings"]:
            delete(client, each["UUID"])


def shown(client: Any, uuid: str) -> dict[str, Any]:
    return without_metadata(client.get_event_source_mapping(UUID=uuid))


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def wait_for(client: Any, uuid: str, state: str) -> dict[str, Any]:
    pause = threading.Event()
    for _ in range(LOOKS):
        found = shown(client, uuid)
        if found["State"] == state:
            return found
        pause.wait(0.02)
    raise AssertionError(f"still {found['State']}")


def delete(client: Any, uuid: str) -> None:
    """Delete a mapping, and return when it is gone."""
    client.delete_event_source_mapping(UUID=uuid)
    with contextlib.suppress(client.exceptions.ResourceNotFoundException):
        wait_for(client, uuid, "gone")


def test_a_mapping_is_created_changed_and_deleted(client: Any) -> None:
    made = client.create_event_source_mapping(FunctionName="f", EventSourceArn=SQS, FilterCriteria=FILTER)
    uuid = made["UUID"]
    assert (made["ResponseMetadata"]["HTTPStatusCode"], made["State"]) == (202, "Creating")
    enabled = wait_for(client, uuid, "Enabled")
    # LastModified is a time here, since the wire has a number.
    assert enabled["LastModified"] >= made["LastModified"]
    enabled.pop("LastProcessingResult", None)  # it says that nothing is polled here, as soon as somebody has tried
    expected = {**without_metadata(made), "State": "Enabled", "LastModified": enabled["LastModified"]}
    assert enabled == expected
    changed = client.update_event_source_mapping(UUID=uuid, Enabled=False, BatchSize=3)
    assert (changed["ResponseMetadata"]["HTTPStatusCode"], changed["State"]) == (202, "Disabling")
    assert wait_for(client, uuid, "Disabled")["BatchSize"] == 3
    assert client.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    wait_for(client, uuid, "Enabled")
    gone = client.delete_event_source_mapping(UUID=uuid)
    assert (gone["ResponseMetadata"]["HTTPStatusCode"], gone["State"]) == (202, "Deleting")
    with pytest.raises(
        client.exceptions.ResourceNotFoundException, match="The resource you requested does not exist"
    ):
        wait_for(client, uuid, "gone")
    assert client.list_event_source_mappings()["EventSourceMappings"] == []


def test_refusals_are_the_errors_that_boto3_knows(client: Any) -> None:
    uuid = client.create_event_source_mapping(FunctionName="f", EventSourceArn=SQS)["UUID"]
    with pytest.raises(client.exceptions.ResourceInUseException, match="because it is in use") as refusal:
        client.delete_event_source_mapping(UUID=uuid)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    with pytest.raises(client.exceptions.ResourceConflictException, match=uuid):
        client.create_event_source_mapping(FunctionName=f"{ARN}function:f", EventSourceArn=SQS)
    wrong = {"Filters": [{"Pattern": "single-string"}]}
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Invalid filter pattern definition"):
        client.create_event_source_mapping(FunctionName="f", EventSourceArn=f"{SQS}2", FilterCriteria=wrong)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Function does not exist"):
        client.create_event_source_mapping(FunctionName="nothing", EventSourceArn=SQS)
    wait_for(client, uuid, "Enabled")


def test_mappings_have_tags(client: Any) -> None:
    made = client.create_event_source_mapping(FunctionName="f", EventSourceArn=SQS, Tags={"a": "b"})
    arn = made["EventSourceMappingArn"]
    assert arn == f"{ARN}event-source-mapping:{made['UUID']}"
    client.tag_resource(Resource=arn, Tags={"c": "d"})
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"c": "d"}
    wait_for(client, made["UUID"], "Enabled")


def test_lists_come_in_pages(client: Any) -> None:
    made = {
        client.create_event_source_mapping(FunctionName="f", EventSourceArn=f"{SQS}{number}")["UUID"]
        for number in range(5)
    }
    for uuid in made:
        wait_for(client, uuid, "Enabled")
    pages = list(client.get_paginator("list_event_source_mappings").paginate(PaginationConfig={"PageSize": 2}))
    found = [each["UUID"] for page in pages for each in page["EventSourceMappings"]]
    assert (len(pages), len(found), set(found)) == (3, 5, made)
    one = client.list_event_source_mappings(EventSourceArn=f"{SQS}3", FunctionName="f")["EventSourceMappings"]
    assert [each["EventSourceArn"] for each in one] == [f"{SQS}3"]


def test_mappings_are_there_again_after_a_crash(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Serve("--data", data, env={"TMPDIR": str(tmp_path)}) as server, connected(server.url) as client:
        create_function(client, "g")
        stream = {"FunctionName": "g", "EventSourceArn": KINESIS, "StartingPosition": "LATEST"}
        kept = client.create_event_source_mapping(**stream, Enabled=False, Tags={"a": "b"})
        wait_for(client, kept["UUID"], "Disabled")
        client.update_event_source_mapping(UUID=kept["UUID"], BatchSize=9)
        before = wait_for(client, kept["UUID"], "Disabled")
        gone = client.create_event_source_mapping(FunctionName="g", EventSourceArn=f"{SQS}1")["UUID"]
        wait_for(client, gone, "Enabled")
        creating = client.create_event_source_mapping(FunctionName="g", EventSourceArn=SQS)["UUID"]
        client.delete_event_source_mapping(UUID=gone)
        server.stop(signal.SIGKILL)
    with Serve("--data", data) as server, connected(server.url) as client:
        found = {each["UUID"]: each for each in client.list_event_source_mappings()["EventSourceMappings"]}
        assert found.keys() == {kept["UUID"], creating}
        assert found[kept["UUID"]] == before
        assert before["BatchSize"] == 9
        assert client.list_tags(Resource=kept["EventSourceMappingArn"])["Tags"] == {"a": "b"}
        assert found[creating]["State"] == "Enabled"
        client.delete_function(FunctionName="g")
        assert shown(client, creating)["FunctionArn"] == f"{ARN}function:g"
        delete(client, creating)
    with Serve("--data", data) as server, connected(server.url) as client:
        left = client.list_event_source_mappings()["EventSourceMappings"]
        assert [each["UUID"] for each in left] == [kept["UUID"]]


def create_function(client: Any, name: str) -> None:
    code = {"ZipFile": package({"app.py": CODE})}
    client.create_function(FunctionName=name, Code=code, Runtime="python3.11", Handler="app.handler", Role=ROLE)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})


# InvokeAsync


def test_invoke_async_queues_an_event(client: Any, server: Serve) -> None:
    create_function(client, "later")
    assert client.invoke_async(FunctionName="later", InvokeArgs=b'"this"')["Status"] == 202
    server.wait_for("seen this")
    # The status is in the body, too, and SDKs of 2014 send a slash at the end.
    url = f"{server.url}/2014-11-13/functions/{ARN}function:later/invoke-async/"
    with urllib.request.urlopen(urllib.request.Request(url, b'"that"', method="POST"), timeout=30) as answer:
        assert (answer.status, json.load(answer)) == (202, {"Status": 202})
    server.wait_for("seen that")
    client.delete_function(FunctionName="later")


def test_invoke_async_refuses_as_invoke_does(client: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="Function not found"):
        client.invoke_async(FunctionName="nothing", InvokeArgs=b"{}")
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke_async(FunctionName="f", InvokeArgs=b"{")
