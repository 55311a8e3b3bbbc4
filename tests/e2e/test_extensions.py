"""External extensions as their users have them: beside a function, through the installed command."""

from __future__ import annotations

import base64
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.running import PYTHON, RAW, RUNTIMES, Serve, bootjack
from tests.sandboxes import shown_folder

if TYPE_CHECKING:
    from tests.e2e.running import Ended

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

NAME = Path(PYTHON).stem  # of a function that is a command
EXAMPLES = RUNTIMES.parents[2] / "examples"

# A handler that returns what its extension's calls were answered, during init.
CALLS = """
import http.client, os
def call(method, path):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, path, "{}", {"Lambda-Extension-Name": "mine", "Lambda-Extension-Identifier": "none"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()
answers = [
    call("POST", "/2020-01-01/extension/register"),
    call("GET", "/2020-01-01/extension/event/next"),
    call("PUT", "/2022-07-01/telemetry"),
    call("GET", "/2020-08-15/logs"),
]
def handler(event, context):
    return answers
"""


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A layer with one extension, `probe`, which does what the function's variable EXTENSION says."""
    probe = tmp_path / "layer" / "extensions" / "probe"
    probe.parent.mkdir(parents=True)
    shutil.copy(RUNTIMES / "extension.py", probe)
    probe.chmod(0o755)
    return probe.parents[1]


def invoked(layer: Path, event: str = "{}", *arguments: str, does: str = "") -> Ended:
    return bootjack("invoke", "--layer", layer, "--env-var", f"EXTENSION={does}", "-e", event, *arguments, "--", *RAW)


def in_order(text: str, *parts: str) -> bool:
    """Whether a text has these parts, one after the other."""
    at = 0
    for part in parts:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def test_an_extension_sees_a_function_s_whole_life(layer: Path) -> None:
    ran = invoked(layer, '{"a": 1}')
    assert (ran.code, ran.out) == (0, b'{"a": 1}')
    registered = f'{{"functionName":"{NAME}","functionVersion":"$LATEST","handler":"function.handler"}}'
    ready = "EXTENSION\tName: probe\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n"
    assert in_order(
        ran.err, "INIT_START ", f"extension: registered {registered}", ready, "START ", "extension: got INVOKE"
    )
    assert in_order(ran.err, "END ", "REPORT ", "extension: got SHUTDOWN spindown\n"), ran.err


def test_the_examples_run_beside_each_other() -> None:
    layers = ("--layer", EXAMPLES / "extension-python", "--layer", EXAMPLES / "extension-shell")
    ran = bootjack("invoke", *layers, "--", *RAW)
    assert ran.code == 0
    assert in_order(
        ran.err, f"timer: {NAME} starts\n", "START ", "timer: ", " has ", "timer: spindown after 1 invocations\n"
    )
    assert in_order(ran.err, 'watcher: {"eventType":"INVOKE"', "watcher: the end\n"), ran.err


