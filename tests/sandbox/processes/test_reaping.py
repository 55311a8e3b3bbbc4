"""The end of a child: it is always reported, and no other process is ever signalled."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.events import ExitStatus
from runtime_api.sandbox.processes import reaping
from runtime_api.sandbox.processes.pidfds import pidfd_of_child
from tests.sandbox.watch import gone, run, until, watching

if TYPE_CHECKING:
    from collections.abc import Iterator


def pid_of(output: bytes) -> int:
    return int(output.splitlines()[0])


def test_a_child_that_other_code_has_reaped_is_reported_as_ended(tmp_path: Path) -> None:
    """A waitpid(-1) elsewhere in the program, say; its exit status is lost then."""

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("echo $$; exec sleep 60")
            pid = pid_of((await watch.until(lambda history: history.output.endswith(b"\n"))).output)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)  # noqa: ASYNC222 - before the loop has its next turn
            assert (await watch.ended()).end.status == ExitStatus(255)

    run(main())


def test_where_the_kernel_has_no_pidfds_a_thread_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaping, "open_pidfd", lambda _pid: -1)

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("sleep 60 & echo $!; exit 3")
            history = await watch.ended()
            assert history.end.status == ExitStatus(3)
            assert await gone(pid_of(history.output))

    run(main())


def test_a_start_that_nothing_could_wait_for_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(reaping, "open_pidfd", lambda _pid: -1)
    monkeypatch.setattr(threading.Thread, "start", refuse)

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("sleep 60")
            reason = (await watch.ended()).refusal.reason
            assert reason == "fork/exec /bin/sh: resource temporarily unavailable"

    run(main())


def test_a_process_that_has_been_reaped_is_not_signalled_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lingers, because a descendant holds its pipes; its pid may be another process's by now."""
    signalled: list[int] = []
    killpg = os.killpg

    def record(group: int, number: int) -> None:
        signalled.append(group)
        killpg(group, number)

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("setsid sh -c 'echo $$; exec sleep 60' & echo $$; sleep 60")
            history = await watch.until(lambda history: history.output.count(b"\n") == 2)
            pids = set(map(int, history.output.split()))
            watch.sandbox.signal("p", signal.SIGKILL)
            await until(lambda: any(not Path(f"/proc/{pid}").exists() for pid in pids))
            monkeypatch.setattr(os, "killpg", record)
            watch.sandbox.signal("p", signal.SIGKILL)
            assert not signalled
            monkeypatch.setattr(os, "killpg", killpg)
            (descendant,) = (pid for pid in pids if Path(f"/proc/{pid}").exists())  # noqa: ASYNC240
            os.kill(descendant, signal.SIGKILL)
            await watch.ended()

    run(main())


@pytest.fixture
def child() -> Iterator[int]:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def test_a_descriptor_of_a_child_is_opened_for_a_child_only(child: int) -> None:
    descriptor = pidfd_of_child(child, os.getpid())
    assert descriptor >= 0
    os.close(descriptor)
    assert pidfd_of_child(child, os.getppid()) == -1
    assert pidfd_of_child(1 << 22, os.getpid()) == -1  # no pid is this high
