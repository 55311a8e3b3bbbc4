"""The watch over what tests leave behind: it catches each kind, names it, and lets go what ends by itself."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.traces import Left, Snapshot, describe, look, watched

DAEMON = "setsid sh -c 'echo $$; exec sleep 60' & exit 0"
# The last test of the module is told of what the first has left, too: it is still there.
LEAKY = """
import os, pytest, subprocess, tests.traces
tests.traces.GRACE_S = 0.05
kept = []
def test_leaks():
    kept.append(os.pipe())
def test_does_not():
    pass
@pytest.fixture(scope="module")
def shared():
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()
@pytest.mark.parametrize("number", [1, 2])
def test_shares(shared, number):
    assert shared.poll() is None
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for what will not end."""
    monkeypatch.setattr("tests.traces.GRACE_S", 0.05)


@pytest.mark.usefixtures("quick")
def test_a_child_is_caught() -> None:
    with pytest.raises(Left, match=r"process \d+: sleep 60"), watched():
        process = subprocess.Popen(["sleep", "60"])
    process.kill()
    process.wait()


@pytest.mark.usefixtures("quick")
def test_a_child_that_nobody_waits_for_is_caught() -> None:
    with pytest.raises(Left, match=r"process \d+: ended, and not waited for"), watched():
        process = subprocess.Popen(["true"], stdout=subprocess.DEVNULL)
    process.wait()


@pytest.mark.usefixtures("quick")
def test_a_daemon_is_caught() -> None:
    with pytest.raises(Left, match=r"process \d+: sleep 60"), watched():
        started = _daemon()
    os.kill(started, signal.SIGKILL)
    assert os.waitpid(started, 0)[0] == started


def _daemon() -> int:
    """Leave a process in a session of its own, whose parents have ended; its id."""
    with subprocess.Popen(["sh", "-c", DAEMON], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        return int(parent.stdout.readline())


@pytest.mark.usefixtures("quick")
def test_a_descriptor_is_caught() -> None:
    with pytest.raises(Left, match=r"descriptor \d+: pipe:"), watched():
        ends = os.pipe()
    for end in ends:
        os.close(end)


@pytest.mark.usefixtures("quick")
def test_a_listener_is_caught_with_its_address() -> None:
    with pytest.raises(Left, match="listening socket on ") as caught, watched():
        listener = socket.create_server(("127.0.0.1", 0))
    assert str(listener.getsockname()) in str(caught.value)
    listener.close()


@pytest.mark.usefixtures("quick")
def test_a_temporary_folder_of_ours_is_caught_and_no_other() -> None:
    with watched():
        other = tempfile.mkdtemp(prefix="other-")
    with pytest.raises(Left, match=r"temporary file or directory .*bootjack-") as caught, watched():
        ours = tempfile.mkdtemp(prefix="bootjack-")
    assert ours in str(caught.value)
    for folder in (ours, other):
        shutil.rmtree(folder)


def test_a_mount_is_caught_by_its_place() -> None:
    line = "99 1 0:50 / /srv/left rw - tmpfs tmpfs rw"
    before = look()
    after = before._replace(mounts=before.mounts | {line})
    assert before.mounts
    assert describe(after.added_to(before)) == [f"  mount /srv/left: {line}"]


def test_what_ends_in_time_is_not_held_against_a_test() -> None:
    with watched():
        daemon = _daemon()
        os.kill(daemon, signal.SIGKILL)
    assert not Path(f"/proc/{daemon}").exists()


def test_a_failure_in_the_body_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), watched():
        _ = 1 / 0


def test_a_look_is_cheap() -> None:
    times = []
    for _ in range(20):
        before = time.perf_counter()
        with watched():
            pass
        times.append(time.perf_counter() - before)
    assert sorted(times)[10] < 0.003


def test_nothing_added_is_nothing_left() -> None:
    assert look().added_to(look()) == Snapshot(frozenset(), frozenset(), frozenset(), frozenset())


def test_the_fixture_stands_over_every_test_and_over_what_a_module_shares(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    (folder / "test_leaky.py").write_text(LEAKY)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert "4 passed, 2 errors" in done.stdout, done.stdout + done.stderr
    caught = [line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith("ERROR ")]
    assert caught == ["ERROR test_leaky.py::test_leaks", "ERROR test_leaky.py::test_shares[2]"]
