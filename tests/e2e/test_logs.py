"""What functions write is kept, and boto3 and the aws CLI find it: groups, streams, events, formats."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.commands.functions import write_bootstrap
from tests.e2e.clients import CREDENTIALS, SETTINGS, aws, aws_cli_2, connected, invoke
from tests.e2e.packages import package
from tests.e2e.running import SECONDS, Serve, bare_environment, bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
STREAM = r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}"
CODE = """
import logging, os, time

log = logging.getLogger()

def handler(event, context):
    for line in event.get("print", []):
        print(line)
    log.warning("warned")
    if "raise" in event:
        raise ValueError(event["raise"])
    return [os.environ["AWS_LAMBDA_LOG_GROUP_NAME"], os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]]
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Serve]:
    with Serve() as server:
        yield server


@pytest.fixture
def functions(server: Serve) -> Iterator[Any]:
    with connected(server.url) as client:
        yield client


@pytest.fixture
def logs(server: Serve) -> Iterator[Any]:
    with connected(server.url, service="logs") as client:
        yield client


@pytest.fixture
def name(functions: Any, request: pytest.FixtureRequest) -> str:
    """Create a function for one test."""
    name = re.sub(r"\W", "-", request.node.name)[:60]
    create(functions, name)
    return name


def create(client: Any, name: str, **settings: Any) -> None:
    code = {"ZipFile": package({"app.py": CODE})}
    client.create_function(
        FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code, **settings
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})


