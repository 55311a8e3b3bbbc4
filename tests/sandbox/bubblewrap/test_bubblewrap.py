"""Bubblewrap: what a function sees, what it cannot touch, and what happens when it exceeds its limits."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from runtime_api.protocol.events import ExitStatus
from runtime_api.sandbox.bubblewrap.cgroup import find_hierarchies
from runtime_api.sandbox.bubblewrap.sandbox import Confinement
from runtime_api.sandbox.network import Network
from runtime_api.sandbox.processes.memory import tree
from tests.sandbox.watch import INTERPRETER, run, run_shell, until, watching

PYTHON = (INTERPRETER, "-I", "-S", "-c")
MB = 1 << 20


pytestmark = pytest.mark.only("bubblewrap")


def shell(directory: Path, script: str) -> str:
    """What a script prints inside."""
    history = run(run_shell(directory, script))
    assert history.end.status == ExitStatus(0), history
    output: str = history.output.decode().strip()
    return output


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("pwd", "/var/task"),
        ("cat code", "here"),
        ("id -u; id -g; id -G; id -un", "993\n990\n990\nsbx_user1051"),
        ("hostname", "localhost"),
        ('[ "$BASH_VERSION" ] && echo bash', "bash"),  # /bin/sh, as on Amazon Linux
        ("ls -A /tmp /home /opt /srv /mnt 2>/dev/null | grep -v :", ""),
        ("ls -d /sys /run /boot /media 2>/dev/null", ""),
        ("cut -d: -f1 /etc/passwd", "root\nsbx_user1051\nnobody"),
        ("ls /etc/shadow /etc/sudoers /etc/ssh /etc/machine-id /etc/hostname 2>/dev/null", ""),
        ("env | cut -d= -f1 | sort | tr '\\n' ' '", "PATH PWD SHLVL _ "),
        ("set -- /proc/[0-9]*; echo $#", "2"),  # the supervisor and this shell
        ("grep -c . /proc/net/tcp > /dev/null && echo host network", "host network"),
        ("stat -c %a /tmp", "1777"),
        ("df -B1 --output=size /tmp | tail -1 | tr -d ' '", str(64 * MB)),
        ("[ -r /dev/urandom ] && [ -w /dev/null ] && [ -d /dev/shm ] && echo devices", "devices"),
        ("ls /dev/kmsg /dev/mem /dev/vda /dev/kvm 2>/dev/null", ""),
        ("cat /proc/self/oom_score_adj", "1000"),
        ("grep -c '^Cap.*:\t0000000000000000$' /proc/self/status", "5"),
        ("ulimit -Sc; ulimit -Hc", "0\n0"),
        ("grep NoNewPrivs /proc/self/status | cut -f2", "1"),
    ],
)
def test_what_a_function_sees(tmp_path: Path, script: str, seen: str) -> None:
    (tmp_path / "code").write_text("here")
    assert shell(tmp_path, f"{script}; true") == seen.strip()


@pytest.mark.parametrize(
    "place", ["/var/task", "/opt", "/", "/usr", "/etc", "/var", "/var/runtime", "/dev", "/proc", "/bin", "/root"]
)
def test_only_tmp_can_be_written(tmp_path: Path, place: str) -> None:
    script = (
        f"echo x > {place}/written && echo wrote; mkdir {place}/made && echo made; rm -rf {place}/code && ls {place}"
    )
    (tmp_path / "code").write_text("here")
    said = shell(tmp_path, f"({script}) 2>/dev/null | grep -E 'wrote|made'; echo x > /tmp/written && echo in /tmp")
    assert said == "in /tmp"
    assert [path.name for path in tmp_path.iterdir()] == ["code"]


def test_mounts_cannot_be_changed_from_inside(tmp_path: Path) -> None:
    script = "mount -o remount,rw / ; umount /var/task; mount --bind /tmp /opt; unshare -m true; true"
    assert "ro," in shell(tmp_path, f"({script}) >/dev/null 2>&1; grep ' /var/task ' /proc/mounts")


def test_proc_leads_to_no_file_or_process_of_the_host(tmp_path: Path) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-secret"
    secret.write_text("secret")
    script = f"cat /proc/1/root{secret} /proc/self/root{secret} {secret} /proc/1/environ; kill -0 {os.getpid()}"
    history = run(run_shell(tmp_path, script))
    assert b"secret\n" not in history.output
    assert b"secret" not in history.output.replace(str(secret).encode(), b"").replace(secret.name.encode(), b"")
    assert b"No such process" in history.output


def test_tmp_lasts_as_long_as_the_sandbox(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("echo kept > /tmp/file")
            await watch.ended()
            watch.events.clear()
            watch.shell("cat /tmp/file")
            assert (await watch.ended()).output == b"kept\n"
        assert (await run_shell(tmp_path, "ls -A /tmp")).output == b""

    run(main())


def test_a_full_tmp_is_an_error_for_the_writer(tmp_path: Path) -> None:
    said = shell(tmp_path, "dd if=/dev/zero of=/tmp/much bs=1M count=80 2>&1 | grep -o 'No space left'; rm /tmp/much")
    assert said == "No space left"


def test_all_processes_end_with_the_last_one_that_was_started(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("setsid sh -c 'trap \"\" TERM HUP; sleep 60 & wait' & sleep 0.01")
            await watch.ended()
            watch.events.clear()
            watch.shell("set -- /proc/[0-9]*; echo $#")
            assert (await watch.ended()).output == b"2\n"

    run(main())


def test_a_signal_to_one_name_reaches_only_its_group(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            executed = 'until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done; echo up; wait'
            watch.shell(f"sleep 61 & sleep 61 & {executed}", name="a")
            watch.shell(f"sleep 62 & {executed}", name="b")
            await watch.says(b"up", "a")
            await watch.says(b"up", "b")
            watch.sandbox.signal("a", signal.SIGKILL)
            assert (await watch.ended("a")).end.status == ExitStatus(None, signal.SIGKILL)
            watch.shell("cat /proc/[0-9]*/comm | grep -c sleep", name="c")
            assert (await watch.ended("c")).output == b"1\n"

    run(main())


@pytest.mark.parametrize("forked", [False, True])
def test_a_function_that_exceeds_its_memory_is_killed_and_that_is_reported(tmp_path: Path, forked: bool) -> None:
    script = (
        f"import os, time\n{'os.fork()' if forked else ''}\nx = b'x' * ({50 if forked else 90} << 20)\ntime.sleep(60)"
    )

    async def main() -> None:
        async with watching(tmp_path, confinement=Confinement(memory_mb=64, tmp_mb=16)) as watch:
            watch.start(*PYTHON, script)
            end = (await watch.ended()).end
            assert end.status == ExitStatus(None, signal.SIGKILL)
            assert end.over_bytes > 64 * MB
            assert end.peak_bytes >= end.over_bytes

    run(main())


def test_memory_that_is_reserved_and_not_used_does_not_count(tmp_path: Path) -> None:
    script = "import mmap; held = mmap.mmap(-1, 8 << 30); held[0] = 1; print('fine')"

    async def main() -> None:
        async with watching(tmp_path, confinement=Confinement(memory_mb=64, tmp_mb=16)) as watch:
            watch.start(*PYTHON, script)
            history = await watch.ended()
            assert history.output == b"fine\n"
            assert history.end.over_bytes == 0

    run(main())


def test_the_peak_is_the_sum_of_all_processes(tmp_path: Path) -> None:
    script = (
        "import os, sys\nchild = os.fork()\nheld = b'x' * (40 << 20)\n"
        "os.write(1, b'up\\n')\nsys.stdin.close()\nimport time; time.sleep(60)"
    )

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start(*PYTHON, script)
            await watch.until(lambda history: history.output.count(b"up\n") == 2)
            await until(lambda: watch.sandbox.peak_bytes() > 80 * MB)
            assert watch.sandbox.peak_bytes() < 120 * MB

    run(main())


FORK_BOMB = """
import os, time
for number in range(5000):
    try:
        child = os.fork()
    except OSError as error:
        print(number, error.strerror, flush=True)
        break
    if not child:
        time.sleep(60)
        os._exit(0)
