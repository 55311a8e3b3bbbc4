"""A process in a sandbox: what it finds at its start, how its end is reported, and what ends with it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.events import ExitStatus
from runtime_api.protocol.platform_events import FaultLine, log_bytes
from runtime_api.sandbox import Launch
from tests.sandbox.watch import INTERPRETER, VARIABLES, gone, program, run, run_shell, watching

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = (INTERPRETER, "-I", "-S", "-c")
DESCRIPTORS = """
import json, os, resource, sys
found = {}
for name in os.listdir('/proc/self/fd'):
    try:
        found[name] = os.readlink(f'/proc/self/fd/{name}')
    except FileNotFoundError:
        pass
print(json.dumps({
    'env': dict(os.environ), 'cwd': os.getcwd(), 'fds': found, 'stdin': sys.stdin.read(),
    'limit': resource.getrlimit(resource.RLIMIT_NOFILE), 'ids': [os.getpid(), os.getpgid(0), os.getsid(0)],
    'parent': os.getppid(),
}))
"""


@pytest.mark.parametrize("code", [0, 1, 2, 126, 127, 255])
def test_an_exit_code_is_reported(tmp_path: Path, code: int) -> None:
    assert run(run_shell(tmp_path, f"exit {code}")).end.status == ExitStatus(code)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGPIPE, signal.SIGUSR1])
def test_a_signal_is_reported(tmp_path: Path, number: signal.Signals) -> None:
    assert run(run_shell(tmp_path, f"kill -{number.value} $$")).end.status == ExitStatus(None, number)


@pytest.mark.only("process")  # in bubblewrap there is no place to write a core
@pytest.mark.parametrize("limit", ["0", "unlimited"])
def test_a_core_dump_is_reported_as_the_kernel_reports_it(tmp_path: Path, limit: str) -> None:
    script = f"ulimit -c {limit}; kill -SEGV $$"
    process = subprocess.Popen(["/bin/bash", "-c", script], cwd=tmp_path, stderr=subprocess.DEVNULL)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGSEGV

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start("/bin/bash", "-c", script)
            history = await watch.ended()
            assert history.end.status == ExitStatus(None, signal.SIGSEGV, os.WCOREDUMP(status))

    run(main())


def test_a_program_inherits_nothing_but_what_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: str
) -> None:
    monkeypatch.setenv("OF_THE_PARENT", "1")
    given = {"A": "1", "EMPTY": "", "WITH NEWLINE": "x\ny=z", "LATIN": "caf\udce9"}
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start(*PYTHON, DESCRIPTORS, variables=given)
            seen = json.loads((await watch.ended()).output)
        seen["env"].pop("LC_CTYPE", None)  # Python sets it
        assert seen["env"] == given
        assert seen["cwd"] == watch.inside(tmp_path)
        assert seen["stdin"] == ""
        assert seen["fds"].keys() - {"0", "1", "2"} <= {"3"}  # the descriptor that lists them
        assert seen["fds"]["0"] == "/dev/null"
        assert seen["fds"]["1"] != seen["fds"]["2"]
        assert seen["ids"] == [seen["ids"][0]] * 3
        assert seen["parent"] == (os.getpid() if sandbox == "process" else 1)

    try:
        run(main())
    finally:
        os.close(reader)
        os.close(writer)


RAISE = """
import resource, time
for _ in range(1000):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except ValueError:
        pass  # it has just been lowered
    if (soft, hard) == (1024, 1024):
        break
    time.sleep(0.01)
