"""Who may use the Runtime API of a function on a shared network: its own processes, of every shape, and no others."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.sandbox.choice import Kind
from tests.commands.functions import ask, write_bootstrap
from tests.e2e.ordinary import User, ordinary_user
from tests.e2e.running import BOOTJACK, RUNTIMES, Serve
from tests.sandboxes import SANDBOX

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

FORBIDDEN = "ForbiddenPeer"
REFUSED = "bootjack: a request to the Runtime API was refused"
PLAIN = SANDBOX is Kind.PROCESS


@pytest.fixture(scope="module", params=["root", "root with a private folder", "ordinary"])
def user(request: pytest.FixtureRequest) -> Iterator[User]:
    """Who runs bootjack, with a folder of their own.

    In bubblewrap root's functions are users of their own if they may read the code, and root otherwise.
    """
    folder = Path(tempfile.mkdtemp(prefix="bootjack-", dir="/tmp"))
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    try:
        if request.param == "ordinary":
            yield ordinary_user(home)
        else:
            home.chmod(0o755 if request.param == "root" else 0o700)
            yield User((BOOTJACK,), home, os.geteuid())
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def serve(user: User) -> Iterator[Serve]:
    """A server of functions on the network of this machine."""
    code = user.home / "code"
    shutil.copytree(RUNTIMES, code, ignore=shutil.ignore_patterns("__pycache__"))
    write_bootstrap(code / "victim")
    for path in (code, *code.rglob("*")):
        os.chown(path, user.number, user.number)
    code.chmod(user.home.stat().st_mode)
    functions = ("thief=thief.handler", "peers=peers.handler", "victim=victim")
    options = ("--network", "host", "-t", "60", "-m", "512", "--concurrency", "1")
    started: dict[str, Any] = {"cwd": code, "shown": False, "command": user.command, "env": user.environment}
    with Serve(*options, *functions, **started) as server:
        yield server


@pytest.fixture(scope="module")
def port(serve: Serve) -> int:
    """The port of the victim's Runtime API."""
    found = json.loads(serve.invoke(ask("variables", names=["AWS_LAMBDA_RUNTIME_API"]).encode(), "victim").body)
    return int(found["AWS_LAMBDA_RUNTIME_API"].rpartition(":")[2])


def have(serve: Serve, name: str, do: str, **how: Any) -> Any:
    """Have a function do something."""
    reply = serve.invoke(ask(do, **how).encode(), name)
    assert "x-amz-function-error" not in reply.headers, reply
    return json.loads(reply.body)


def test_a_function_gets_no_event_of_another_one(serve: Serve, port: int) -> None:
    assert have(serve, "thief", "find", port=port)
    have(serve, "thief", "steal", port=port)
    assert [serve.invoke(event, "victim").body for event in (b'"secret"', b"2")] == [b'"secret"', b"2"]
    ((status, body),) = have(serve, "thief", "loot", port=port)
    assert (status, json.loads(body)["errorType"]) == (403, FORBIDDEN)
    assert "secret" not in body
    serve.wait_for(rf"victim \| {REFUSED}\. .*--only-lambda-apis")


def test_a_function_answers_for_no_other_one_and_the_user_is_told_once(serve: Serve, port: int) -> None:
    for _ in range(3):
        assert have(serve, "thief", "spoil", port=port) == [FORBIDDEN, FORBIDDEN]
    assert serve.invoke(b"1", "victim").body == b"1"
    assert serve.log().count(f"victim | {REFUSED}") == 1


@pytest.mark.parametrize(
    "shape",
    [
        "itself",
        "child",
        "curl",
        "background",
        "session",
        "daemon",
        "parent",
        "thread",
        "headless",
        "crowd",
        "descriptors",
    ],
)
def test_a_function_s_own_processes_are_let_in(serve: Serve, shape: str) -> None:
    assert have(serve, "peers", shape) == "200"


def test_a_plain_process_that_has_left_all_that_names_its_function_is_not_let_in(serve: Serve) -> None:
    assert have(serve, "peers", "bare_daemon") == ("403" if PLAIN else "200")


def test_a_process_that_hides_its_descriptors_is_let_in_if_its_user_shows_whose_it_is(
    serve: Serve, user: User
) -> None:
    assert have(serve, "peers", "hidden") == ("403" if user.number else "200")


def test_a_program_that_has_become_another_user_is_let_in(serve: Serve, user: User) -> None:
    program = user.home / "code" / "setuid"
    shutil.copy(shutil.which("curl") or "", program)  # root's, if root makes it
    program.chmod(0o4755)  # of no effect in bubblewrap
    assert have(serve, "peers", "program", path="./setuid") == "200"
