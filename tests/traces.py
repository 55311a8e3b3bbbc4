"""Find what a test leaves behind: processes, sockets, descriptors, temporary files, mounts.

`watched()` looks before and after a test, and names what was added. A process cannot hide: this process makes itself
the reaper of orphans, so a descendant in a session of its own becomes a visible child once its parents have ended.

Several processes may run tests at once (pytest-xdist). Each looks only at its own children, descriptors, temporary
folder and mount namespace, so none is blamed for what another's test does.
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

__all__ = ["Left", "Snapshot", "children", "describe", "look", "note_starts", "separate_mounts", "watched"]

PREFIX = "bootjack-"
GRACE_S = 5.0  # for what is ending: a killed process takes a while to go, longer on a busy machine
LOOK_S = 0.005
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
CLONE_NEWNS = 0x20000  # linux/sched.h
MS_REC, MS_PRIVATE = 0x4000, 1 << 18  # linux/mount.h
LINUX = sys.platform == "linux"

_LIBC = ctypes.CDLL(None, use_errno=True)
_started: weakref.WeakSet[subprocess.Popen[Any]] = weakref.WeakSet()


class Left(AssertionError):
    """Something was left behind, which the message names."""


class Snapshot(NamedTuple):
    """What exists at one moment."""

    children: frozenset[int]
    descriptors: frozenset[tuple[int, str]]  # number and target
    files: frozenset[str]
    mounts: frozenset[str]

    def added_to(self, before: Snapshot) -> Snapshot:
        """Return what exists now and did not exist before."""
        return Snapshot(
            self.children - before.children,
            self.descriptors - before.descriptors,
            self.files - before.files,
            self.mounts - before.mounts,
        )


def note_starts() -> None:
    """Record the processes that this one starts itself: any other child is an adopted orphan."""
    begin = subprocess.Popen.__init__

    def begin_and_note(self: subprocess.Popen[Any], *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        _started.add(self)

    subprocess.Popen.__init__ = begin_and_note  # type: ignore[method-assign]


def separate_mounts() -> None:
    """Give this process a mount namespace of its own. A process that may not have one can't mount anything either."""
    if LINUX and _LIBC.unshare(CLONE_NEWNS) == 0:
        private = _LIBC.mount(None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
        assert private == 0, os.strerror(ctypes.get_errno())


def look() -> Snapshot:
    """Return what exists now."""
    return Snapshot(
        frozenset(children()), frozenset(_descriptors()), frozenset(_files(tempfile.gettempdir())), _mounts()
    )


def _adopt_orphans() -> None:
    """Become the parent of every descendant whose parents have ended."""
    if LINUX:
        _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Raise `Left` if the body leaves anything behind."""
    _adopt_orphans()  # every time: a test may have given it up
    before = look()
    yield
    deadline = time.monotonic() + GRACE_S
    while any(added := _living(look().added_to(before))):
        if time.monotonic() > deadline:
            raise Left("left behind:\n" + "\n".join(describe(added)))
        time.sleep(LOOK_S)


def describe(added: Snapshot) -> list[str]:
    """Return one line for each thing in a snapshot."""
    return [
        *(f"  process {pid}: {_command(pid)}" for pid in sorted(added.children)),
        *(f"  {_kind(number)} {number}: {target}" for number, target in sorted(added.descriptors)),
        *(f"  temporary file or directory {name}" for name in sorted(added.files)),
        *(f"  mount {line.split()[4]}: {line}" for line in sorted(added.mounts)),
    ]


def _living(added: Snapshot) -> Snapshot:
    """Return what remains without adopted children that have ended: reaping those was not the test's duty."""
    if not added.children:
        return added
    ours = {process.pid for process in _started if process.returncode is None}
    return added._replace(children=frozenset(pid for pid in added.children if pid in ours or not _reaped(pid)))


def _reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def children() -> list[int]:
    """Return the direct children of this process: started or adopted, running or waiting to be reaped."""
    pids: list[int] = []
    if LINUX:
        for task in os.listdir("/proc/self/task"):  # noqa: PTH208
            with contextlib.suppress(FileNotFoundError):
                pids += map(int, Path(f"/proc/self/task/{task}/children").read_bytes().split())
    return pids


def _descriptors() -> Iterator[tuple[int, str]]:
    folder = "/proc/self/fd" if LINUX else "/dev/fd"
    for name in os.listdir(folder):  # noqa: PTH208 - runs twice for every test
        try:
            yield int(name), os.readlink(f"{folder}/{name}") if LINUX else ""  # noqa: PTH115
        except FileNotFoundError:
            continue  # the descriptor that listed the folder


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
    return b" ".join(words).decode(errors="replace").strip() or "ended, but not waited for"


def _kind(number: int) -> str:
    """Name the kind of a descriptor, with the address of a listening socket."""
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
