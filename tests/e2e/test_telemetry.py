"""Telemetry, really delivered: to the examples over HTTP and TCP, in either sandbox, and to a published extension."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import peers
from tests.e2e.clients import connected, invoke
from tests.e2e.packages import package
from tests.e2e.running import Serve, bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

EXAMPLES = Path(__file__).parents[2] / "examples"
LINES = 20_000
APP = """
import os, time

FILE = "/tmp/telemetry.ndjson"

def handler(event, context):
    for number in range(event.get("lines", 0)):
        print(f"line {number} " + "x" * 80)
    if event.get("exit"):
        os._exit(3)
    deadline = time.monotonic() + 20
    while event.get("until") and time.monotonic() < deadline:
        said = open(FILE).read() if os.path.exists(FILE) else ""
        if event["until"] in said:
            return said
        time.sleep(0.02)
"""
IN_BUBBLEWRAP = ("--sandbox", "bubblewrap")
EXAMPLE = pytest.mark.parametrize("example", ["telemetry-http", "telemetry-tcp"])


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder with a handler that writes lines, and waits until a text is in what a subscriber has written."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def events_of(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


@EXAMPLE
def test_no_line_of_twenty_thousand_is_lost_when_all_ends_at_once(app: Path, example: str) -> None:
    file = app / "telemetry.ndjson"
    variables = ("--env-var", f"TELEMETRY_FILE={file}", "-t", "60")
    given = ("--layer", EXAMPLES / example, *variables, "--sandbox", "process")
    ended = bootjack("invoke", "app.handler", *given, "-e", json.dumps({"lines": LINES}), cwd=app, seconds=60)
    assert ended.code == 0, ended.err
    events = events_of(file.read_text())
    lines = [event["record"] for event in events if event["type"] == "function"]
    assert [int(line.split()[1]) for line in lines] == list(range(LINES))
    platform = [event["type"].removeprefix("platform.") for event in events if event["type"] != "function"]
    assert platform == [
        "initStart",
        "telemetrySubscription",
        "initRuntimeDone",
        "initReport",
        "extension",
        "start",
        "runtimeDone",
        "report",
    ]
    record = {event["type"]: event["record"] for event in events if event["type"] != "function"}
    report, done = record["platform.report"], record["platform.runtimeDone"]
    assert report["requestId"] == done["requestId"] == record["platform.start"]["requestId"]
    latency, duration = done["spans"]
    assert (latency["name"], duration["name"]) == ("responseLatency", "responseDuration")
    assert 0 < latency["durationMs"] <= done["metrics"]["durationMs"] <= report["metrics"]["durationMs"]
    assert f"\tName: {example}\tState: Subscribed\tTypes: [Platform" in ended.err


@EXAMPLE
@pytest.mark.bubblewrap
@pytest.mark.parametrize("network", ["own", "none", "host"])
def test_a_subscriber_is_reached_in_every_network(app: Path, example: str, network: str) -> None:
    event = {"lines": 2, "until": '"line 1 '}
    given = (*IN_BUBBLEWRAP, "--layer", EXAMPLES / example, "--network", network, "-t", "30", "-e", json.dumps(event))
    ended = bootjack("invoke", "app.handler", *given, cwd=app, seconds=60)
    assert ended.code == 0, ended.err
    events = events_of(json.loads(ended.out))
    assert [event["record"].split()[1] for event in events if event["type"] == "function"] == ["0", "1"]


@pytest.mark.bubblewrap
def test_what_is_held_when_an_environment_freezes_goes_out_at_its_next_use(app: Path) -> None:
    given = (*IN_BUBBLEWRAP, "--layer", EXAMPLES / "telemetry-http", "-t", "30")
    late = ("--env-var", "TELEMETRY_TIMEOUT_MS=1000")
    with Serve(*given, *late, "app.handler", cwd=app) as server:
        first = server.invoke(b'{"lines": 1}')
        assert first.body == b"null"
        server.wait_for("REPORT RequestId")
        time.sleep(1.5)  # by now the batch is due, and the environment is frozen
        answer = server.invoke(b'{"until": "platform.report"}').body
    assert "platform.report" in {event["type"] for event in events_of(json.loads(answer))}


def test_a_crash_is_told_before_the_subscriber_has_to_end(app: Path) -> None:
    file = app / "telemetry.ndjson"
    given = ("--layer", EXAMPLES / "telemetry-http", "--env-var", f"TELEMETRY_FILE={file}", "--sandbox", "process")
    ended = bootjack("invoke", "app.handler", *given, "-e", '{"lines": 1, "exit": true}', cwd=app, seconds=60)
    assert ended.code == 1
    events = events_of(file.read_text())
    told = {event["type"]: event["record"] for event in events}
    assert told["platform.fault"].startswith(f"RequestId: {told['platform.start']['requestId']} Error: ")
    assert told["platform.runtimeDone"]["status"] == "error"
    assert told["platform.report"]["errorType"] == "Runtime.ExitError"


def test_an_extension_that_is_started_again_subscribes_again(app: Path) -> None:
    file = app / "telemetry.ndjson"
    given = ("--layer", EXAMPLES / "telemetry-http", "--env-var", f"TELEMETRY_FILE={file}", "--sandbox", "process")
    with Serve(*given, "-t", "2", "app.handler", cwd=app) as server:
        assert b"Sandbox.Timedout" in server.invoke(b'{"until": "what nobody says"}').body
        assert server.invoke(b'{"lines": 1}').body == b"null"
    events = events_of(file.read_text())
    assert [event["type"] for event in events].count("platform.telemetrySubscription") == 2
    reports = [event["record"] for event in events if event["type"] == "platform.report"]
    assert [report["status"] for report in reports] == ["timeout", "success"]
    assert [event["record"].split()[1] for event in events if event["type"] == "function"] == ["0"]


@contextmanager
def collector() -> Iterator[tuple[int, list[tuple[str, bytes]], threading.Condition]]:
    """A server that takes reports; gives its port, and the paths and bodies of what it has got."""
    reports: list[tuple[str, bytes]] = []
    news = threading.Condition()

    class Reports(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with news:
                reports.append((self.path, body))
                news.notify_all()
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Reports) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port, reports, news
        server.shutdown()
        thread.join()


@pytest.mark.bubblewrap
def test_a_published_extension_reports_what_the_logs_api_tells_it() -> None:
    with collector() as (port, reports, news), Serve(*IN_BUBBLEWRAP) as server, connected(server.url) as client:
        url = f"http://127.0.0.1:{port}"
        layer = client.publish_layer_version(
            LayerName="otel", Content={"ZipFile": peers.otel_extension().read_bytes()}
        )
        variables = {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-extension/otel-handler",
            "SLS_OTEL_REPORT_METRICS_URL": f"{url}/metrics",
            "SLS_OTEL_REPORT_TRACES_URL": f"{url}/traces",
            "AWS_ENDPOINT_URL_REPORTS": url,  # lets the function reach it
        }
        client.create_function(
            FunctionName="f",
            Runtime="nodejs20.x",
            Handler="index.handler",
            Role="arn:aws:iam::123456789012:role/r",
            Timeout=30,
            MemorySize=512,
            Code={"ZipFile": package({"index.js": "exports.handler = async (event) => event.n + 1;"})},
            Layers=[layer["LayerVersionArn"]],
            Environment={"Variables": variables},
        )
        client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.2})
        for number in range(3):  # the report of an invocation may come with the next one
            assert invoke(client, {"n": number}, "f").document == number + 1
        with news:
            assert news.wait_for(lambda: any(b"faas.billed_duration" in body for _, body in reports), 20)
        assert {path for path, _ in reports} == {"/metrics", "/traces"}
        assert "LOGS\tName: otel-extension\tState: Subscribed\tTypes: [Platform]\n" in server.log()
