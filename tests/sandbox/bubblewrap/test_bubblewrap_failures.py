"""Bubblewrap in trouble: odd interpreters, sandboxes that cannot be built, a supervisor that does not answer."""

from __future__ import annotations

import errno
import os
import pwd
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.protocol.events import ExitStatus
from runtime_api.sandbox.bubblewrap import bwrap, enclosure, sandbox
from runtime_api.sandbox.bubblewrap.enclosure import Enclosure, Plan
from runtime_api.sandbox.bubblewrap.users import outside_user
from runtime_api.sandbox.entrypoint import Program
from runtime_api.sandbox.network import Network
from runtime_api.sandbox.processes.memory import tree
from runtime_api.sandbox.view.interpreters import own_installation
from runtime_api.sandbox.view.visible import mount_arguments, view_of
from tests.sandbox.watch import INTERPRETER, program, run, watching

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MB = 1 << 20


pytestmark = pytest.mark.only("bubblewrap")


# -- interpreters that are no ordinary files


def test_a_first_line_ends_at_a_nul_as_it_does_for_the_kernel(tmp_path: Path) -> None:
    path = program(tmp_path / "bootstrap", "#!/bin/echo\0garbage\n")

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start(path)
            assert (await watch.ended()).output == b"/var/task/bootstrap\n"

    run(main())


def test_a_first_line_with_a_nul_that_names_no_interpreter_is_refused(tmp_path: Path) -> None:
    path = program(tmp_path / "bootstrap", "#!/no/such\0\necho hello\n")

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start(path)
            reason = (await watch.ended()).refusal.reason
            assert reason == "fork/exec /var/task/bootstrap: no such file or directory"

    run(main())


def test_a_named_pipe_as_interpreter_is_refused_and_blocks_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o755)
    path = program(tmp_path / "bootstrap", "#!/var/task/pipe\n")

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start(path)
            assert (await watch.ended()).refusal.reason == "fork/exec /var/task/bootstrap: permission denied"

    run(main())


# -- a sandbox that cannot be built


@pytest.fixture
def fake_bwrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a shell script in the place of bwrap."""

    def install(script: str) -> None:
        path = program(tmp_path / "bwrap", f"#!/bin/sh\n{script}\n")
        monkeypatch.setattr(bwrap, "find_bwrap", lambda: path)

    return install


def refused_to_open(directory: Path) -> OSError:
    """The error of a sandbox that does not open."""

    async def main() -> OSError:
        with pytest.raises(OSError, match=r"\w") as caught:
            async with watching(directory):
                pass
        return caught.value

    error: OSError = run(main())
    return error


def test_a_bwrap_that_fails_at_once_is_quoted(
    tmp_path: Path, fake_bwrap: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it has ended before the supervisor's code could be sent."""

    class SlowToReturn(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    fake_bwrap("echo because >&2; exit 1")
    monkeypatch.setattr(subprocess, "Popen", SlowToReturn)
    assert refused_to_open(tmp_path).strerror == "the sandbox could not be built: because"


def test_a_bwrap_that_hangs_is_killed_and_reported(
    tmp_path: Path, fake_bwrap: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "OPEN_S", 0.05)
    fake_bwrap("sleep 60")
    assert refused_to_open(tmp_path).strerror == "the sandbox could not be built within 0.05 s"


@pytest.mark.parametrize("odd", ["\0", "\ud800"])
def test_a_path_that_no_system_call_takes_is_refused(tmp_path: Path, odd: str) -> None:
    error = refused_to_open(tmp_path / f"a{odd}b")
    assert error.errno == errno.EINVAL
    assert str(error).endswith("because of a NUL character or a lone surrogate in it: rename it")
    str(error).encode()  # it can be logged


def test_a_user_without_a_home_opens_a_sandbox_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    program(tmp_path / "bootstrap", f"#!{INTERPRETER}\nprint('hello')\n")

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start(str(tmp_path / "bootstrap"))
            assert (await watch.ended()).output == b"hello\n"

    run(main())


def test_a_listener_that_was_not_claimed_is_closed(tmp_path: Path) -> None:
    """As when the opening is cancelled in the moment that it succeeds."""

    async def main() -> None:
        executable, own = own_installation()
        view = view_of(Program(tmp_path), own)
        plan = Plan(mount_arguments(view, MB), executable, outside_user([]), Network.NONE, (4566,))
        enclosure = Enclosure(plan, lambda _report: None, lambda: None, lambda _lie: None)
        await enclosure.up
        await enclosure.close()
        assert enclosure.claim_listener() is None

    run(main())


# -- a supervisor in trouble


def test_a_supervisor_that_does_not_answer_is_killed_with_everything_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "CLOSE_S", 0.05)
    monkeypatch.setattr(enclosure, "CLOSE_S", 0.05)

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("echo up; exec sleep 60")
            await watch.says(b"up")
            _bwrap, supervisor, _shell = tree(os.getpid())
            os.kill(supervisor, signal.SIGSTOP)
        assert watch.history().end.status == ExitStatus(None, signal.SIGKILL)

    run(main())
