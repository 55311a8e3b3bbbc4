"""Processes and threads that multiply without end: other functions are served meanwhile, and then all of it ends."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.sandbox.processes.memory import tree
from tests.e2e.inside import exists, processes_inside, until
from tests.e2e.neighbour import Neighbour
from tests.e2e.ordinary import ordinary_user
from tests.e2e.running import BOOTJACK, RUNTIMES, Serve

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]

FUNCTIONS = ("greedy=greedy.handler", "other=app.handler")
MUCH_MEMORY = ("--sandbox", "bubblewrap", "-m", "10240")
WITHOUT_GROUPS = ("unshare", "--mount", "/bin/sh", "-c", 'umount -R -l /sys/fs/cgroup; exec "$@"', "sh", BOOTJACK)
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="the tests run as an ordinary user")
WAYS = ("ordinary user", pytest.param("root", marks=ROOT), pytest.param("root without control groups", marks=ROOT))


@pytest.fixture
def home() -> Iterator[Path]:
    """The functions, in a folder below folders that every user may pass."""
    folder = Path(tempfile.mkdtemp(prefix="bootjack-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        shutil.copytree(RUNTIMES, folder / "home", ignore=shutil.ignore_patterns("__pycache__"))
        yield folder / "home"
    finally:
        shutil.rmtree(folder)


def serve(way: str, home: Path, *options: str) -> Serve:
    run: dict[str, Any] = {}
    if way == "ordinary user":
        user = ordinary_user(home)
        run = {"command": user.command, "env": user.environment}
    elif way == "root without control groups":
        run = {"command": WITHOUT_GROUPS}
    return Serve(*MUCH_MEMORY, *options, *FUNCTIONS, cwd=home, shown=False, **run)


def set_off(server: Serve, bomb: str) -> threading.Thread:
    """Have the function multiply; the thread waits for its answer."""
    payload = json.dumps({"do": bomb}).encode()
    asking = threading.Thread(target=server.invoke, args=(payload, "greedy"))
    asking.start()
    return asking


@pytest.mark.parametrize("bomb", ["multiply", "threads"])
@pytest.mark.parametrize("way", WAYS)
def test_other_functions_are_served_while_processes_multiply(home: Path, way: str, bomb: str) -> None:
    """The bomb does not end before the others have been answered: the server ends it."""
    with serve(way, home, "-t", "600") as server, Neighbour(server) as neighbour:
        asking = set_off(server, bomb)
        server.wait_for("multiplying")
        if bomb == "multiply":
            until(lambda: len(processes_inside(server.process.pid)) > 500, "they are many")
        neighbour.answers(10)
        inside = tree(server.process.pid)
        assert asking.is_alive()
        neighbour.stop()
        assert server.stop() == 0
        asking.join()
        until(lambda: not any(exists(pid) for pid in inside), "all of them end")


@pytest.mark.parametrize("way", WAYS)
def test_processes_that_multiply_end_with_their_invocation(home: Path, way: str) -> None:
    with serve(way, home, "-t", "2") as server, Neighbour(server) as neighbour:
        reply = server.invoke(b'{"do": "multiply"}', "greedy")
        assert json.loads(reply.body)["errorType"] == "Sandbox.Timedout"
        neighbour.answers()
        assert json.loads(server.invoke(b'{"do": "look"}', "greedy").body)["processes"] == 2


@ROOT
def test_code_that_only_root_may_read_may_not_multiply_either(home: Path) -> None:
    """Its processes are root's outside, which the kernel does not count."""
    home.chmod(0o700)
    with serve("root without control groups", home, "-t", "600") as server, Neighbour(server) as neighbour:
        assert "the processes of functions whose code only root may read" in server.log()
        reply = server.invoke(b'{"do": "multiply"}', "greedy")
        assert json.loads(reply.body)["errorType"] == "Runtime.ExitError"
        server.wait_for(r"greedy \| RequestId: \S+ Error: processes exceeded: more than 1024 processes and threads\n")
        neighbour.answers()
        # The kernel needs a while for a thousand that were killed.
        until(lambda: json.loads(server.invoke(b'{"do": "look"}', "greedy").body)["processes"] == 2, "they are gone")
