"""An idle environment in bubblewrap is frozen: everything in it goes on with the next invocation."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.processes.memory import tree
from tests.e2e.clients import connected, invoke
from tests.e2e.inside import are_frozen, control_groups, exists, parent_of, processes_inside, state, until
from tests.e2e.running import RUNTIMES, Serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]

OPTIONS = ("--sandbox", "bubblewrap", "-t", "20", "ticking=greedy.handler")
OBSERVED_S = 0.3  # many ticks
FREEZES_WITHIN_S = 0.5  # well over the idle time after which an environment is frozen
IDLE_S = 0.1  # an environment that is idle for less than this must not be frozen


@pytest.fixture
def serve() -> Iterator[Serve]:
    with Serve(*OPTIONS, cwd=RUNTIMES) as server:
        yield server


def start_ticking(serve: Serve) -> Callable[[], dict[str, list[float]]]:
    """Have a thread and a child of the function record the time; return a function that gets the records."""
    serve.invoke(b'{"do": "tick"}', "ticking")

    def ticks() -> dict[str, list[float]]:
        with connected(serve.url) as client:
            found: dict[str, list[float]] = invoke(client, {"do": "ticks"}, "ticking").document
            return found

    return ticks


def within(ticks: list[float], begin: float, end: float) -> int:
    return sum(begin < tick < end for tick in ticks)


def test_threads_and_children_are_frozen_between_invocations_and_then_go_on(serve: Serve) -> None:
    ticks = start_ticking(serve)
    for _ in range(3):
        until(lambda: are_frozen(serve.process.pid), "it is frozen")
        begin = time.monotonic()
        time.sleep(OBSERVED_S)  # the time that is observed
        assert are_frozen(serve.process.pid)
        end = time.monotonic()
        for of in ticks().values():
            assert within(of, begin, end) == 0
            assert within(of, end, time.monotonic()) >= 3


def test_with_no_freeze_they_keep_running() -> None:
    with Serve(*OPTIONS, "--no-freeze", cwd=RUNTIMES) as serve:
        ticks = start_ticking(serve)
        begin = time.monotonic() + FREEZES_WITHIN_S
        while time.monotonic() < begin + OBSERVED_S:
            assert not any(state(pid) == "T" for pid in processes_inside(serve.process.pid))
        end = time.monotonic()
        for of in ticks().values():
            assert within(of, begin, end) > 0


def test_back_to_back_invocations_are_never_frozen(serve: Serve) -> None:
    for _ in range(5):
        longest, frozen = _back_to_back(serve)
        assert longest >= IDLE_S or not frozen
        if longest < IDLE_S:
            return  # else the machine was too busy to invoke it back to back: try again


def _back_to_back(serve: Serve) -> tuple[float, bool]:
    """Invoke it for a second; return the longest pause, and whether anything was frozen meanwhile."""
    serve.invoke(b"0", "ticking")
    over = threading.Event()
    frozen: list[int] = []

    def look() -> None:
        while not over.is_set():
            frozen.extend(pid for pid in processes_inside(serve.process.pid) if state(pid) == "T")

    watching = threading.Thread(target=look)
    watching.start()
    longest, began = 0.0, time.monotonic()
    last = began
    while last < began + 1:
        serve.invoke(b"1", "ticking")
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    over.set()
    watching.join()
    return longest, bool(frozen)


def test_a_sandbox_that_is_killed_while_frozen_is_built_again(serve: Serve) -> None:
    """The invocation follows at once, when the supervisor has ended and bwrap has not."""
    for _ in range(8):
        assert serve.invoke(b"1", "ticking").body == b"1"
        until(lambda: are_frozen(serve.process.pid), "it is frozen")
        (runtime,) = processes_inside(serve.process.pid)
        os.kill(parent_of(runtime), signal.SIGKILL)  # the supervisor
        reply = serve.invoke(b"1", "ticking")
        assert reply.body == b"1" or b"signal: killed" in reply.body


# -- the end of a frozen environment


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_frozen_environment_ends_with_the_server(serve: Serve, number: int) -> None:
    began = frozen(serve)
    groups = control_groups(serve.process.pid)
    assert serve.stop(number) == 0
    assert not [pid for pid in began if exists(pid)]
    assert not [folder for folder in groups if folder.exists()]


def test_a_frozen_environment_ends_after_the_idle_timeout() -> None:
    with Serve(*OPTIONS, "--idle-timeout", "1", cwd=RUNTIMES) as serve:
        began = frozen(serve)
        until(lambda: not any(exists(pid) for pid in began), "it ends")
        until(lambda: not control_groups(serve.process.pid), "its control groups are removed")
        assert serve.invoke(b"1", "ticking").body == b"1"


def test_a_frozen_environment_ends_with_a_killed_server_and_the_next_one_removes_its_groups(serve: Serve) -> None:
    began = frozen(serve)
    groups = control_groups(serve.process.pid)
    serve.process.kill()
    until(lambda: not any(exists(pid) for pid in began), "everything inside ends")
    assert serve.ended() == -signal.SIGKILL
    with Serve(*OPTIONS, cwd=RUNTIMES):
        assert not [folder for folder in groups if folder.exists()]


def test_a_running_invocation_ends_with_a_killed_server(serve: Serve) -> None:
    asking = threading.Thread(target=_invoke_without_an_answer, args=(serve,))
    asking.start()
    serve.wait_for("hanging")
    began = tree(serve.process.pid)
    assert len(processes_inside(serve.process.pid)) == 3
    serve.process.kill()
    until(lambda: not any(exists(pid) for pid in began), "everything inside ends")
    serve.ended()
    asking.join()


def _invoke_without_an_answer(serve: Serve) -> None:
    try:
        serve.invoke(b'{"do": "hang", "text": ""}', "ticking")
    except OSError:
        return
    raise AssertionError("there was an answer")


def frozen(serve: Serve) -> list[int]:
    """Wait until a function is frozen; return all processes of the server."""
    start_ticking(serve)
    until(lambda: are_frozen(serve.process.pid), "it is frozen")
    began = tree(serve.process.pid)
    assert len(processes_inside(serve.process.pid)) == 2
    return began
