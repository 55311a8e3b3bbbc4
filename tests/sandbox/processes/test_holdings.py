"""What processes hold: shared memory counts once, and memory that is only reserved not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.processes import holdings
from runtime_api.sandbox.processes.holdings import Holdings, Taken
from runtime_api.sandbox.processes.memory import tree
from runtime_api.sandbox.processes.system_v import system_v_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MB = 1 << 20
HELPERS = """
import ctypes, mmap, os, sys
MB = 1 << 20
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
def memfd(megabytes):
    descriptor = os.memfd_create("held")
    for _ in range(megabytes):
        os.write(descriptor, b"x" * MB)
    return descriptor
def touch(memory):
    return sum(memory[at] for at in range(0, len(memory), 4096))
def wait():
    print("held", flush=True)
    sys.stdin.read()
"""
FORKED = "for _ in range(3):\n    if not os.fork(): break\n"


@contextmanager
def running(script: str, forked: bool = False) -> Iterator[list[int]]:
    """The processes of a program that holds something."""
    command = (sys.executable, "-I", "-c", f"{HELPERS}{script}\nwait()")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(4 if forked else 1):
            assert process.stdout.readline() == b"held\n"
        yield [process.pid, *tree(process.pid)]
        process.communicate()


def measure(holding: Holdings, pids: list[int], known_bytes: int = 0) -> Taken:
    """Measure them in one go."""
    measuring = holding.measure(pids, known_bytes)
    while True:
        try:
            next(measuring)
        except StopIteration as over:
            taken: Taken = over.value
            return taken


@pytest.mark.parametrize(
    "script",
    [
        "held = memfd(80)",
        "held = memfd(80), os.open('/proc/self/fd/3', os.O_RDONLY)",
        "held = mmap.mmap(memfd(80), 80 * MB); touch(held)",
        "file = memfd(80); held = [mmap.mmap(file, 80 * MB) for _ in range(2)]; touch(held[0]) + touch(held[1])",
        "held = mmap.mmap(-1, 80 * MB); held.write(b'x' * (80 * MB))",
        "a = mmap.mmap(memfd(40), 40 * MB); touch(a); b = mmap.mmap(-1, 40 * MB); b.write(b'x' * 40 * MB)",
        "file = memfd(80)\nfile = memfd(0), os.ftruncate(file, 8 << 30)",
        "held = memfd(80), mmap.mmap(-1, 8 << 30)",
    ],
)
@pytest.mark.parametrize("forked", [False, True], ids=["alone", "forked"])
def test_shared_memory_counts_once(script: str, forked: bool) -> None:
    with running(script + "\n" + FORKED * forked, forked) as pids:
        taken = measure(Holdings(), pids)
        assert 80 * MB < taken.memory_bytes < 80 * MB + 25 * MB * len(pids)
        assert taken.memory_bytes < 160 * MB
        assert taken.threads == len(pids) == (4 if forked else 1)


def test_pages_that_a_child_has_from_its_parent_count_once() -> None:
    with running("held = b'x' * (80 * MB)\n" + FORKED, forked=True) as pids:
        assert 80 * MB < measure(Holdings(), pids).memory_bytes < 160 * MB


def test_an_upper_bound_is_enough_below_what_is_known() -> None:
    with running("held = b'x' * (80 * MB)\n" + FORKED, forked=True) as pids:
        assert 320 * MB < measure(Holdings(), pids, 500 * MB).memory_bytes < 500 * MB


def test_a_file_counts_until_it_is_closed() -> None:
    script = "file = memfd(80)\nprint('held', flush=True); sys.stdin.readline(); os.close(file)"
    command = (sys.executable, "-I", "-c", f"{HELPERS}{script}\nwait()")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        holding = Holdings()
        process.stdout.readline()
        assert measure(holding, [process.pid]).memory_bytes > 80 * MB
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        assert measure(holding, [process.pid]).memory_bytes < 40 * MB
        process.communicate()


def test_more_descriptors_than_one_sample_looks_at_are_found_by_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdings, "DESCRIPTORS_AT_ONCE", 4)
    with running("held = []\n" + FORKED + "held.append(memfd(40))", forked=True) as pids:
        holding = Holdings()
        first = measure(holding, pids).memory_bytes
        assert first < 160 * MB
        for _ in pids:
            found = measure(holding, pids).memory_bytes
        assert 160 * MB < found < 240 * MB


def test_threads_count() -> None:
    with running(
        "import threading\nfor _ in range(5): threading.Thread(target=sys.stdin.read, daemon=True).start()"
    ) as pids:
        assert measure(Holdings(), pids).threads == 6


def test_a_process_that_has_ended_holds_nothing() -> None:
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
        assert measure(Holdings(), [process.pid]) == Taken(0, 0)


# -- System V


LISTS = {
    "shm": ("key shmid perms size cpid lpid nattch rss swap\n 0 1 600 52428800 11 11 1 8192 4096\n", 12_288),
    "msg": ("key msqid perms cbytes qnum\n 0 0 600 16384 2\n 0 1 600 5 1\n", 16_389),
    "sem": ("key semid perms nsems uid\n 0 0 600 32000 0\n", 32_000 * 64),
}


@pytest.mark.parametrize("name", LISTS)
def test_the_lists_of_system_v(tmp_path: Path, name: str) -> None:
    text, amount = LISTS[name]
    (tmp_path / name).write_text(text)
    descriptor = os.open(tmp_path / name, os.O_RDONLY)
    try:
        assert system_v_bytes([descriptor]) == amount
    finally:
        os.close(descriptor)


def test_a_list_that_cannot_be_read_is_empty() -> None:
    read, write = os.pipe()
    os.close(write)
    try:
        assert system_v_bytes([read]) == 0
    finally:
        os.close(read)


SEGMENT = (
    "segment = libc.shmget(0, 80 * MB, 0o1600)\nat = libc.shmat(segment, None, 0)\nlibc.shmctl(segment, 0, None)\n"
    + FORKED
    + "ctypes.memset(ctypes.c_void_p(at), 1, 80 * MB)"
)


def test_an_attached_segment_counts_once() -> None:
    lists = [os.open(f"/proc/sysvipc/{name}", os.O_RDONLY) for name in LISTS]
    before = system_v_bytes(lists)  # of others on this machine
    try:
        with running(SEGMENT, forked=True) as pids:
            assert system_v_bytes(lists) - before == 80 * MB
            assert 80 * MB < measure(Holdings(lists), pids).memory_bytes - before < 160 * MB
    finally:
        for descriptor in lists:
            os.close(descriptor)
