"""A function that exceeds its limits in bubblewrap gets an error, and other functions notice nothing."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from runtime_api.sandbox.bubblewrap.cgroup import find_hierarchies
from tests.e2e.clients import Answer, connected, invoke
from tests.e2e.inside import processes_inside, until
from tests.e2e.neighbour import Neighbour
from tests.e2e.running import RUNTIMES, Serve, bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]

TIMEOUT_S = 4
KILLED = "Runtime exited with error: signal: killed"
TIMED_OUT = f"Task timed out after {TIMEOUT_S}.00 seconds"
MB = 1 << 20
MANY = 300  # processes


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    options = ("--sandbox", "bubblewrap", "-m", "128", "-t", str(TIMEOUT_S))
    with Serve(*options, "greedy=greedy.handler", "other=app.handler", cwd=RUNTIMES) as server:
        yield server


@pytest.fixture
def client(serve: Serve) -> Iterator[Any]:
    with connected(serve.url) as client:
        yield client


class Excess(NamedTuple):
    """How an invocation that exceeds a limit ends."""

    do: str
    error_type: str
    message: str  # a pattern
    line: str = ""  # in the log, a pattern


EXCESSES = (
    Excess("memory", "Runtime.ExitError", KILLED, r"memory exceeded: \d+ MB"),
    Excess("memory_of_children", "Runtime.ExitError", KILLED, r"memory exceeded: \d+ MB"),
    Excess("memfd", "Runtime.ExitError", KILLED, r"memory exceeded: \d+ MB"),
    Excess("shared_memory", "Runtime.ExitError", KILLED, r"memory exceeded: \d+ MB"),
    Excess("disk", "OSError", r".*No space left on device"),
    Excess("descriptors", "OSError", r".*Too many open files after 1023"),
    Excess("burn", "Sandbox.Timedout", re.escape(TIMED_OUT)),
)


@pytest.mark.parametrize("excess", EXCESSES, ids=lambda excess: excess.do)
def test_a_function_that_exceeds_a_limit_fails_alone_and_recovers(serve: Serve, client: Any, excess: Excess) -> None:
    with Neighbour(serve):
        answer = invoke(client, {"do": excess.do}, "greedy", LogType="Tail")
        check(answer, excess)
        assert invoke(client, {"after": excess.do}, "greedy").document == {"after": excess.do}
    if excess.do == "disk":
        assert 500 * MB < invoke(client, {"do": "clear"}, "greedy").document <= 512 * MB


def test_a_fork_bomb_fails_at_the_functions_own_limit() -> None:
    options = ("--sandbox", "bubblewrap", "-m", "1024", "-t", "20")  # or that many would exceed the memory
    excess = Excess("fork", "BlockingIOError", r".*Resource temporarily unavailable")
    with (
        Serve(*options, "greedy=greedy.handler", "other=app.handler", cwd=RUNTIMES) as serve,
        Neighbour(serve),
        connected(serve.url) as client,
    ):
        check(invoke(client, {"do": "fork"}, "greedy", LogType="Tail"), excess)
        assert len(processes_inside(serve.process.pid)) > 1000  # they are still there, as on Lambda
        assert invoke(client, {"after": "fork"}, "greedy").document == {"after": "fork"}


def check(answer: Answer, excess: Excess) -> None:
    assert (answer.status, answer.error) == (200, "Unhandled")
    assert answer.document["errorType"] == excess.error_type, answer
    assert re.fullmatch(rf"(RequestId: \S+ Error: )?{excess.message}", answer.document["errorMessage"]), answer
    assert re.search(excess.line, answer.log), answer
    assert re.search(r"\nEND RequestId: \S+\nREPORT RequestId: \S+\t", answer.log), answer


def test_the_report_of_a_killed_function_has_the_memory_of_all_its_processes(client: Any) -> None:
    answer = invoke(client, {"do": "memory_of_children"}, "greedy", LogType="Tail")
    found = re.search(r"Memory Size: 128 MB\tMax Memory Used: (\d+) MB\t", answer.log)
    assert found, answer.log
    assert 128 < int(found[1]) < 800  # each process takes at most 60, all together would take 700


def test_processes_that_multiply_end_with_the_invocation(serve: Serve, client: Any) -> None:
    with Neighbour(serve), ThreadPoolExecutor(1) as beside:
        storm = beside.submit(invoke, client, {"do": "storm"}, "greedy", LogType="Tail")
        # On a slow machine they may exceed the memory before this sees many of them.
        until(lambda: storm.done() or len(processes_inside(serve.process.pid)) > MANY, "they multiply")
        answer = storm.result()
        assert answer.document["errorType"] in (
            "Sandbox.Timedout",
            "Runtime.ExitError",
        )  # or they exceed the memory first
        assert invoke(client, {"do": "look"}, "greedy").document["processes"] == 2  # the supervisor and the runtime


def test_a_timeout_kills_everything_inside_and_keeps_tmp(serve: Serve, client: Any) -> None:
    answer = invoke(client, {"do": "hang", "text": "still here"}, "greedy", LogType="Tail")
    assert answer.document["errorType"] == "Sandbox.Timedout"
    assert answer.document["errorMessage"].endswith(TIMED_OUT)
    assert "\nhanging\n" in answer.log
    found = invoke(client, {"do": "look"}, "greedy").document
    assert (found["kept"], found["processes"]) == ("still here", 2)
    assert invoke(client, {"a": 1}, "other").document == {"a": 1}
    assert len(processes_inside(serve.process.pid)) == 2  # a runtime of each function


# -- a share of processor time


def test_processor_time_follows_memory_where_there_are_control_groups() -> None:
    little, much = (share_with(memory) for memory in ("128", "1769"))
    if any("cpu" in hierarchy.controllers for hierarchy in find_hierarchies()):
        assert little < 0.3, (little, much)
        assert much > little, (little, much)  # on a busy machine neither gets a whole processor


def share_with(memory: str) -> float:
    options = ("--sandbox", "bubblewrap", "--cpu-share", "-m", memory, "-t", "20")
    ended = bootjack("invoke", *options, "greedy.handler", "-e", '{"do": "share", "seconds": 1}', cwd=RUNTIMES)
    assert ended.code == 0, ended
    governed = any("cpu" in hierarchy.controllers for hierarchy in find_hierarchies())
    assert ended.err.count("no control groups of the processors may be made here") == (0 if governed else 1)
    return float(json.loads(ended.out))
