"""Several invocations at once in one environment: serve --max-concurrency, AWS_LAMBDA_MAX_CONCURRENCY."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.clients import connected, invoke
from tests.e2e.running import Rie, Serve, bootjack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

# Each waits until as many have begun as its event says.
PYTHON = """
import os, threading, time
barriers = {n: threading.Barrier(n) for n in (1, 2, 4, 6)}
def handler(event, context):
    if event.get("hang"):
        print("hanging", flush=True)
        threading.Event().wait(event["hang"])
        print("late", flush=True)
        return "late"
    if event.get("gate"):
        while not os.path.exists(event["gate"]):
            time.sleep(0.01)
        return [os.getpid()]
    if event.get("exit"):
        os._exit(event["exit"])
    barriers[event["together"]].wait(20)
    return [os.getpid(), event["number"], os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
"""
NODE = """
const waiting = [];
exports.handler = async (event) => {
  await new Promise((go) => {
    waiting.push(go);
    if (waiting.length >= event.together) waiting.splice(0).forEach((each) => each());
  });
  return [process.pid, event.number, process.env.AWS_LAMBDA_INITIALIZATION_TYPE];
};
"""


def together(server: Any, count: int, at_once: int) -> list[Any]:
    """Invoke so many at once; no invocation ends before `at_once` have begun in its environment."""
    events = [json.dumps({"number": number, "together": at_once}).encode() for number in range(count)]
    with ThreadPoolExecutor(count) as callers:
        return [json.loads(reply.body) for reply in callers.map(server.invoke, events)]


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "app.py").write_text(PYTHON)
    monkeypatch.chdir(tmp_path)
    return "app.handler"


@pytest.mark.parametrize("arguments", [("--max-concurrency", "4"), ()], ids=["option", "variable"])
def test_free_slots_are_filled_before_another_environment_is_started(
    tmp_path: Path, target: str, arguments: Sequence[str]
) -> None:
    env = {} if arguments else {"AWS_LAMBDA_MAX_CONCURRENCY": "4"}
    with Serve("--sandbox", "process", "--concurrency", "2", *arguments, target, env=env, shown=False) as server:
        first = together(server, 4, 4)
        assert [number for _, number, _ in first] == [0, 1, 2, 3], "each caller gets its own answer"
        assert {kind for *_, kind in first} == {"lambda-managed-instances"}
        assert len({pid for pid, *_ in first}) == 1
        assert len({pid for pid, *_ in together(server, 4, 4)}) == 1
        assert server.log().count("INIT_START ") == 1
        gate = tmp_path / "gate"
        event = json.dumps({"gate": str(gate)}).encode()
        with ThreadPoolExecutor(5) as callers:
            waiting = [callers.submit(server.invoke, event) for _ in range(5)]
            server.wait_for("START RequestId", times=13)
            gate.touch()
            assert len({reply.result().body for reply in waiting}) == 2


def test_a_slot_more_than_there_is_is_refused(target: str) -> None:
    flags = ("--sandbox", "process", "--concurrency", "1", "--max-concurrency", "1")
    with Serve(*flags, target, shown=False) as server, ThreadPoolExecutor(1) as callers:
        hanging = callers.submit(server.invoke, b'{"hang": 1}')
        server.wait_for("hanging\n")
        assert server.invoke(b"{}").status == 429
        assert hanging.result().body == b'"late"'


def test_a_timeout_fails_one_invocation_and_its_late_answer_reaches_nobody(target: str) -> None:
    flags = ("--sandbox", "process", "--concurrency", "1", "--max-concurrency", "2", "--timeout", "0.5")
    with Serve(*flags, target, shown=False) as server:
        ((pid, *_),) = together(server, 1, 1)
        timed_out = server.invoke(b'{"hang": 1}')
        assert json.loads(timed_out.body)["errorType"] == "Sandbox.Timedout"
        assert timed_out.headers["x-amz-function-error"] == "Unhandled"
        assert [found for found, *_ in together(server, 1, 1)] == [pid], "nothing was killed"
        server.wait_for("late\n")
        server.wait_for("410")  # what our bootstrap logs
        assert together(server, 2, 2) == [[pid, 0, "lambda-managed-instances"], [pid, 1, "lambda-managed-instances"]]


def test_an_exit_fails_every_invocation_and_the_next_one_finds_a_new_process(target: str) -> None:
    flags = ("--sandbox", "process", "--concurrency", "1", "--max-concurrency", "4")
    with Serve(*flags, target, shown=False) as server, ThreadPoolExecutor(1) as callers:
        ((pid, *_),) = together(server, 1, 1)
        hanging = callers.submit(server.invoke, b'{"hang": 60}')
        server.wait_for("hanging\n")
        for reply in (server.invoke(b'{"exit": 3}'), hanging.result()):
            assert json.loads(reply.body)["errorType"] == "Runtime.ExitError"
        ((after, *_),) = together(server, 1, 1)
        assert after != pid


def test_an_init_that_fails_is_the_answer_of_everybody_who_waits_for_it(tmp_path: Path) -> None:
    (tmp_path / "bootstrap").write_text("#!/bin/sh\nsleep 0.3; echo no >&2; exit 4\n")
    (tmp_path / "bootstrap").chmod(0o755)
    flags = ("--sandbox", "process", "--concurrency", "1", "--max-concurrency", "2")
    with Serve(*flags, tmp_path, shown=False) as server, ThreadPoolExecutor(2) as callers:
        for reply in callers.map(server.invoke, [b"{}", b"{}"]):
            document = json.loads(reply.body)
            assert document["errorMessage"].endswith("Runtime exited with error: exit status 4")
        assert server.log().count("INIT_START ") == 2, "it is tried once more, for both of them"


def test_rie_with_the_bootstrap_for_node(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text(NODE)
    import bootjack_bootstrap

    folder = bootjack_bootstrap.__file__.rpartition("/")[0]
    command = ("node", f"{folder}/node/bootstrap.cjs", "app.handler")
    env = {"AWS_LAMBDA_MAX_CONCURRENCY": "4", "LAMBDA_TASK_ROOT": str(tmp_path)}
    with Rie(*command, env=env, cwd=tmp_path) as rie:
        found = together(rie, 4, 4)
    assert [number for _, number, _ in found] == [0, 1, 2, 3]
    assert len({pid for pid, *_ in found}) == 1


def test_boto3_gets_its_own_answers(target: str) -> None:
    with (
        Serve("--sandbox", "process", "--max-concurrency", "2", target, shown=False) as server,
        connected(server.url) as one,
        connected(server.url) as two,
        ThreadPoolExecutor(2) as callers,
    ):
        events = [{"number": number, "together": 2} for number in (1, 2)]
        answers = list(callers.map(invoke, (one, two), events))
    assert [answer.document[1] for answer in answers] == [1, 2]


def test_functions_of_a_capacity_provider_run_as_many_at_once_as_they_say(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(PYTHON)
    provider = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:p"
    shared = {"CapacityProviderArn": provider, "PerExecutionEnvironmentMaxConcurrency": 2}
    with Serve("--sandbox", "process", shown=False) as server, connected(server.url) as client:
        client.create_function(
            FunctionName="f",
            Runtime="python3.13",
            Handler="app.handler",
            Role="arn:aws:iam::123456789012:role/r",
            Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)},
            CapacityProviderConfig={"LambdaManagedInstancesCapacityProviderConfig": shared},
        )
        client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.2})
        events = [json.dumps({"number": number, "together": 2}).encode() for number in (1, 2)]
        with ThreadPoolExecutor(2) as callers:
            replies = callers.map(lambda event: server.invoke(event, "f"), events)
            first, second = (json.loads(reply.body) for reply in replies)
    assert first == [second[0], 1, "lambda-managed-instances"], "both ran in one process"


@pytest.mark.parametrize("given", ["-1", "10001", "many"])
def test_a_number_that_cannot_be(given: str) -> None:
    assert bootjack("serve", "--max-concurrency", given, "--port", "0").code == 2


def test_snapstart_and_several_at_once_exclude_each_other() -> None:
    ended = bootjack("serve", "--max-concurrency", "2", "--snapstart", "--port", "0")
    assert (ended.code, "exclude each other" in ended.message) == (2, True)
