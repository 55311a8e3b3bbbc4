"""A command that cannot end in good order ends at the second signal, and is killed by the third."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.processes.memory import tree
from tests.commands.functions import ask
from tests.commands.stubborn import state, stopped, unreaped, wait_until
from tests.e2e.running import PYTHON, RAW, SECONDS, Rie, Serve, end, start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.e2e.running import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * SECONDS), pytest.mark.both_sandboxes]


def runtime_of(server: Server) -> int:
    """The pid of a server's runtime, which is a plain process."""
    return int(json.loads(server.invoke(ask("place").encode()).body)["pid"])


def check_killed(server: Server, runtime: int, numbers: tuple[int, int]) -> None:
    """The first signal ends the runtime; the second ends the server, which waits to hear of that."""
    first, second = numbers
    server.process.send_signal(first)
    wait_until(lambda: state(runtime) in "ZX")
    assert server.stop(second) == 128 + second
    assert "Traceback" not in server.log()


@pytest.mark.bubblewrap
def test_a_second_signal_ends_serve_when_its_sandbox_does_not_answer(function: Path) -> None:
    with Serve("--sandbox", "bubblewrap", function) as server:
        assert server.invoke(b"1").body == b"1"
        with stopped(server.process.pid) as runtime:
            check_killed(server, runtime, (signal.SIGTERM, signal.SIGINT))
            assert tree(server.process.pid) == []


@pytest.mark.parametrize("numbers", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGHUP)])
def test_a_second_signal_ends_rie_when_its_runtime_is_not_reaped(numbers: tuple[int, int]) -> None:
    with Rie(*RAW) as server:
        runtime = runtime_of(server)
        with unreaped(runtime):
            check_killed(server, runtime, numbers)


def test_a_second_signal_ends_invoke(function: Path) -> None:
    process = start("invoke", "--sandbox", "process", function, "-t", "60", "-e", ask("hang"))
    assert process.stderr is not None
    while process.stderr.readline() != b"hanging\n":
        pass
    runtime = tree(process.pid)[0]  # the guardian comes after it
    with unreaped(runtime):
        process.send_signal(signal.SIGINT)
        wait_until(lambda: state(runtime) in "ZX")
        process.send_signal(signal.SIGINT)
        ended = end(process)
    assert (ended.code, ended.out) == (130, b"")
    assert "Traceback" not in ended.err


STUCK = """
import signal
from runtime_api.commands import signals
signals.HURRY_S = 600
signals.handle_signals()
try:
    print("ready", flush=True)
    signal.pause()
finally:
    print("unwinding", flush=True)
    while True:
        signal.pause()
"""


@pytest.fixture
def stuck() -> Iterator[subprocess.Popen[bytes]]:
    """A command whose clean-up never ends, by its own doing; it has not been signalled yet."""
    process = start("-c", STUCK, command=(PYTHON,))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.wait()


def catches(process: subprocess.Popen[bytes], number: int) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(mask & 1 << number - 1)


@pytest.mark.parametrize("third", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_third_signal_kills(stuck: subprocess.Popen[bytes], third: int) -> None:
    stuck.send_signal(signal.SIGTERM)
    assert stuck.stdout is not None
    assert stuck.stdout.readline() == b"unwinding\n"
    assert catches(stuck, third)
    stuck.send_signal(signal.SIGTERM)
    wait_until(lambda: not catches(stuck, third))
    stuck.send_signal(third)
    assert stuck.wait(SECONDS) == -third


LITTER = """
import signal, subprocess
from runtime_api.commands import signals, temporary
signals.handle_signals()
with temporary.temporary_folder() as folder:
    subprocess.Popen(["sh", "-c", "n=0; while : > $TMPDIR/$n; do n=$((n + 1)); done"])
    try:
        print("ready", flush=True)
        signal.pause()
    finally:
        print("unwinding", flush=True)
        while True:
            signal.pause()
"""


def test_a_second_signal_leaves_nothing_in_the_temporary_directory(tmp_path: Path) -> None:
    process = start("-c", LITTER, command=(PYTHON,), env={"TMPDIR": str(tmp_path)})
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    wait_until(lambda: any(tmp_path.glob("bootjack-*/tmp/*")))
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == b"unwinding\n"
    process.send_signal(signal.SIGINT)
    assert end(process).code == 130
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_was_ignored_stays_ignored(function: Path) -> None:
    """As `nohup` has it: a closed terminal is no reason to end, not once and not twice."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        server = Serve(function)
    finally:
        signal.signal(signal.SIGHUP, before)
    with server:
        for _ in range(3):
            os.kill(server.process.pid, signal.SIGHUP)
        assert server.invoke(b"1").body == b"1"
        assert server.stop() == 0