print(soft, hard)
"""


def test_a_program_cannot_raise_its_limit_of_descriptors(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            for _ in range(5):
                watch.start(INTERPRETER, "-I", "-S", "-c", RAISE)
                assert (await watch.ended()).output == b"1024 1024\n"
                watch.events.clear()

    run(main())


def test_the_limit_of_descriptors_holds_if_this_process_has_more_open_itself(tmp_path: Path) -> None:
    many = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start("/bin/cat", "/proc/self/limits")
            lines = (await watch.ended()).output.decode().splitlines()
            assert [line.split()[3:5] for line in lines if "open files" in line] == [["1024", "1024"]]

    try:
        run(main())
    finally:
        for descriptor in many:
            os.close(descriptor)


def test_the_limit_of_descriptors_holds_from_the_first_instruction(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            for _ in range(20):
                watch.start("/bin/cat", "/proc/self/limits")
                lines = (await watch.ended()).output.decode().splitlines()
                assert [line.split()[3] for line in lines if "open files" in line] == ["1024"]
                watch.events.clear()

    run(main())
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] != 1024, (
        "the test proves nothing if this process has the same limit"
    )


def test_signals_that_the_parent_ignores_have_their_default_action(tmp_path: Path) -> None:
    old = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        history = run(run_shell(tmp_path, "grep -E '^Sig(Blk|Ign)' /proc/self/status"))
    finally:
        signal.signal(signal.SIGUSR1, old)
    masks = {line.split()[0]: int(line.split()[1], 16) for line in history.output.decode().splitlines()}
    assert masks["SigBlk:"] == 0
    assert not masks["SigIgn:"] & (1 << signal.SIGPIPE - 1)


# -- the end of a process and of its group


@pytest.mark.only("process")  # inside, pids are others
def test_a_signal_reaches_the_whole_group(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("sleep 60 & (sleep 60 & echo $!; wait) & echo $!; wait")
            history = await watch.until(lambda history: history.output.count(b"\n") == 2)
            watch.sandbox.signal("p", signal.SIGKILL)
            assert (await watch.ended()).end.status == ExitStatus(None, signal.SIGKILL)
            assert [await gone(int(pid)) for pid in history.output.split()] == [True, True]

    run(main())


@pytest.mark.only("process")  # inside, pids are others
def test_the_group_ends_with_its_leader(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("sleep 60 & echo $!; exit 3")
            history = await watch.ended()
            assert history.end.status == ExitStatus(3)
            assert await gone(int(history.output))

    run(main())


@pytest.mark.only("process")  # inside, pids are others
def test_a_descendant_that_left_the_group_does_not_delay_the_end_for_ever(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("setsid sh -c 'echo $$; exec sleep 60' & while :; do sleep 60; done")
            history = await watch.until(lambda history: history.output.endswith(b"\n"))
            pid = int(history.output)
            watch.sandbox.signal("p", signal.SIGKILL)
            await watch.ended()
            try:
                os.kill(pid, 0)  # it still holds the pipes
            finally:
                os.kill(pid, signal.SIGKILL)
            assert await gone(pid)

    run(main())


def test_a_signal_to_a_process_that_has_ended_or_never_existed_does_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.sandbox.signal("nobody", signal.SIGKILL)
            watch.shell("exit 0")
            await watch.ended()
            watch.sandbox.signal("p", signal.SIGKILL)
            assert watch.history().end.status == ExitStatus(0)

    run(main())


def test_close_kills_what_still_runs(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            for name in ("a", "b"):
                watch.shell("trap '' TERM INT HUP; echo up; while :; do sleep 60; done", name=name)
                await watch.says(b"up", name)
        assert {watch.history(name).end.status for name in ("a", "b")} == {ExitStatus(None, signal.SIGKILL)}

    run(main())


def test_many_starts_leave_no_descriptor(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            before = None
            for round_ in range(60):
                watch.shell("echo x")
                assert (await watch.ended()).output == b"x\n"
                watch.start(str(tmp_path / "missing"), name="missing")
                await watch.ended("missing")
                watch.events.clear()
                if round_ == 0:
                    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
            assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

    run(main())


def test_processes_with_different_names_run_side_by_side(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            for name in "abc":
                watch.shell(f"echo {name}; exec sleep 60", name=name)
            for name in "abc":
                await watch.says(name.encode(), name)
            watch.sandbox.signal("b", signal.SIGTERM)
            assert (await watch.ended("b")).end.status == ExitStatus(None, signal.SIGTERM)
            assert [watch.history(name).output for name in "ac"] == [b"a\n", b"c\n"]
        assert {watch.history(name).end.status.signal for name in "ac"} == {signal.SIGKILL}

    run(main())


# -- starts that fail


def refused(directory: Path, *argv: str) -> tuple[str, str]:
    """Error type and reason of a refused start, with paths as they are outside."""

    async def main() -> tuple[str, str]:
        async with watching(directory) as watch:
            watch.start(*argv)
            refusal = (await watch.ended()).refusal
            return refusal.error_type, refusal.reason.replace(watch.inside(directory), str(directory))

    error_type, reason = run(main())
    return error_type, reason


def test_a_missing_program_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "bootstrap")
    assert refused(tmp_path, path) == ("Runtime.InvalidEntrypoint", f"fork/exec {path}: no such file or directory")


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("#!/bin/sh\n", 0o644, "permission denied"),
        ("#!/no/such/interpreter\n", 0o755, "no such file or directory"),
        ("#!/bin/sh\r\necho\r\n", 0o755, "no such file or directory"),
        ("echo no shebang\n", 0o755, "exec format error"),
        ("", 0o755, "exec format error"),
        ("\x7fELF, not really", 0o755, "exec format error"),
    ],
)
def test_a_program_that_cannot_be_executed_is_refused(tmp_path: Path, text: str, mode: int, reason: str) -> None:
    path = program(tmp_path / "bootstrap", text, mode)
    assert refused(tmp_path, path) == ("Runtime.InvalidEntrypoint", f"fork/exec {path}: {reason}")


def test_a_directory_is_not_a_program(tmp_path: Path) -> None:
    assert refused(tmp_path, str(tmp_path))[1] == f"fork/exec {tmp_path}: permission denied"


@pytest.mark.only("process")  # bubblewrap cannot be built without it
@pytest.mark.parametrize(("make", "reason"), [(False, "no such file or directory"), (True, "not a directory")])
def test_a_bad_working_directory_is_refused(tmp_path: Path, make: bool, reason: str) -> None:
    directory = tmp_path / "task"
    if make:
        directory.touch()
    assert refused(directory, "/bin/true") == ("Runtime.InvalidWorkingDir", f"chdir {directory}: {reason}")


def test_without_a_bootstrap_the_places_are_named(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.sandbox.start(Launch("p", (), tmp_path, VARIABLES, ("/var/task/bootstrap", "/opt/bootstrap")))
            refusal = watch.history().refusal
            assert refusal.error_type == "Runtime.InvalidEntrypoint"
            assert refusal.reason == "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"

    run(main())


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"A": "x\0y"}, "the environment variable A contains a NUL character: remove it"),
        ({"A\0B": "x"}, r"the environment variable name 'A\x00B' contains a NUL character: remove it"),
        ({"A=B": "x"}, "the environment variable name 'A=B' contains '=': rename it"),
        ({"A": "\ud800"}, "the environment variable A contains a lone surrogate, which is no text: remove it"),
    ],
)
def test_variables_that_no_process_can_have_are_refused(
    tmp_path: Path, variables: dict[str, str], reason: str
) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start("/bin/true", variables=variables)
            refusal = (await watch.ended()).refusal
            assert refusal.error_type == "Runtime.InvalidEntrypoint"
            assert refusal.reason == f"fork/exec /bin/true: {reason}"

    run(main())


@pytest.mark.parametrize(
    "argv", [("/bin/tr\0ue",), ("/bin/tr\ud800ue",), ("/bin/true", "a\0b"), ("/bin/true", "\ud800")]
)
def test_arguments_that_no_process_can_have_are_refused(tmp_path: Path, argv: tuple[str, ...]) -> None:
    error_type, reason = refused(tmp_path, *argv)
    assert error_type == "Runtime.InvalidEntrypoint"
    assert f"argument {len(argv) - 1} contains a" in reason
    assert reason.endswith(": remove it")
    assert log_bytes([FaultLine(None, error_type, reason)])


def test_a_path_that_is_no_text_is_logged_as_it_is(tmp_path: Path) -> None:
    error_type, reason = refused(tmp_path, f"{tmp_path}/caf\udce9")
    line = log_bytes([FaultLine(None, error_type, reason)])
    assert line.startswith(f"fork/exec {tmp_path}/".encode() + b"caf\xe9: no such file or directory\n")


def test_more_arguments_than_the_kernel_takes_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "/bin/true", "x" * 4_000_000)[1] == "fork/exec /bin/true: argument list too long"


@pytest.mark.parametrize("free", range(7))
def test_a_start_without_free_descriptors_is_refused_and_leaves_nothing(tmp_path: Path, free: int) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("echo warm", name="first")  # opens what is opened once for the process
            await watch.ended("first")
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            before = sorted(map(int, os.listdir("/proc/self/fd")))[:-1]  # noqa: PTH208
            holes = len(set(range(before[-1])) - set(before))
            fillers = [os.open("/dev/null", os.O_RDONLY) for _ in range(holes)]
            resource.setrlimit(resource.RLIMIT_NOFILE, (before[-1] + 1 + free, limits[1]))
            try:
                watch.shell("echo started")
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                for filler in fillers:
                    os.close(filler)
            history = await watch.ended()
            if history.output:
                assert history.end.status == ExitStatus(0)
            else:
                assert history.refusal.reason == "fork/exec /bin/sh: too many open files"
            assert sorted(map(int, os.listdir("/proc/self/fd")))[:-1] == before  # noqa: PTH208

    run(main())
