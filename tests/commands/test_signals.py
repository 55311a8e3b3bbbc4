"""Ctrl-C, SIGTERM and a closed terminal: callers get an answer, and no process is left."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from http.client import HTTPException
from typing import IO, TYPE_CHECKING

import pytest

from tests.commands.functions import ask, zipped
from tests.e2e.running import PYTHON, RAW, Ended, Reply, Rie, end, start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

HANGING = ask("hang", child=True)
SECONDS = 10


def interrupted(process: subprocess.Popen[bytes], number: int, *, group: bool) -> Ended:
    """Send a signal once the function hangs, and wait for the command to end."""
    _read_until(process, b"hanging\n")
    if group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    return end(process, seconds=SECONDS)


def _read_until(process: subprocess.Popen[bytes], wanted: bytes) -> None:
    assert process.stderr is not None
    seen, deadline = b"", time.monotonic() + SECONDS
    while wanted not in seen:
        ready = select.select([process.stderr], [], [], max(deadline - time.monotonic(), 0))[0]
        assert ready, f"no {wanted!r} in {seen!r}"
        chunk = os.read(process.stderr.fileno(), 65_536)
        assert chunk, f"ended without {wanted!r}: {seen!r}"
        seen += chunk


@pytest.mark.parametrize("group", [True, pytest.param(False)])
def test_ctrl_c_ends_invoke(function: Path, group: bool) -> None:
    ended = interrupted(start("invoke", function, "-t", "60", "-e", HANGING), signal.SIGINT, group=group)
    assert (ended.code, ended.out) == (130, b"")
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_invoke_ends_its_function(function: Path, number: int) -> None:
    """The fixture `ends_what_is_left` looks for processes."""
    ended = interrupted(start("invoke", function, "-t", "60", "-e", HANGING), number, group=True)
    assert ended.code in (128 + number, -number)
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_unpacked_archive_is_removed_on_a_signal(tmp_path: Path, number: int) -> None:
    archive = zipped(tmp_path / "function.zip")
    process = start("invoke", archive, "-t", "60", "-e", HANGING, env={"TMPDIR": str(tmp_path)})
    interrupted(process, number, group=True)
    assert [path.name for path in tmp_path.iterdir()] == ["function.zip"]


def test_ctrl_c_while_the_event_is_read_from_stdin(function: Path) -> None:
    process = start("invoke", function, "-e", "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"{")
    process.stdin.flush()
    _wait_until(lambda: _unread(process.stdin) == 0)
    process.send_signal(signal.SIGINT)
    ended = end(process, seconds=SECONDS)
    assert ended.code == 130
    assert "Traceback" not in ended.err


def _unread(pipe: IO[bytes] | None) -> int:
    """The number of bytes in a pipe that have not been read."""
    assert pipe is not None
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()


def test_sigterm_ends_an_idle_rie() -> None:
    with Rie(*RAW) as rie:
        assert rie.stop() == 0
        assert "Traceback" not in rie.log()


def test_ctrl_c_ends_an_idle_rie() -> None:
    with Rie(*RAW) as rie:
        assert rie.invoke(b"[1]").body == b"[1]"
        assert rie.stop(signal.SIGINT) in (0, 130)
        assert "Traceback" not in rie.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_during_an_invocation_ends_rie(number: int) -> None:
    """The caller, and another one in the queue, get an answer or a closed connection."""
    with Rie(*RAW) as rie:
        callers = [_Caller(rie, HANGING), _Caller(rie, "{}")]
        rie.wait_for("hanging\n")
        assert rie.stop(number) in (0, 128 + number)
        for caller in callers:
            caller.join(SECONDS)
            assert not caller.is_alive()
            assert caller.reply is None or caller.reply.status in (200, 500, 503)
        assert "Traceback" not in rie.log()


def test_a_waiting_caller_is_answered_when_the_server_ends() -> None:
    """An SDK takes a connection that closes without an answer for a network error, and retries."""
    with Rie(*RAW) as rie:
        caller = _Caller(rie, HANGING)
        rie.wait_for("hanging\n")
        rie.stop()
        caller.join(SECONDS)
        assert caller.reply is not None


@pytest.mark.parametrize("session", [False, True])
def test_processes_left_by_a_function_end_with_rie(session: bool) -> None:
    with Rie(*RAW) as rie:
        assert rie.invoke(ask("leave", session=session).encode()).body == b"left"
        assert rie.stop() == 0


CLOSING_FAILS = """
from runtime_api.cli import main
from runtime_api.local import LocalLambda

close = LocalLambda.__aexit__

async def fail(self, *error):
    await close(self, *error)
    raise TimeoutError

LocalLambda.__aexit__ = fail
main()
"""


def test_a_failure_to_close_is_reported_and_costs_no_response(function: Path) -> None:
    ended = end(start("-c", CLOSING_FAILS, "invoke", function, "-e", "[1]", command=(PYTHON,)))
    assert (ended.code, ended.out) == (0, b"[1]")
    assert ended.err.splitlines()[-1] == "bootjack: not everything could be closed, the rest is killed (TimeoutError)"


class _Caller(threading.Thread):
    """Invokes in the background; `reply` stays None when the connection closes without one."""

    def __init__(self, rie: Rie, event: str) -> None:
        super().__init__(daemon=True)
        self._rie, self._event = rie, event
        self.reply: Reply | None = None
        self.start()

    def run(self) -> None:
        try:
            self.reply = self._rie.invoke(self._event.encode())
        except (OSError, HTTPException):
            self.reply = None
