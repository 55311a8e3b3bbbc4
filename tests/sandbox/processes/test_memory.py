"""The peak memory of a process: its own, and not that of the process that started it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.sandbox.watch import run, until, watching

MB = 1_048_576
# Like bootjack itself, a small process that starts others: a test runner is larger than most functions.
SMALL_PARENT = """
import asyncio, sys
from pathlib import Path
from runtime_api.sandbox import Exited, Launch
from runtime_api.sandbox.plain.process import PlainSandbox

async def main():
    sandbox, ended = PlainSandbox(), asyncio.Event()
    def note(event):
        if isinstance(event, Exited):
            print(event.peak_bytes)
            ended.set()
    await sandbox.open(note)
    sandbox.start(Launch('p', tuple(sys.argv[1:]), Path('.'), {}))
    await ended.wait()
    await sandbox.close()

asyncio.run(main())
"""
EATER = "held = bytearray({size}); held[::4096] = b'x' * len(held[::4096]); print('up', flush=True)"


def peak_seen_by(*command: str) -> int:
    """The peak that a parent, run by this command, reads of a program that takes 60 MB and ends at once."""
    eater = (sys.executable, "-I", "-S", "-c", EATER.format(size=60 * MB))
    command = (*command, sys.executable, "-c", SMALL_PARENT, *eater)
    root = Path(__file__).parents[3]
    return int(subprocess.run(command, cwd=root, capture_output=True, timeout=20, check=True).stdout)


def test_the_peak_of_a_program_that_ends_at_once_is_known() -> None:
    assert 60 * MB < peak_seen_by("/bin/sh", "-c", '"$@"; exit $?', "sh") < 80 * MB


def test_the_peak_is_known_even_if_a_large_process_started_the_parent() -> None:
    ballast = bytearray(150 * MB)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert 60 * MB < peak_seen_by() < 80 * MB


def test_the_peak_of_a_small_program_does_not_include_its_parents(tmp_path: Path) -> None:
    ballast = bytearray(150 * MB)
    ballast[::4096] = b"x" * len(ballast[::4096])

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("exit 0")
            assert (await watch.ended()).end.peak_bytes < 10 * MB

    run(main())


def test_the_peak_of_running_processes_is_their_own_and_never_falls(tmp_path: Path) -> None:
    script = EATER.format(size=40 * MB) + "; del held; print('freed', flush=True); open('go').read()"

    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("echo up; exec sleep 60", name="small")
            await watch.says(b"up", "small")
            assert 0 < watch.sandbox.peak_bytes() < 10 * MB
            os.mkfifo(tmp_path / "go")
            watch.start(sys.executable, "-I", "-S", "-c", script)
            await watch.says(b"freed")
            assert 40 * MB < watch.sandbox.peak_bytes() < 75 * MB
            (tmp_path / "go").write_text("")
            assert 40 * MB < (await watch.ended()).end.peak_bytes < 60 * MB

    run(main())


def test_the_peak_includes_the_program_that_a_shell_waits_for(tmp_path: Path) -> None:
    script = EATER.format(size=60 * MB) + "; open('go').read()"

    async def main() -> None:
        async with watching(tmp_path) as watch:
            os.mkfifo(tmp_path / "go")
            (tmp_path / "eater.py").write_text(script)
            watch.shell(f"{sys.executable} -I -S eater.py; exit 0")
            await watch.says(b"up")
            assert 60 * MB < watch.sandbox.peak_bytes() < 90 * MB
            (tmp_path / "go").write_text("")
            assert 60 * MB < (await watch.ended()).end.peak_bytes < 90 * MB

    run(main())


def test_memory_that_forked_processes_share_counts_once_in_the_peak(tmp_path: Path) -> None:
    forks = (
        "import os\nfor _ in range(3):\n    if not os.fork(): break\nopen(f'up{os.getpid()}', 'w')\nopen('go').read()"
    )

    async def main() -> None:
        async with watching(tmp_path) as watch:
            os.mkfifo(tmp_path / "go")
            watch.start(sys.executable, "-I", "-S", "-c", EATER.format(size=60 * MB) + "\n" + forks)
            await until(lambda: len(list(tmp_path.glob("up*"))) == 4)
            assert 60 * MB < watch.sandbox.peak_bytes() < 100 * MB

    run(main())
