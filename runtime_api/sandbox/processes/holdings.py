"""How much memory processes hold, as /proc tells it. Nothing here is asked of the processes themselves.

What counts is their pages, in memory or swapped out, with the page tables for them (a table can be larger than what
it maps: reading a large empty mapping fills tables only), and the shared memory that they hold without mapping it:
memfds by descriptor and System V's segments. Shared memory counts once, however many processes hold or map it.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from .pidfds import open_pidfd
from .system_v import system_v_bytes

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Collection, Generator, Sequence

__all__ = ["Holdings", "Taken", "proportional_bytes"]

KB = 1024
STATUS_BYTES = 8192  # more than /proc/PID/status and smaps_rollup have
FIELDS = re.compile(rb"^(VmRSS|RssShmem|VmPTE|VmSwap|HugetlbPages|Threads):\s+(\d+)", re.MULTILINE)
SHARES = re.compile(rb"^(Pss|SwapPss):\s+(\d+)", re.MULTILINE)
MAPPING = re.compile(rb"[0-9a-f]+-[0-9a-f]+ \S+ \S+ ([0-9a-f]+):([0-9a-f]+) (\d+) *(.*)\n")
DESCRIPTORS_AT_ONCE = 8192  # of all processes, 20 ms
BLOCK_BYTES = 512  # the unit of st_blocks (stat(3type))
PIDFD_GETFD = 438  # the same on every architecture that Python 3.11 runs on


class Taken(NamedTuple):
    """What the processes of a sandbox take."""

    memory_bytes: int
    threads: int  # of all processes


class _Status(NamedTuple):
    """What the kernel reports of one process without having to look at its pages."""

    pid: int  # or a thread's id, where the first thread has ended
    own_bytes: int  # pages, in memory or swapped out, with their tables
    tables_bytes: int
    shared_bytes: int  # of them, mapped shared memory
    threads: int


class Holdings:
    """Measures the processes of one sandbox, again and again.

    `system_v`: descriptors of /proc/sysvipc/shm, msg and sem, opened inside the sandbox.
    """

    def __init__(self, system_v: Sequence[int] = ()) -> None:
        self._system_v = system_v
        self._due: list[int] = []  # processes whose descriptors are looked at in this round
        self._seen: dict[int, int] = {}  # the files found in this round: inode, size in bytes
        self._files: dict[int, int] = {}  # those of the round before

    def measure(self, pids: Sequence[int], known_bytes: int) -> Generator[bool, None, Taken]:
        """Add up what they hold; yields often, so that a caller can do something else in between.

        It yields True once what follows may block: to divide shared pages by their users the kernel takes a lock of
        the process's, which that process may hold for as long as it likes. So the sum is only an upper bound where
        even that is no more than `known_bytes`.
        """
        system_v = system_v_bytes(self._system_v)  # first, as these descriptors may be closed later
        found = []
        for pid in pids:
            status = _status(pid)
            if status is not None:
                found.append(status)
            yield False
        files = yield from self._look_at_descriptors([status.pid for status in found])
        apart = sum(files.values()) + system_v
        taken = sum(status.own_bytes for status in found) + apart
        if taken > known_bytes and (apart or len(found) > 1):
            yield True
            taken = _divided(found, files, apart)
        return Taken(taken, sum(status.threads for status in found))

    def _look_at_descriptors(self, pids: Sequence[int]) -> Generator[bool, None, dict[int, int]]:
        """The shared memory behind the processes' descriptors: inode and bytes.

        A thousand processes may have a million descriptors. So a round may take several calls; a file counts until a
        whole round has not found it.
        """
        if not self._due:
            self._due, self._seen = [*pids], {}
        left = DESCRIPTORS_AT_ONCE
        while self._due and left > 0:
            names, files = _shared_files(self._due.pop())
            left -= names
            self._seen.update(files)
            yield False
        if not self._due:
            self._files = self._seen
        return self._files | self._seen


def proportional_bytes(pids: Collection[int]) -> int:
    """The memory that these processes map, with shared pages divided by their users."""
    return sum(_proportional(status) for status in map(_status, pids) if status is not None)


def _divided(found: Sequence[_Status], files: Collection[int], apart_bytes: int) -> int:
    """What the processes hold, with shared pages divided by their users; `apart_bytes` counts once if mapped, too."""
    several = len(found) > 1
    taken = apart_bytes + sum(_proportional(status) if several else status.own_bytes for status in found)
    if apart_bytes:
        measure = b"Pss:" if several else b"Rss:"
        taken -= sum(_mapped(status.pid, files, measure) for status in found if status.shared_bytes)
    return taken


def _status(pid: int) -> _Status | None:
    """Read /proc/PID/status; None when the process has ended."""
    found = _fields(pid)
    if b"VmRSS" in found or found.get(b"Threads", 0) < 2:
        return _of_fields(pid, found)
    with suppress(OSError):  # the first thread has ended, which hides what the others share
        for thread in map(int, os.listdir(f"/proc/{pid}/task")):  # noqa: PTH208 - runs many times a second
            of_thread = _fields(thread)
            if b"VmRSS" in of_thread:
                return _of_fields(thread, of_thread)
    return None


def _fields(pid: int) -> dict[bytes, int]:
    return {name: int(number) for name, number in FIELDS.findall(_read(f"/proc/{pid}/status"))}


def _of_fields(pid: int, found: dict[bytes, int]) -> _Status | None:
    if b"VmRSS" not in found:
        return None
    tables = (found.get(b"VmPTE", 0) + found.get(b"HugetlbPages", 0)) * KB
    own = (found[b"VmRSS"] + found.get(b"VmSwap", 0)) * KB + tables
    return _Status(pid, own, tables, found.get(b"RssShmem", 0) * KB, found.get(b"Threads", 1))


def _proportional(status: _Status) -> int:
    """Pages divided by their users; undivided where the kernel does not report that."""
    shares = dict(SHARES.findall(_read(f"/proc/{status.pid}/smaps_rollup")))
    if b"Pss" not in shares:
        return status.own_bytes
    return sum(map(int, shares.values())) * KB + status.tables_bytes


def _mapped(pid: int, files: Collection[int], measure: bytes) -> int:
    """How much of a process's pages belongs to these files, or to System V's segments."""
    taken, ours = 0, False
    with suppress(OSError), open(f"/proc/{pid}/smaps", "rb") as listed:  # noqa: PTH123
        for line in listed:
            if ours and line.startswith(measure):
                taken += int(line.split()[1]) * KB
            elif (mapping := MAPPING.fullmatch(line)) is not None:
                major, minor, inode, name = mapping.groups()
                in_memory = os.makedev(int(major, 16), int(minor, 16)) == _device()
                ours = in_memory and (int(inode) in files or name.startswith(b"/SYSV"))
    return taken


def _shared_files(pid: int) -> tuple[int, dict[int, int]]:
    """How many descriptors a process has, and the shared memory behind them: inode and bytes."""
    files: dict[int, int] = {}
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except PermissionError:
        return _hidden_files(pid)
    except OSError:
        return 0, files
    device = _device()
    for name in names:
        with suppress(OSError):  # it has been closed
            found = os.stat(f"{folder}/{name}")  # noqa: PTH116
            if found.st_dev == device and found.st_blocks:
                files[found.st_ino] = found.st_blocks * BLOCK_BYTES
    return len(names), files


def _hidden_files(pid: int) -> tuple[int, dict[int, int]]:
    """The same for a process that is not dumpable (prctl(2)): it hides its descriptors from its own user.

    Their numbers are still shown, and who may trace the process may duplicate them (pidfd_getfd(2)). Only those that
    refer to shared memory are duplicated, by the mount they are on.
    """
    files: dict[int, int] = {}
    names: list[str] = []
    pidfd = open_pidfd(pid)
    if pidfd < 0:
        return 0, files
    try:
        names = os.listdir(f"/proc/{pid}/fdinfo")  # noqa: PTH208
        for name in names:
            if _mount(f"/proc/{pid}/fdinfo/{name}") == _shared_memory()[1]:
                files.update(_duplicated(pidfd, int(name)))
    except OSError:
        pass  # it has ended
    finally:
        os.close(pidfd)
    return len(names), files


def _duplicated(pidfd: int, number: int) -> dict[int, int]:
    descriptor = _libc().syscall(PIDFD_GETFD, pidfd, number, 0)
    if descriptor < 0:
        return {}
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return {found.st_ino: found.st_blocks * BLOCK_BYTES}


def _device() -> int:
    return _shared_memory()[0]


@cache
def _shared_memory() -> tuple[int, int]:
    """The device and the mount of the kernel's own file system, on which all shared memory lies."""
    if not hasattr(os, "memfd_create"):
        return -1, -1
    descriptor = os.memfd_create("bootjack")
    try:
        return os.fstat(descriptor).st_dev, _mount(f"/proc/self/fdinfo/{descriptor}")
    finally:
        os.close(descriptor)


def _mount(fdinfo: str) -> int:
    _, found, rest = _read(fdinfo).partition(b"mnt_id:")
    return int(rest.split(None, 1)[0]) if found else -1


@cache
def _libc() -> ctypes.CDLL:
    import ctypes  # rarely needed, and slow to import

    return ctypes.CDLL(None, use_errno=True)


def _read(path: str) -> bytes:
    """The beginning of a file of /proc; empty when there is none. Not pathlib: this runs many times a second."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(descriptor, STATUS_BYTES)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
