"""What a test may leave behind, and must not: processes, sockets, descriptors, temporary files, mounts.

`watched()` looks before and after, and names what is left. Processes are found however they hide: this process is
made the reaper of its orphans, so that a descendant in a session of its own comes to light as a child once its
parents have ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Left", "Snapshot", "describe", "look", "note_starts", "watched"]

PREFIX = "bootjack-"
GRACE_S = 2.0  # for what is ending: the kernel takes its time over a killed process
LOOK_S = 0.005
PR_SET_CHILD_SUBREAPER = 36
LINUX = sys.platform == "linux"

_LIBC = ctypes.CDLL(None)
_started: weakref.WeakSet[subprocess.Popen[Any]] = weakref.WeakSet()


class Left(AssertionError):
    """Something was left behind; the message names it."""


class Snapshot(NamedTuple):
    """What there is at one moment."""

    children: frozenset[int]
    descriptors: frozenset[tuple[int, str]]  # number, and where it leads
    files: frozenset[str]
    mounts: frozenset[str]

    def added_to(self, before: Snapshot) -> Snapshot:
        """What is here and was not there."""
        return Snapshot(
            self.children - before.children,
            self.descriptors - before.descriptors,
            self.files - before.files,
            self.mounts - before.mounts,
        )


def note_starts() -> None:
    """Know whom this process has started itself: who else turns up as its child is an orphan."""
    begin = subprocess.Popen.__init__

    def begin_and_note(self: subprocess.Popen[Any], *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        _started.add(self)

    subprocess.Popen.__init__ = begin_and_note  # type: ignore[method-assign]


def look() -> Snapshot:
    """What there is now."""
    return Snapshot(
        frozenset(_children()), frozenset(_descriptors()), frozenset(_files(tempfile.gettempdir())), _mounts()
    )


def _adopt_orphans() -> None:
    """Become the parent of every descendant whose parents have ended."""
    if LINUX:
        _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Raise `Left` when the body leaves anything behind."""
    _adopt_orphans()  # every time: a test may have given it up
    before = look()
    yield
    deadline = time.monotonic() + GRACE_S
    while any(added := _living(look().added_to(before))):
        if time.monotonic() > deadline:
            raise Left("left behind:\n" + "\n".join(describe(added)))
        time.sleep(LOOK_S)


def describe(added: Snapshot) -> list[str]:
    """One line for each thing that is there."""
    return [
        *(f"  process {pid}: {_command(pid)}" for pid in sorted(added.children)),
        *(f"  {_kind(number)} {number}: {target}" for number, target in sorted(added.descriptors)),
        *(f"  temporary file or directory {name}" for name in sorted(added.files)),
        *(f"  mount {line.split()[4]}: {line}" for line in sorted(added.mounts)),
    ]


def _living(added: Snapshot) -> Snapshot:
    """Without adopted children that have ended: their own parent would have reaped them, or nobody."""
    if not added.children:
        return added
    ours = {process.pid for process in _started if process.returncode is None}
    return added._replace(children=frozenset(pid for pid in added.children if pid in ours or not _reaped(pid)))


def _reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _children() -> list[int]:
    pids: list[int] = []
    if LINUX:
        for task in os.listdir("/proc/self/task"):  # noqa: PTH208
            with contextlib.suppress(FileNotFoundError):
                pids += map(int, Path(f"/proc/self/task/{task}/children").read_bytes().split())
    return pids


def _descriptors() -> Iterator[tuple[int, str]]:
    folder = "/proc/self/fd" if LINUX else "/dev/fd"
    for name in os.listdir(folder):  # noqa: PTH208 - on the way of every test
        try:
            yield int(name), os.readlink(f"{folder}/{name}") if LINUX else ""  # noqa: PTH115
        except FileNotFoundError:
            continue  # the one that listed them


def _files(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX):
                yield entry.path


def _mounts() -> frozenset[str]:
    return frozenset(Path("/proc/self/mountinfo").read_text().splitlines()) if LINUX else frozenset()


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "?"
    return b" ".join(words).decode(errors="replace").strip() or "ended, and not waited for"


def _kind(number: int) -> str:
    """What to call a descriptor: a listening socket is worth its address."""
    duplicate = os.dup(number)
    try:
        found = socket.socket(fileno=duplicate)
    except OSError:
        os.close(duplicate)
        return "descriptor"
    with found:
        if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return f"listening socket on {found.getsockname()}, descriptor"
        return "socket, descriptor"
