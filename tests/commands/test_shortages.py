"""What every verb does where the machine gives it too little: closed descriptors, full disks, tight limits.

A command ends with exit code 2 and one line that says what is missing; it never claims success, and never ends in a
traceback.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from runtime_api.commands.preflight import shortage
from tests.commands.functions import write_bootstrap, zipped
from tests.e2e.running import Ended, bootjack, by_shell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.ordinary import User


FREE = ("--runtime-interface-emulator-address", "127.0.0.1:0", "--runtime-api-address", "127.0.0.1:0")
RUNNING = {
    "invoke": ("invoke", "--sandbox", "process", "function"),
    "invoke an archive": ("invoke", "--sandbox", "process", "function.zip"),
    "serve": ("serve", "--sandbox", "process", "--port", "0", "function"),
    "rie": ("rie", *FREE, "function/bootstrap"),
    "conform": ("conform", "--only", "runtime/basics/asks-for-an-event", "function"),
}
PRINTING = {
    "version": ("--version",),
    "help": ("--help",),
    "help of a verb": ("invoke", "--help"),
    "conform --list": ("conform", "--list"),
    "layer build": ("layer", "build", "function", "-o", "layer.zip"),
    "layer check": ("layer", "check", "function.zip"),
    "layer merge": ("layer", "merge", "function.zip", "--explain"),
}
EVERY = RUNNING | PRINTING
ARGUMENTS = pytest.mark.parametrize("arguments", EVERY.values(), ids=EVERY)
NO_LINE = "Traceback", "Exception ignored", "Warning"


@pytest.fixture
def project(user: User) -> Path:
    """The user's folder, with a function as files and as an archive."""
    write_bootstrap(user.home / "function")
    return zipped(user.home / "function.zip").parent


def check_refused(ended: Ended, said: str) -> None:
    assert ended.code == 2
    assert said in ended.err.splitlines()[-1]
    assert not any(word in ended.err for word in NO_LINE), ended.err


@pytest.mark.slow
@ARGUMENTS
def test_a_closed_stdout_is_named_before_anything_is_done(project: Path, arguments: tuple[str, ...]) -> None:
    before = sorted(project.rglob("*"))
    ended = by_shell('exec "$@" >&-', *arguments, cwd=project)
    assert (ended.code, ended.err) == (
        2,
        "bootjack: stdout is closed; open it, with > /dev/null if nobody reads it\n",
    )
    assert sorted(project.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.parametrize("verb", [verb for verb in EVERY if verb != "rie"])  # which writes nothing to stdout
def test_a_full_disk_behind_stdout_is_named(project: Path, verb: str) -> None:
    full = by_shell('exec "$@" > /dev/full', *EVERY[verb], cwd=project)
    check_refused(full, "No space left on device")
    assert "stdout" in full.err or "the response could not be written" in full.err
    assert by_shell('exec "$@" > /dev/full 2> /dev/full', *EVERY[verb], cwd=project).code == 2


@pytest.mark.slow
@ARGUMENTS
def test_with_everything_closed_the_exit_code_still_tells(project: Path, arguments: tuple[str, ...]) -> None:
    assert by_shell('exec "$@" <&- >&- 2>&-', *arguments, cwd=project).code == 2


@pytest.mark.slow
@pytest.mark.both_sandboxes
def test_a_closed_stderr_costs_no_result_and_puts_nothing_into_stdout(project: Path) -> None:
    for verb in ("invoke", "layer build", "layer check", "version"):
        expected = by_shell('exec "$@"', *EVERY[verb], cwd=project)
        for closed in ("2>&-", "2> /dev/null <&-"):
            assert by_shell(f'exec "$@" {closed}', *EVERY[verb], cwd=project)[:2] == expected[:2] == (0, expected.out)
    refused = by_shell('exec "$@" 2>&-', "conform", "--only", "no/such/case", "function", cwd=project)
    assert (refused.code, refused.out) == (2, b"")


def limited(limit: str, user: User, *arguments: str) -> Ended:
    """Run `bootjack` as an ordinary user under a limit of the shell."""
    *becoming, program = user.command
    command = (*becoming, "/bin/bash", "-c", f'ulimit {limit}; exec "$@"', "sh", program)
    return bootjack(*arguments, command=command, env=user.environment, cwd=user.home)


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["-u 3", "-u 6", "-v 60000"])
@pytest.mark.parametrize("arguments", RUNNING.values(), ids=RUNNING)
@pytest.mark.both_sandboxes
def test_too_few_processes_or_too_little_memory_is_named(
    user: User, project: Path, arguments: tuple[str, ...], limit: str
) -> None:
    ended = limited(limit, user, *arguments)
    # Some builds of Python have no memory left for their libraries by then.
    check_refused(ended, "memory" if limit.startswith("-v") else "too few processes and threads can be started")
    assert list(project.glob("bootjack-*")) == []


@pytest.mark.slow
def test_a_layer_that_needs_threads_to_build_names_the_limit(user: User, project: Path) -> None:
    check_refused(
        limited("-u 1", user, *PRINTING["layer build"]),
        "bootjack: no further thread can be started; raise ulimit -u or ulimit -v",
    )
    assert not (project / "layer.zip").exists()


@pytest.mark.slow
@pytest.mark.parametrize("limit", [10, 20, 40])
@pytest.mark.parametrize("verb", [*RUNNING, "layer build", "layer check", "layer merge"])
@pytest.mark.both_sandboxes
def test_too_few_open_files_are_named(user: User, project: Path, verb: str, limit: int) -> None:
    ended = limited(f"-n {limit}", user, *EVERY[verb])
    assert (ended.code, ended.out) == (2, b"")
    assert ended.err == (
        f"bootjack: too few files may be open at a time: {limit}; allow 64 or more, with ulimit -n 64\n"
    )


@pytest.mark.slow
@pytest.mark.both_sandboxes
def test_as_many_open_files_as_asked_for_are_enough(user: User, project: Path) -> None:
    assert limited("-n 64", user, *RUNNING["invoke"]).out == b"{}"
    assert limited("-n 64", user, "invoke", "function").out == b"{}"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("can't start new thread"), "no further thread can be started; raise ulimit -u or ulimit -v"),
        (RuntimeError("a defect"), None),
        (MemoryError(), "out of memory; raise ulimit -v, or close other programs"),
        (ImportError("x.so: failed to map segment from shared object"), "out of memory; raise ulimit -v, or close o"),
        (ImportError("No module named 'x'"), None),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
        (OSError(errno.EMFILE, "Too many open files", "/x/y"), "/x/y: Too many open files"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in []"), "set TMPDIR to another one"),
        (OSError("a defect"), None),
    ],
)
def test_what_has_run_out_is_told_from_defects(error: Exception, said: str | None) -> None:
    found = shortage(error)
    assert found is said is None or (said is not None and said in str(found))
