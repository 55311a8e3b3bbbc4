"""Bubblewrap for an ordinary user, without root's privileges and without control groups."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.sandbox.processes.memory import tree
from tests.e2e.clients import connected, invoke
from tests.e2e.inside import are_frozen, exists, processes_inside, until
from tests.e2e.running import RUNTIMES, Serve, bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.ordinary import User

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]

OPTIONS = ("--sandbox", "bubblewrap", "-m", "512", "-t", "10", "--network", "none")
KILLED = "Runtime exited with error: signal: killed"


@pytest.fixture
def code(user: User) -> Path:
    """The functions, which no other user may read."""
    folder = user.home / "code"
    shutil.copytree(RUNTIMES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.number, user.number)
        path.chmod(0o700)
    return folder


@pytest.fixture
def serve(user: User, code: Path) -> Iterator[Serve]:
    functions = ("greedy=greedy.handler", "other=app.handler")
    with Serve(*OPTIONS, *functions, cwd=code, shown=False, command=user.command, env=user.environment) as server:
        yield server


def test_what_is_not_bounded_is_reported_once(serve: Serve) -> None:
    for name in ("greedy", "other", "greedy"):
        assert serve.invoke(b"1", name).body == b"1"
    assert serve.log().count("no control groups may be made here, which leaves unbounded: ") == 1


def test_only_the_share_of_processor_time_is_missing(serve: Serve, user: User) -> None:
    with connected(serve.url) as client:

        def ask(do: str, **how: Any) -> Any:
            return invoke(client, {"do": do, **how}, "greedy").document

        assert Path(f"/proc/{serve.process.pid}").stat().st_uid == user.number != 0
        found = ask("look")
        assert (found["directory"], found["user"], found["processes"]) == ("/var/task", 993, 2)
        assert found["api"] == "127.0.0.1:9001"
        (inside,) = processes_inside(serve.process.pid)
        assert Path(f"/proc/{inside}").stat().st_uid == user.number
        assert ask("append", path="/var/task/greedy.py") == "EROFS"
        assert ask("read", path=str(user.home / "code" / "greedy.py"))["errorType"] == "FileNotFoundError"
        assert ask("connect", to=[("127.0.0.1", serve.port)]) == ["ECONNREFUSED"]
        assert ask("memory")["errorMessage"].endswith(KILLED)
        assert ask("memory_of_children")["errorMessage"].endswith(KILLED)
        assert ask("memfd")["errorMessage"].endswith(KILLED)
        assert ask("memfd", hidden=True)["errorMessage"].endswith(KILLED)
        assert ask("shared_memory")["errorMessage"].endswith(KILLED)
        serve.wait_for("Error: memory exceeded: ", times=5)
        assert "No space left on device" in ask("disk")["errorMessage"]
        assert ask("clear") > 500 << 20
        assert "Too many open files after 1023" in ask("descriptors")["errorMessage"]
        assert invoke(client, {"a": 1}, "other").document == {"a": 1}
        until(lambda: are_frozen(serve.process.pid), "they are frozen")
        assert invoke(client, {"a": 1}, "greedy").document == {"a": 1}
        began = processes_inside(serve.process.pid)
    assert serve.stop() == 0
    assert not [pid for pid in began if exists(pid)]


def test_a_fork_bomb_fails_at_the_functions_own_limit(user: User, code: Path) -> None:
    options = ("--sandbox", "bubblewrap", "-m", "1024", "-t", "20", "greedy.handler", "-e", '{"do": "fork"}')
    ended = bootjack("invoke", *options, cwd=code, command=user.command, env=user.environment)
    assert (ended.code, b"Resource temporarily unavailable" in ended.out) == (1, True), ended


def test_a_share_of_processor_time_is_unavailable_which_is_reported_once(user: User, code: Path) -> None:
    options = (*OPTIONS, "--cpu-share", "a=app.handler", "b=app.handler")
    with Serve(*options, cwd=code, shown=False, command=user.command, env=user.environment) as serve:
        for name in ("a", "b"):
            assert serve.invoke(b"1", name).body == b"1"
        assert serve.log().count("no control groups of the processors may be made here") == 1


def test_what_runs_ends_with_a_killed_server(serve: Serve) -> None:
    assert serve.invoke(b"1", "greedy").body == b"1"
    assert processes_inside(serve.process.pid)
    began = tree(serve.process.pid)
    serve.process.kill()
    until(lambda: not any(exists(pid) for pid in began), "everything that it has started ends")
    serve.ended()