def test_an_extension_does_not_get_what_belongs_to_the_runtime(layer: Path) -> None:
    ran = invoked(layer, does="show")
    (names,) = [json.loads(line.split("variables ")[1]) for line in ran.err.splitlines() if "variables [" in line]
    own = {"_HANDLER", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_STREAM_NAME"}
    assert not own & set(names)
    assert {"AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "PATH", "EXTENSION"} <= set(names)


@pytest.mark.parametrize(
    ("does", "error_type", "reason"),
    [
        ("exit", "Extension.Crash", "exit status 3"),
        ("exit/error", "Extension.ExitError", "exit status 3"),
    ],
)
def test_a_caller_is_told_that_an_extension_has_failed(layer: Path, does: str, error_type: str, reason: str) -> None:
    ran = invoked(layer, '{"do": "hang"}', "--timeout", "20", does=does)
    assert ran.code == 1
    told = json.loads(ran.out)
    assert told["errorType"] == error_type
    assert told["errorMessage"].endswith(f" Error: {reason}")


def test_an_extension_that_cannot_be_executed_is_a_launch_error(layer: Path) -> None:
    (layer / "extensions" / "probe").chmod(0o644)
    ran = invoked(layer)
    assert ran.code == 1
    told = json.loads(ran.out)
    assert told["errorType"] == "Extension.LaunchError"
    assert "/extensions/probe: permission denied" in told["errorMessage"]
    assert "EXTENSION\tName: probe\tState: LaunchError\tEvents: []\tError Type: Extension.LaunchError\n" in ran.err


def test_a_layer_switches_all_extensions_off(layer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (layer / "disable-extensions-jwigqn8j").touch()
    (tmp_path / "app.py").write_text(CALLS)
    monkeypatch.chdir(tmp_path)
    ran = bootjack("invoke", "--layer", layer, "app.handler")
    assert json.loads(ran.out) == [[404, ""]] * 4, ran.err
    assert "extension: registered" not in ran.err


def test_a_timeout_covers_the_extensions_too(layer: Path) -> None:
    ran = invoked(layer, "{}", "--timeout", "0.5", does="hang")
    assert (ran.code, ran.out) == (0, b"{}")  # the answer was there in time
    assert in_order(ran.err, "REPORT ", "Status: timeout"), ran.err


def test_an_extension_that_stays_is_killed(layer: Path) -> None:
    before = time.monotonic()
    ran = invoked(layer, does="stay")
    assert ran.code == 0
    assert "extension: got SHUTDOWN spindown\n" in ran.err
    assert 2 <= time.monotonic() - before < 20  # it has 2 s


def test_the_caller_is_answered_while_an_extension_works(layer: Path) -> None:
    gate = shown_folder() / "gate-of-an-extension"
    gate.unlink(missing_ok=True)
    variables = ("--env-var", "EXTENSION=work", "--env-var", f"GATE={gate}", "--timeout", "60")
    with Serve("--layer", layer, *variables, "--concurrency", "1", "--", *RAW) as server:
        assert server.invoke(b'"early"', name=NAME).body == b'"early"'
        assert "REPORT" not in server.log()  # the extension still works
        throttled = server.invoke(name=NAME)
        assert throttled.status == 429  # and the environment is not free
        gate.touch()
        server.wait_for("extension: worked\n(?s:.*)END (?s:.*)REPORT ")
        reply = server.invoke(b"1", name=NAME, X_Amz_Log_Type="Tail")
        assert reply.body == b"1"
        assert "REPORT" in base64.b64decode(reply.headers["x-amz-log-result"]).decode()
    gate.unlink()


def test_after_a_crash_the_extensions_are_told_and_start_again(layer: Path) -> None:
    with Serve("--layer", layer, "--concurrency", "1", "--", *RAW) as server:
        assert (
            json.loads(server.invoke(b'{"do": "exit", "code": 1}', name=NAME).body)["errorType"]
            == "Runtime.ExitError"
        )
        server.wait_for("extension: got SHUTDOWN failure\n")
        deadline = time.monotonic() + 30
        while (reply := server.invoke(b"2", name=NAME)).status == 429 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert reply.body == b"2"
        assert server.log().count("extension: registered") == 2


LUMIGO = """#!/usr/bin/env python3
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "python"))
from lumigo_tracer.extension.main import main

main()
"""
CLEANS_UP = """
import signal, sys

from lambda_sigterm import register


def clean_up(*_):
    print("cleaned up", flush=True)
    sys.exit()


register()
signal.signal(signal.SIGTERM, clean_up)


def handler(event, context):
    return event
"""


@pytest.mark.timeout(240)
def test_published_extensions_run_beside_each_other(tmp_path: Path) -> None:
    """lumigo-tracer's is external, lambda-sigterm's internal: it registers for no event, to have a SIGTERM sent."""
    (tmp_path / "layer" / "extensions").mkdir(parents=True)
    lumigo = tmp_path / "layer" / "extensions" / "lumigo"
    lumigo.write_text(LUMIGO)
    lumigo.chmod(0o755)
    (tmp_path / "app.py").write_text(CLEANS_UP)
    packages = ("--package", "lambda-sigterm==0.1.2", "--package", "lumigo-tracer==1.1.257")
    archive = tmp_path / "layer.zip"
    built = bootjack("layer", "build", "-o", archive, *packages, tmp_path / "layer", seconds=120)
    assert built.code == 0, built.err
    debug = ("--env-var", "LUMIGO_DEBUG=true", "--timeout", "30")
    ran = bootjack("invoke", "--layer", archive, *debug, "-e", "[1]", "app.handler", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, b"[1]")
    assert "EXTENSION\tName: lumigo\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n" in ran.err
    assert "EXTENSION\tName: lambda-sigterm\tState: Ready\tEvents: []\n" in ran.err
    assert in_order(ran.err, "Extension got event: {'eventType': 'INVOKE'", "cleaned up\n", "'eventType': 'SHUTDOWN'")