"""


@pytest.mark.parametrize("grouped", [False, True])
def test_a_fork_bomb_gets_an_error_at_the_functions_own_limit(tmp_path: Path, grouped: bool) -> None:
    tmp_path.chmod(0o755)  # code that others may not read runs as its owner, and root's processes have no limit

    async def main() -> None:
        async with watching(tmp_path, hierarchies=find_hierarchies() if grouped else ()) as watch:
            watch.start(*PYTHON, FORK_BOMB)
            number, reason = (await watch.ended()).output.split(b" ", 1)
            assert 1000 <= int(number) <= 1024
            assert reason == b"Resource temporarily unavailable\n"
            watch.events.clear()
            watch.shell("echo still here")
            assert (await watch.ended()).output == b"still here\n"

    run(main())


def test_a_start_for_which_the_control_group_has_no_room_is_refused(tmp_path: Path) -> None:
    """The supervisor cannot fork while a fork bomb inside has used up all processes."""
    hierarchies = find_hierarchies()
    if not any("pids" in hierarchy.controllers for hierarchy in hierarchies):
        pytest.skip("no control groups of processes can be made here")

    async def main() -> None:
        async with watching(tmp_path, hierarchies=hierarchies) as watch:
            watch.start(*PYTHON, FORK_BOMB + "time.sleep(60)\n", name="bomb")
            await watch.until(lambda history: b"unavailable" in history.output, "bomb")
            watch.shell("echo never")
            assert (await watch.ended()).refusal.reason == "fork/exec /bin/sh: resource temporarily unavailable"
            watch.sandbox.signal("bomb", signal.SIGKILL)
            await watch.ended("bomb")
            watch.events.clear()
            watch.shell("echo again")
            assert (await watch.ended()).output == b"again\n"

    run(main())


def states() -> set[str]:
    """The states of the processes inside, without the supervisor; this process has no other children."""
    _bwrap, _supervisor, *others = tree(os.getpid())
    return {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in others}


TICKS = "import os, threading, time\nos.fork()\nwhile True:\n    os.write(1, b'tick\\n')\n    time.sleep(0.005)\n"


def test_freezing_stops_all_processes_until_they_are_thawed(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start(*PYTHON, TICKS)
            await watch.says(b"tick")
            watch.sandbox.freeze()
            await until(lambda: states() == {"T"})
            watch.sandbox.drain()
            written = len(watch.history().output)
            await asyncio.sleep(0.05)  # ten ticks
            watch.sandbox.drain()
            assert len(watch.history().output) == written
            watch.sandbox.thaw()
            await watch.until(lambda history: len(history.output) > written)
            assert "T" not in states()

    run(main())


def test_a_frozen_sandbox_can_be_closed(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start(*PYTHON, TICKS)
            await watch.says(b"tick")
            watch.sandbox.freeze()
            await until(lambda: states() == {"T"})
        assert watch.history().end.status == ExitStatus(None, signal.SIGKILL)

    run(main())


CONNECT = """
import socket, sys
for port in map(int, sys.argv[1:]):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        print(port, "reached", flush=True)
    except OSError as error:
        print(port, error.strerror, flush=True)