def found(logs: Any, group: str, **options: Any) -> list[str]:
    """The messages that FilterLogEvents finds, from all of its pages."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **options)
    return [event["message"] for page in pages for event in page["events"]]


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> tuple[int, str, str]:
    answer = refused.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


@pytest.mark.both_sandboxes
def test_a_group_and_a_stream_come_with_the_first_invocation(functions: Any, logs: Any, name: str) -> None:
    group = f"/aws/lambda/{name}"
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
    before = time.time() * 1000
    answer = invoke(functions, {"print": ["one", "two"]}, name)
    (shown,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"
    assert (shown["logGroupName"], shown["arn"], shown["logGroupArn"]) == (group, f"{arn}:*", arn)
    assert shown["storedBytes"] > 0
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert answer.document == [group, stream["logStreamName"]]
    assert re.fullmatch(STREAM, stream["logStreamName"])
    assert before - 2 <= stream["firstEventTimestamp"] <= stream["lastEventTimestamp"] <= time.time() * 1000 + 2
    page = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])
    kinds = [event["message"].split()[0] for event in page["events"]]
    assert kinds == ["INIT_START", "START", "one", "two", "[WARNING]", "END", "REPORT"]
    assert all(event["message"].endswith("\n") for event in page["events"])


@pytest.mark.both_sandboxes
def test_each_environment_has_a_stream_of_its_own(functions: Any, logs: Any, name: str) -> None:
    streams = {invoke(functions, {}, name).document[1] for _ in range(2)}
    assert len(streams) == 1
    functions.update_function_configuration(FunctionName=name, Description="new")
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})
    functions.update_function_configuration(FunctionName=name, MemorySize=256)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})
    streams.add(invoke(functions, {}, name).document[1])
    assert len(streams) == 2
    listed = logs.describe_log_streams(
        logGroupName=f"/aws/lambda/{name}", orderBy="LastEventTime", descending=True, limit=1
    )
    assert listed["logStreams"][0]["logStreamName"] == invoke(functions, {}, name).document[1]
    more = logs.describe_log_streams(
        logGroupName=f"/aws/lambda/{name}", orderBy="LastEventTime", descending=True, nextToken=listed["nextToken"]
    )
    both = [*listed["logStreams"], *more["logStreams"]]
    assert streams <= {each["logStreamName"] for each in both}


def test_events_are_filtered_and_come_in_pages(functions: Any, logs: Any, name: str) -> None:
    group = f"/aws/lambda/{name}"
    lines = [f"line {number} of {'odd' if number % 2 else 'even'}" for number in range(100)]
    stream = invoke(functions, {"print": lines}, name).document[1]
    assert [each.rstrip() for each in found(logs, group, filterPattern='"line"')] == lines
    assert len(found(logs, group, filterPattern="line -odd")) == 50
    assert len(found(logs, group, filterPattern='?"of odd" ?"of even"')) == 100
    assert len(found(logs, group, filterPattern='"7 of odd"', PaginationConfig={"PageSize": 1})) == 10
    assert len(found(logs, group, logStreamNames=[stream])) == len(found(logs, group, logStreamNamePrefix=stream[:9]))
    assert found(logs, group, logStreamNamePrefix="1999/") == []
    assert found(logs, group, startTime=int(time.time() * 1000) + 60_000) == []
    assert found(logs, group, endTime=1000) == []
    events, token = list[str](), {"startFromHead": True}
    while True:
        page = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=7, **token)
        events += [event["message"] for event in page["events"]]
        if page["nextForwardToken"] == token.get("nextToken"):
            break
        token = {"nextToken": page["nextForwardToken"]}
    assert [each.rstrip() for each in events if each.startswith("line")] == lines
    invoke(functions, {"print": ["later"]}, name)
    page = logs.get_log_events(logGroupName=group, logStreamName=stream, **token)
    assert [event["message"].split()[0] for event in page["events"]][:2] == ["START", "later"]


def test_logs_outlive_their_function_until_they_are_deleted(functions: Any, logs: Any, name: str) -> None:
    group = f"/aws/lambda/{name}"
    stream = invoke(functions, {"print": ["still here"]}, name).document[1]
    functions.delete_function(FunctionName=name)
    assert found(logs, group, filterPattern="still") == ["still here\n"]
    logs.delete_log_stream(logGroupName=group, logStreamName=stream)
    assert found(logs, group) == []
    logs.delete_log_group(logGroupName=group)
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        found(logs, group)


def test_what_is_wrong_is_said_in_cloudwatch_s_words(logs: Any) -> None:
    missing = (400, "ResourceNotFoundException", "The specified log group does not exist.")
    for operation, options in (
        ("describe_log_streams", {}),
        ("get_log_events", {"logStreamName": "s"}),
        ("filter_log_events", {}),
        ("delete_log_group", {}),
        ("put_retention_policy", {"retentionInDays": 1}),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(logs, operation)(logGroupName="missing", **options)
        assert code_of(refused) == missing
    logs.create_log_group(logGroupName="mine")
    with pytest.raises(ClientError) as refused:
        logs.create_log_group(logGroupName="mine")
    assert code_of(refused) == (400, "ResourceAlreadyExistsException", "The specified log group already exists")
    with pytest.raises(ClientError) as refused:
        logs.get_log_events(logGroupName="mine", logStreamName="missing")
    assert code_of(refused) == (400, "ResourceNotFoundException", "The specified log stream does not exist.")
    with pytest.raises(ClientError) as refused:
        logs.filter_log_events(logGroupName="mine", filterPattern="{ $.level = 1 }")
    assert code_of(refused)[:2] == (400, "InvalidParameterException")
    with pytest.raises(ClientError) as refused:
        logs.filter_log_events(logGroupName="mine", nextToken="x")
    assert code_of(refused) == (400, "InvalidParameterException", "The specified nextToken is invalid.")
    with pytest.raises(ClientError) as refused:
        logs.start_query(logGroupName="mine", startTime=0, endTime=1, queryString="fields @message")
    assert code_of(refused) == (400, "UnknownOperationException", "StartQuery is not supported by bootjack")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"logGroupName": 5}', b'{"limit": "x"}'])
def test_odd_requests_get_an_answer(server: Serve, body: bytes) -> None:
    headers = {"X-Amz-Target": "Logs_20140328.FilterLogEvents", "Content-Type": "application/x-amz-json-1.1"}
    request = urllib.request.Request(server.url + "/", body, headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request, timeout=SECONDS):
        pass
    with refused.value as answer:
        assert answer.code == 400
        assert set(json.loads(answer.read())) == {"__type", "message"}


def test_a_retention_policy_is_shown(logs: Any) -> None:
    logs.create_log_group(logGroupName="short")
    logs.put_retention_policy(logGroupName="short", retentionInDays=7)
    assert logs.describe_log_groups(logGroupNamePattern="SHORT")["logGroups"][0]["retentionInDays"] == 7
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.put_retention_policy(logGroupName="short", retentionInDays=8)
    logs.delete_retention_policy(logGroupName="short")
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePattern="SHORT")["logGroups"][0]


def test_logging_config_decides_on_group_format_and_levels(functions: Any, logs: Any) -> None:
    config = {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "WARN",
        "SystemLogLevel": "INFO",
        "LogGroup": "/shared/group",
    }
    create(functions, "configured", LoggingConfig=config)
    answer = invoke(
        functions,
        {"print": ['{"level": "INFO", "a": 1}', '{"level": "ERROR",  "a": 2}']},
        "configured",
        LogType="Tail",
    )
    group, stream = answer.document
    assert group == "/shared/group"
    assert re.fullmatch(STREAM.replace(r"/\[", r"/configured\["), stream)
    lines = found(logs, group, logStreamNames=[stream])
    assert '{"level": "ERROR",  "a": 2}\n' in lines
    documents = [json.loads(line) for line in lines]
    assert [each.get("type") or each["level"] for each in documents] == [
        "platform.initStart",
        "platform.start",
        "ERROR",
        "WARNING",
        "platform.report",
    ]
    assert documents[-1]["record"]["metrics"]["memorySizeMB"] == 128
    assert answer.log.splitlines()[-2:] == [line.rstrip() for line in lines[-2:]]


def test_logs_outlive_the_server_with_data_and_go_with_it_without(tmp_path: Path) -> None:
    kept = tmp_path / "data"
    with (
        Serve("--data", kept) as server,
        connected(server.url) as client,
        connected(server.url, service="logs") as logs,
    ):
        create(client, "f")
        invoke(client, {"print": ["before"]}, "f")
        assert found(logs, "/aws/lambda/f", filterPattern="before") == ["before\n"]
        invoke(client, {"print": ["at the end"]}, "f")
    killed = Serve("--data", kept, env={"TMPDIR": str(tmp_path)})  # what `kill -9` leaves lies there
    with killed as server, connected(server.url) as client, connected(server.url, service="logs") as logs:
        assert found(logs, "/aws/lambda/f", filterPattern='?before ?"at the end"') == ["before\n", "at the end\n"]
        invoke(client, {"print": ["again"]}, "f")
        assert len(logs.describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]) == 2
        assert found(logs, "/aws/lambda/f", filterPattern="again") == ["again\n"]
        server.stop(9)
    with Serve("--data", kept) as server, connected(server.url, service="logs") as logs:
        assert found(logs, "/aws/lambda/f", filterPattern="?before ?again") == ["before\n", "again\n"]
    with Serve() as server, connected(server.url, service="logs") as logs:
        assert logs.describe_log_groups()["logGroups"] == []


def test_a_server_may_keep_no_logs() -> None:
    with Serve("--log-storage", "0") as server, connected(server.url, service="logs") as logs:
        with pytest.raises(ClientError) as refused:
            logs.describe_log_groups()
        assert "--log-storage" in code_of(refused)[2]
        del refused  # it holds the connection


def test_a_store_of_logs_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs.sqlite").write_bytes(b"something else" * 1000)
    refused = bootjack("serve", "--port", "0", "--data", tmp_path)
    assert refused.code == 2
    assert "logs.sqlite" in refused.message
    assert "Traceback" not in refused.err


def test_the_aws_cli_finds_it(server: Serve, functions: Any, name: str, tmp_path: Path) -> None:
    group = f"/aws/lambda/{name}"
    stream = invoke(functions, {"print": ["seen by the CLI"]}, name).document[1]

    def ask(*arguments: str) -> Any:
        ended = aws(server.url, *arguments, cwd=tmp_path, service="logs")
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    assert group in [each["logGroupName"] for each in ask("describe-log-groups")["logGroups"]]
    streams = ask("describe-log-streams", "--log-group-name", group)["logStreams"]
    assert [each["logStreamName"] for each in streams] == [stream]
    events = ask("get-log-events", "--log-group-name", group, "--log-stream-name", stream)["events"]
    assert "seen by the CLI\n" in [event["message"] for event in events]
    events = ask("filter-log-events", "--log-group-name", group, "--filter-pattern", '"by the"')["events"]
    assert [event["message"] for event in events] == ["seen by the CLI\n"]
    refused = aws(server.url, "describe-log-streams", "--log-group-name", "no", cwd=tmp_path, service="logs")
    assert "(ResourceNotFoundException)" in refused.err


def test_aws_logs_tail_follows(server: Serve, functions: Any, name: str) -> None:
    invoke(functions, {"print": ["written before"]}, name)
    command = [aws_cli_2(), "--endpoint-url", server.url, "logs", "tail", f"/aws/lambda/{name}", "--follow"]
    environment = bare_environment({**CREDENTIALS, **SETTINGS, "PYTHONUNBUFFERED": "1"})
    tail = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert tail.stdout is not None
        seen = list[str]()
        for line in tail.stdout:
            seen.append(line)
            if "REPORT" in line and not any("written later" in each for each in seen):
                invoke(functions, {"print": ["written later"]}, name)
            elif "REPORT" in line:
                break
    finally:
        tail.kill()
        tail.communicate()
    assert sum("written before" in each for each in seen) == 1
    assert sum("written later" in each for each in seen) == 1


def refusal_of_deleting(logs: Any, group: str) -> tuple[int, str]:
    with pytest.raises(ClientError) as refused:
        logs.delete_log_group(logGroupName=group)
    return code_of(refused)[:2]


def test_other_regions_see_the_logs_of_the_command_line_and_do_not_delete_them(tmp_path: Path) -> None:
    with (
        Serve(f"local={write_bootstrap(tmp_path / 'code')}") as server,
        connected(server.url, region="eu-west-3") as client,
        connected(server.url, region="eu-west-3", service="logs") as logs,
    ):
        invoke(client, {}, "local")
        assert found(logs, "/aws/lambda/local", filterPattern="REPORT")
        assert logs.describe_log_groups()["logGroups"] == []
        assert refusal_of_deleting(logs, "/aws/lambda/local") == (400, "ResourceNotFoundException")
        assert found(logs, "/aws/lambda/local", filterPattern="REPORT")
