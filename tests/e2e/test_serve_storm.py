"""200 callers of eight execution environments whose runtimes are killed at random: each gets one answer per call."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.processes.memory import tree
from tests.commands.functions import write_bootstrap
from tests.e2e.running import SECONDS, Serve

if TYPE_CHECKING:
    import http.client
    from collections.abc import Iterator

pytestmark = pytest.mark.both_sandboxes

CALLERS = 200
CALLS = 15  # of each caller
SEED = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serve]:
    with Serve(write_bootstrap(tmp_path / "code"), "--concurrency", "8", "-t", "10") as server:
        yield server


def runtimes(server: Serve) -> list[int]:
    """Return the processes that run the bootstrap, inside sandboxes or not."""
    return [pid for pid in tree(server.process.pid) if b"/bootstrap" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def kill_until(quiet: threading.Event, server: Serve, dice: random.Random, killed: list[int]) -> None:
    """Kill one runtime after another at random moments."""
    while not quiet.wait(dice.uniform(0, 0.03)):
        found = runtimes(server)
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(dice.choice(found), signal.SIGKILL)
                killed.append(1)


def call(server: Serve, number: int, answers: list[tuple[int, str]]) -> None:
    """Invoke repeatedly on one connection, each time with an event that differs from every other caller's."""
    with server.connection() as connection:
        for again in range(CALLS):
            event = json.dumps({"caller": number, "again": again}).encode()
            connection.request("POST", server.path(), event)
            answers.append(judged(connection.getresponse(), event))


def judged(response: http.client.HTTPResponse, event: bytes) -> tuple[int, str]:
    """Return the status and what came with it: its own event, a killed runtime's error, or throttling."""
    body = response.read()
    if response.status == 200 and response.getheader("X-Amz-Function-Error") is None:
        return 200, "its own" if body == event else f"another's: {body!r}"
    document = json.loads(body)
    return response.status, document.get("errorType") or document["Reason"]


@pytest.mark.slow
def test_every_caller_gets_exactly_one_answer(server: Serve) -> None:
    dice = random.Random(SEED)
    answers: list[tuple[int, str]] = []
    killed: list[int] = []
    quiet = threading.Event()
    killer = threading.Thread(target=kill_until, args=(quiet, server, dice, killed))
    callers = [threading.Thread(target=call, args=(server, number, answers)) for number in range(CALLERS)]
    for thread in (killer, *callers):
        thread.start()
    for caller in callers:
        caller.join(3 * SECONDS)
    quiet.set()
    killer.join(SECONDS)
    assert not any(caller.is_alive() for caller in callers), "a caller hangs"
    seen = Counter(answers)
    assert len(answers) == CALLERS * CALLS, seen
    assert set(seen) == {
        (200, "its own"),
        (200, "Runtime.ExitError"),
        (429, "ReservedFunctionConcurrentInvocationLimitExceeded"),
    }
    assert len(killed) > 10
    assert len(runtimes(server)) <= 8
    assert server.invoke(b'"after the storm"').body == b'"after the storm"'
    assert server.stop() == 0
