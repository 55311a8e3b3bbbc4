"""Searches the descriptors of processes for sockets (/proc/PID/fd, proc(5))."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from . import Seen

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

__all__ = ["look"]

ZOMBIE = "Z"


def look(
    pids: Iterable[int], wanted: Collection[int], *, threads: bool = False, seconds: float = float("inf")
) -> Seen:
    """Look for sockets by inode until all are found, or time is up after a process.

    `threads`: look at each thread, since one may have descriptors of its own (unshare(CLONE_FILES)), and a process
    goes on without the thread it began with.
    """
    names = {f"socket:[{inode}]": inode for inode in wanted}
    held: set[int] = set()
    hidden: set[int] = set()
    until = time.perf_counter() + seconds
    for pid in pids:
        for folder in _tables(pid, threads):
            try:
                held.update(names[link] for link in _links(folder) if link in names)
            except PermissionError:
                hidden |= _user(pid)
            except OSError:
                continue  # it has just ended
        if len(held) == len(names) or time.perf_counter() > until:
            break
    return Seen(frozenset(held), frozenset(hidden))


def _tables(pid: int, threads: bool) -> Iterator[str]:
    """The folders that list a process's descriptors."""
    yield f"/proc/{pid}/fd"
    if threads:
        with suppress(OSError):
            others = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - runs for each connection
            yield from (f"/proc/{pid}/task/{thread}/fd" for thread in others if thread != str(pid))


def _links(folder: str) -> Iterator[str]:
    """What the descriptors in a folder lead to. PermissionError if that is hidden."""
    for name in os.listdir(folder):  # noqa: PTH208
        try:
            yield os.readlink(f"{folder}/{name}")  # noqa: PTH115
        except FileNotFoundError:
            continue  # just closed


def _user(pid: int) -> set[int]:
    """The user as whom a process makes sockets (its fsuid); nothing of one that has ended: it hides all, too."""
    with suppress(OSError, KeyError, ValueError, IndexError):
        lines = Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines()
        fields = {name: values.split() for name, _, values in (line.partition(":") for line in lines)}
        if fields["State"][0] != ZOMBIE:
            return {int(fields["Uid"][3])}
    return set()
