"""What a function may take in bubblewrap, by every way to take it, with control groups and without."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.events import ExitStatus
from runtime_api.protocol.limits import CURRENT, Limits
from runtime_api.sandbox.bubblewrap.cgroup import find_hierarchies
from runtime_api.sandbox.bubblewrap.sandbox import Confinement
from tests.sandbox.watch import INTERPRETER, run, watching

if TYPE_CHECKING:
    from pathlib import Path

    from runtime_api.sandbox import Exited

pytestmark = pytest.mark.only("bubblewrap")

MB = 1 << 20
PYTHON = (INTERPRETER, "-I", "-c")
CONFINEMENT = Confinement(memory_mb=128, tmp_mb=256)
HELPERS = """
import ctypes, errno, mmap, os, signal, socket, sys, threading, time
MB = 1 << 20
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
def memfd(megabytes=0):
    descriptor = os.memfd_create("held")
    for _ in range(megabytes):
        os.write(descriptor, b"x" * MB)
    return descriptor
def wait():
    print("held", flush=True)
    while True:
        signal.pause()
"""

# Each takes 900 MB, and never more than 100 MB of it in one process's own pages.
ROUTES = {
    "own pages": "held = bytearray(900 * MB)\nheld[::4096] = b'x' * len(held[::4096])\nwait()",
    "many processes": "for _ in range(15):\n    if not os.fork():\n        held = b'x' * (60 * MB); wait()\nwait()",
    "memfd": "memfd(900)\nwait()",
    "memfds of many processes": "for _ in range(9):\n    if not os.fork():\n        memfd(100); wait()\nwait()",
    "mapped memfd": "held = mmap.mmap(memfd(900), 900 * MB)\nwait()",
    "memfd beside mapped memory": (
        "memfd(450)\nheld = mmap.mmap(-1, 450 * MB)\nfor at in range(0, 450 * MB, 4096):\n    held[at] = 1\nwait()"
    ),
    "shared mapping": "held = mmap.mmap(-1, 900 * MB)\nfor at in range(0, 900 * MB, 4096):\n    held[at] = 1\nwait()",
    "detached System V segments": (
        "for _ in range(18):\n    segment = libc.shmget(0, 50 * MB, 0o1600)\n    at = libc.shmat(segment, None, 0)\n"
        "    ctypes.memset(at, 1, 50 * MB); libc.shmdt(ctypes.c_void_p(at))\nwait()"
    ),
    "System V semaphores": "for _ in range(450):\n    assert libc.semget(0, 32000, 0o1600) >= 0\nwait()",
    "page tables": (
        "libc.mmap.restype = ctypes.c_void_p\nsize = 450 << 30\n"
        "held = libc.mmap(None, ctypes.c_size_t(size), 1, 0x4022, -1, ctypes.c_long(0))\n"  # PROT_READ, NORESERVE
        "libc.madvise(ctypes.c_void_p(held), ctypes.c_size_t(size), 15)\n"  # MADV_NOHUGEPAGE
        "for at in range(0, size, 2 * MB):\n    ctypes.c_char.from_address(held + at).value\nwait()"
    ),
    "not dumpable": "libc.prctl(4, 0, 0, 0, 0)\nmemfd(900)\nwait()",
    "without its first thread": (
        "held = []\ndef take():\n    while True:\n        held.append(b'x' * MB)\n"
        "threading.Thread(target=take).start()\nlibc.syscall(93 if os.uname().machine == 'aarch64' else 60, 0)"
    ),
}


async def killed(directory: Path, script: str, *, grouped: bool = False, limits: Limits = CURRENT) -> Exited:
    """How a program ends in a small sandbox."""
    groups = find_hierarchies() if grouped else ()
    async with watching(directory, limits, CONFINEMENT, groups) as watch:
        watch.start(*PYTHON, HELPERS + script)
        history = await watch.ended()
        assert not re.search(rb"Error|Traceback", history.output), history
        return history.end


@pytest.mark.parametrize("grouped", [False, True], ids=["watched", "grouped"])
@pytest.mark.parametrize("route", ROUTES)
def test_memory_beyond_the_limit_is_fatal_by_every_route(tmp_path: Path, route: str, grouped: bool) -> None:
    end = run(killed(tmp_path, ROUTES[route], grouped=grouped))
    assert end.status == ExitStatus(None, signal.SIGKILL)
    assert 128 * MB < end.over_bytes <= end.peak_bytes


# -- processes

FEW = replace(CURRENT, processes=64)
# Of 200, a slow machine would notice the memory first.
MANY = "for number in range(80):\n    if not os.fork():\n        signal.pause()\nwait()"
THREADS = "for number in range(80):\n    threading.Thread(target=signal.pause, daemon=True).start()\nwait()"


@pytest.mark.skipif(os.geteuid() != 0, reason="the kernel counts any other user's processes")
@pytest.mark.parametrize("script", [MANY, THREADS], ids=["processes", "threads"])
def test_too_many_processes_are_fatal_where_the_kernel_does_not_count_them(tmp_path: Path, script: str) -> None:
    """Nobody but root may read the code, so the function is root outside."""
    tmp_path.chmod(0o700)
    end = run(killed(tmp_path, script, limits=FEW))
    assert end.status == ExitStatus(None, signal.SIGKILL)
    assert end.over_processes > 64
    assert end.over_bytes == 0


NICE = """
print(os.getpriority(os.PRIO_PROCESS, 0))
try:
    os.setpriority(os.PRIO_PROCESS, 0, 0)
except PermissionError:
    print("for good")
"""


def test_functions_give_way_to_the_server_and_to_others(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.start(*PYTHON, HELPERS + NICE)
            nice = min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)
            assert (await watch.ended()).output == b"%d\nfor good\n" % nice

    run(main())
