"""An idle environment in bubblewrap stands still: what a function has started goes on with its next invocation."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.memory import tree
from tests.e2e.clients import connected, invoke
from tests.e2e.inside import are_frozen, control_groups, exists, processes_inside, state, until
from tests.e2e.running import RUNTIMES, Serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

OPTIONS = ("--sandbox", "bubblewrap", "-t", "20", "ticking=greedy.handler")
STANDSTILL_S = 0.3  # many ticks
FREEZES_WITHIN_S = 0.5  # well over the idle time after which it happens
IDLE_S = 0.1  # what nobody would take for idle is shorter than this


@pytest.fixture
def serve() -> Iterator[Serve]:
    with Serve(*OPTIONS, cwd=RUNTIMES) as server:
        yield server


def start_ticking(serve: Serve) -> Callable[[], dict[str, list[float]]]:
    """Have a thread and a child of the function note the time; gives a function that asks when they did."""
    serve.invoke(b'{"do": "tick"}', "ticking")

    def ticks() -> dict[str, list[float]]:
        with connected(serve.url) as client:
            found: dict[str, list[float]] = invoke(client, {"do": "ticks"}, "ticking").document
            return found

    return ticks


def within(ticks: list[float], begin: float, end: float) -> int:
    return sum(begin < tick < end for tick in ticks)


def test_threads_and_children_stand_still_between_two_invocations_and_then_go_on(serve: Serve) -> None:
    ticks = start_ticking(serve)
    for _ in range(3):
        until(lambda: are_frozen(serve.process.pid), "it stands still")
        begin = time.monotonic()
        time.sleep(STANDSTILL_S)  # what is looked at, not waited for
        assert are_frozen(serve.process.pid)
        end = time.monotonic()
        for of in ticks().values():
            assert within(of, begin, end) == 0
            assert within(of, end, time.monotonic()) >= 3


def test_with_no_freeze_they_go_on() -> None:
    with Serve(*OPTIONS, "--no-freeze", cwd=RUNTIMES) as serve:
        ticks = start_ticking(serve)
        begin = time.monotonic() + FREEZES_WITHIN_S
        while time.monotonic() < begin + STANDSTILL_S:
            assert not any(state(pid) == "T" for pid in processes_inside(serve.process.pid))
        end = time.monotonic()
        for of in ticks().values():
            assert within(of, begin, end) > 0


def test_what_is_invoked_again_and_again_never_stands_still(serve: Serve) -> None:
    for _ in range(5):
        longest, stood = _back_to_back(serve)
        assert longest >= IDLE_S or not stood
        if longest < IDLE_S:
            return  # else the machine was too busy to invoke it back to back: try again


def _back_to_back(serve: Serve) -> tuple[float, bool]:
    """Invoke it for a second; gives the longest pause, and whether anything stood still meanwhile."""
    serve.invoke(b"0", "ticking")
    over = threading.Event()
    stood: list[int] = []

    def look() -> None:
        while not over.is_set():
            stood.extend(pid for pid in processes_inside(serve.process.pid) if state(pid) == "T")

    watching = threading.Thread(target=look)
    watching.start()
    longest, began = 0.0, time.monotonic()
    last = began
    while last < began + 1:
        serve.invoke(b"1", "ticking")
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    over.set()
    watching.join()
    return longest, bool(stood)


def test_a_sandbox_that_was_killed_meanwhile_is_built_anew(serve: Serve) -> None:
    """At once: its supervisor has gone then, and bwrap has not."""
    for _ in range(8):
        assert serve.invoke(b"1", "ticking").body == b"1"
        until(lambda: are_frozen(serve.process.pid), "it stands still")
        _bwrap, supervisor, _runtime = tree(serve.process.pid)
        os.kill(supervisor, signal.SIGKILL)
        reply = serve.invoke(b"1", "ticking")
        assert reply.body == b"1" or b"signal: killed" in reply.body


# -- the end of what stands still


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_the_server(serve: Serve, number: int) -> None:
    began = freeze(serve)
    groups = control_groups(serve.process.pid)
    assert serve.stop(number) == 0
    assert not [pid for pid in began if exists(pid)]
    assert not [folder for folder in groups if folder.exists()]


def test_it_ends_when_it_has_been_idle_for_too_long() -> None:
    with Serve(*OPTIONS, "--idle-timeout", "1", cwd=RUNTIMES) as serve:
        began = freeze(serve)
        until(lambda: not any(exists(pid) for pid in began), "it ends")
        until(lambda: not control_groups(serve.process.pid), "its control groups are taken away")
        assert serve.invoke(b"1", "ticking").body == b"1"


def test_it_ends_with_a_server_that_is_killed_and_the_next_one_takes_its_groups_away(serve: Serve) -> None:
    began = freeze(serve)
    groups = control_groups(serve.process.pid)
    serve.process.kill()
    until(lambda: not any(exists(pid) for pid in began), "all that was inside ends")
    assert serve.ended() == -signal.SIGKILL
    with Serve(*OPTIONS, cwd=RUNTIMES):
        assert not [folder for folder in groups if folder.exists()]


def test_what_runs_ends_with_a_server_that_is_killed(serve: Serve) -> None:
    asking = threading.Thread(target=_ask_in_vain, args=(serve,))
    asking.start()
    serve.wait_for("hanging")
    began = tree(serve.process.pid)
    assert len(processes_inside(serve.process.pid)) == 3
    serve.process.kill()
    until(lambda: not any(exists(pid) for pid in began), "all that was inside ends")
    serve.ended()
    asking.join()


def _ask_in_vain(serve: Serve) -> None:
    try:
        serve.invoke(b'{"do": "hang", "text": ""}', "ticking")
    except OSError:
        return
    raise AssertionError("somebody answered")


def freeze(serve: Serve) -> list[int]:
    """Let it stand still; gives all processes of the server."""
    start_ticking(serve)
    until(lambda: are_frozen(serve.process.pid), "it stands still")
    began = tree(serve.process.pid)
    assert len(processes_inside(serve.process.pid)) == 2
    return began
