"""The mark of plain processes, who is killed by it, and who is not."""

from __future__ import annotations

import os
import resource
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runtime_api.sandbox.plain import guardian as module
from runtime_api.sandbox.plain.guardian import Guardian
from runtime_api.sandbox.plain.left_behind import kill_marked
from runtime_api.sandbox.processes.memory import tree
from tests.sandbox.watch import gone, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

RTTIME = module.RLIMIT_RTTIME
MARK = (1 << 60) + 12_345
SLEEP = ("/bin/sleep", "600")


@contextmanager
def sleeping(*command: str, mark: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process, which bears this mark from its beginning."""

    def bear() -> None:
        if mark is not None:
            resource.setrlimit(RTTIME, (mark, mark))

    with subprocess.Popen(command or SLEEP, preexec_fn=bear) as process:
        yield process
        process.kill()


def test_only_bearers_of_the_mark_are_killed() -> None:
    with sleeping(mark=MARK) as marked, sleeping(mark=MARK + 1) as other, sleeping() as stranger:
        assert kill_marked(MARK) == 1
        assert marked.wait(30) == -9
        assert (other.poll(), stranger.poll()) == (None, None)
        assert kill_marked(MARK) == 0


def test_a_process_that_has_ended_and_is_not_reaped_does_not_count() -> None:
    with sleeping("/bin/true", mark=MARK) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert kill_marked(MARK) == 0


def test_a_soft_limit_that_a_process_sets_does_not_hide_it() -> None:
    script = (
        f"import resource, time; resource.setrlimit({RTTIME}, (1, {MARK})); print('up', flush=True); time.sleep(600)"
    )
    command = ("/usr/bin/env", "python3", "-IS", "-c", script)
    with subprocess.Popen(
        command, preexec_fn=lambda: resource.setrlimit(RTTIME, (MARK, MARK)), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        assert kill_marked(MARK) == 1
        assert process.wait(30) == -9


def test_the_guardian_starts_with_the_first_process_and_ends_when_it_is_dismissed() -> None:
    async def main() -> None:
        guardian, before = Guardian(), set(tree(os.getpid()))
        await guardian.close()  # there is nothing to dismiss yet
        with sleeping() as first, sleeping() as second:
            for process in (first, second):
                guardian.watch(process.pid)
            marks = {resource.prlimit(process.pid, RTTIME) for process in (first, second)}
            ((mark, hard),) = marks
            assert mark == hard > 1 << 59
            (shell,) = set(tree(os.getpid())) - before - {first.pid, second.pid}
            assert resource.prlimit(shell, RTTIME) != (mark, mark)  # or it would kill itself first
            await guardian.close()
            assert await gone(shell)

    run(main())


def test_servers_have_different_marks_also_below_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = [Guardian()._mark for _ in range(100)]
    assert len(set(marks)) == 100
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (marks[0], marks[0]))
    assert marks[0] // 2 <= Guardian()._mark < marks[0]
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (1000, 1000))  # somebody's own limit
    assert Guardian()._mark == 0
