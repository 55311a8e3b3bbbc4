"""The watch over tests: it finds and names every kind of thing left behind, and tolerates what ends by itself."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.traces import Left, Snapshot, describe, look, watched

ROOT = Path(__file__).parents[1]
DAEMON = "setsid sh -c 'echo $$; exec sleep 60' & exit 0"
# The last test of the module also fails for what the first one left, because that is still there.
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
    """Don't wait long for what will not end."""
    monkeypatch.setattr("tests.traces.GRACE_S", 0.05)


@pytest.mark.usefixtures("quick")
def test_a_child_is_found() -> None:
    with pytest.raises(Left, match=r"process \d+: sleep 60"), watched():
        process = subprocess.Popen(["sleep", "60"])
    process.kill()
    process.wait()


@pytest.mark.usefixtures("quick")
def test_a_child_that_was_not_waited_for_is_found() -> None:
    with pytest.raises(Left, match=r"process \d+: ended, but not waited for"), watched():
        process = subprocess.Popen(["true"], stdout=subprocess.DEVNULL)
    process.wait()


@pytest.mark.usefixtures("quick")
def test_a_daemon_is_found() -> None:
    with pytest.raises(Left, match=r"process \d+: sleep 60"), watched():
        started = _daemon()
    os.kill(started, signal.SIGKILL)
    assert os.waitpid(started, 0)[0] == started


def _daemon() -> int:
    """Leave a process in a session of its own whose parents have ended; return its id."""
    with subprocess.Popen(["sh", "-c", DAEMON], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        return int(parent.stdout.readline())


@pytest.mark.usefixtures("quick")
def test_a_descriptor_is_found() -> None:
    with pytest.raises(Left, match=r"descriptor \d+: pipe:"), watched():
        ends = os.pipe()
    for end in ends:
        os.close(end)


@pytest.mark.usefixtures("quick")
def test_a_listener_is_found_with_its_address() -> None:
    with pytest.raises(Left, match="listening socket on ") as caught, watched():
        listener = socket.create_server(("127.0.0.1", 0))
    assert str(listener.getsockname()) in str(caught.value)
    listener.close()


@pytest.mark.usefixtures("quick")
def test_only_temporary_folders_of_this_project_are_found() -> None:
    with watched():
        other = tempfile.mkdtemp(prefix="other-")
    with pytest.raises(Left, match=r"temporary file or directory .*bootjack-") as caught, watched():
        ours = tempfile.mkdtemp(prefix="bootjack-")
    assert ours in str(caught.value)
    for folder in (ours, other):
        shutil.rmtree(folder)


def test_a_mount_is_found_with_its_mount_point() -> None:
    line = "99 1 0:50 / /srv/left rw - tmpfs tmpfs rw"
    before = look()
    after = before._replace(mounts=before.mounts | {line})
    assert before.mounts
    assert describe(after.added_to(before)) == [f"  mount /srv/left: {line}"]


MOUNTING = """
import os, subprocess, sys
from tests import traces
folder = sys.argv[1]
traces.separate_mounts()
before = traces.look()
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
[line] = traces.look().added_to(before).mounts
print(line.split()[4])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_with_separate_mounts_each_process_sees_only_its_own(tmp_path: Path) -> None:
    before = look()
    command = [sys.executable, "-c", MOUNTING, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    if "permission denied" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip("this root may not mount")
    assert (done.stdout, done.stderr) == (f"{tmp_path}\n", "")
    assert look().mounts == before.mounts


def test_what_ends_in_time_is_tolerated() -> None:
    with watched():
        daemon = _daemon()
        os.kill(daemon, signal.SIGKILL)
    assert not Path(f"/proc/{daemon}").exists()


def test_a_failure_in_the_body_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), watched():
        _ = 1 / 0


def test_the_watch_does_not_wait_if_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tests.traces.time.sleep", waits.append)
    with watched():
        pass
    assert waits == []


def test_nothing_is_left_if_nothing_was_added() -> None:
    assert look().added_to(look()) == Snapshot(frozenset(), frozenset(), frozenset(), frozenset())


def test_the_fixtures_watch_every_test_and_what_a_module_shares(tmp_path: Path) -> None:
    done = _run_suite(tmp_path, "-p", "no:cacheprovider", test_leaky=LEAKY)
    assert "4 passed, 2 errors" in done.stdout, done.stdout + done.stderr
    found = [line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith("ERROR ")]
    assert found == ["ERROR test_leaky.py::test_leaks", "ERROR test_leaky.py::test_shares[2]"]


def _run_suite(folder: Path, *options: str, **modules: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on these modules with the fixtures of this project."""
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(folder), *options, str(folder)]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


# Two workers: while the second one's test runs, the first one's leaves a folder behind.
LEAKING = """
import tempfile, tests.traces
from meeting import meet, wait_for
tests.traces.GRACE_S = 0.05
def test_leaks():
    wait_for("the other test")
    tempfile.mkdtemp(prefix="bootjack-")
    meet("the leak")
"""
BESIDE = """
from meeting import meet, wait_for
def test_does_not():
    meet("the other test")
    wait_for("the leak")
"""
MEETING = """
import pathlib, time
def meet(name):
    pathlib.Path(__file__).with_name(name).touch()
def wait_for(name):
    deadline = time.monotonic() + 100
    while not pathlib.Path(__file__).with_name(name).exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
"""


@pytest.mark.slow
def test_no_worker_is_blamed_for_what_another_leaves(tmp_path: Path) -> None:
    done = _run_suite(tmp_path, "-n", "2", "--dist", "loadfile", test_a=LEAKING, test_b=BESIDE, meeting=MEETING)
    assert "2 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "ERROR test_a.py::test_leaks" in done.stdout