"""


@pytest.mark.parametrize("own", [False, True])
def test_the_network_is_the_hosts_or_reaches_only_the_runtime_api(tmp_path: Path, own: bool) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            async with watching(
                tmp_path, confinement=Confinement(512, 64, network=Network.NONE if own else Network.HOST)
            ) as watch:
                watch.start(*PYTHON, CONNECT, str(port), *(["9001"] if own else []))
                said = (await watch.ended()).output.decode().splitlines()
                assert said == ([f"{port} Connection refused", "9001 reached"] if own else [f"{port} reached"])
                assert (watch.listener is not None) is own

    run(main())


def test_a_sandbox_that_was_killed_is_reported_and_built_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("echo up; exec sleep 60")
            await watch.says(b"up")
            os.kill(tree(os.getpid())[0], signal.SIGKILL)
            assert (await watch.ended()).end.status == ExitStatus(None, signal.SIGKILL)
            watch.events.clear()
            watch.shell("echo again")
            assert (await watch.ended()).output == b"again\n"

    run(main())


def test_an_interpreter_that_is_not_visible_is_named_together_with_the_remedy(tmp_path: Path) -> None:
    homes = tmp_path / "home"
    homes.mkdir()
    interpreter = homes / "interpreter"
    interpreter.symlink_to("/bin/sh")
    task = tmp_path / "task"
    task.mkdir()
    bootstrap = task / "later"
    bootstrap.write_text(f"#!{interpreter}\necho hello\n")
    bootstrap.chmod(0o755)

    async def main() -> None:
        async with watching(task) as watch:
            watch.start(str(bootstrap))
            reason = (await watch.ended()).refusal.reason
            assert f"{interpreter} is not visible in the sandbox: show it with --mount {homes}" in reason

    run(main())


def test_code_that_does_not_exist_is_named(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(OSError, match=f"could not be built: .*{tmp_path}/gone"):
            async with watching(tmp_path / "gone"):
                pass

    run(main())


def test_processes_that_are_killed_while_they_start_are_believed_to_have_ended(tmp_path: Path) -> None:
    """Before they have reported that they started, or after."""

    async def main() -> None:
        async with watching(tmp_path) as watch:
            names = [str(number) for number in range(100)]
            for name in names:
                watch.shell("exec sleep 60", name=name)
                watch.sandbox.signal(name, signal.SIGKILL)
            while not all(watch.history(name).events for name in names):
                for name in names:  # the first one may have come before there was a group
                    watch.sandbox.signal(name, signal.SIGKILL)
                await asyncio.sleep(0.01)
            for name in names:
                history = await watch.ended(name)
                assert (history.output, history.end.status) == (b"", ExitStatus(None, signal.SIGKILL))
            watch.shell("echo still here")
            assert (await watch.ended()).output == b"still here\n"

    run(main())
