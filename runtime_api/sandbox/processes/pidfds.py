"""Descriptors of processes (pidfd_open(2)): unlike a pid, such a descriptor never means another process."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["open_pidfd", "parent_of", "pidfd_of_child"]


def open_pidfd(pid: int) -> int:
    """Open a descriptor of a process; -1 when it has ended, none is left, or the kernel is older than Linux 5.3."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def pidfd_of_child(pid: int, parent: int) -> int:
    """Open a descriptor of a child of `parent`; -1 when there is no such child.

    The child may have ended and its pid may belong to another process by now. So the parent is looked up after the
    descriptor is open: a process with this parent is the child, or another one that belongs to it.
    """
    descriptor = open_pidfd(pid)
    if descriptor >= 0 and parent_of(pid) != parent:
        os.close(descriptor)
        return -1
    return descriptor


def parent_of(pid: int) -> int:
    """The pid of a process's parent; 0 when there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()  # proc(5): state, ppid
    except OSError:
        return 0
    return int(fields[1])
