"""Lists the processes of an environment, as /proc shows them.

What descends from a process that the sandbox started belongs. In bubblewrap that is everything, since orphans stay
below the supervisor. A plain process's orphans become children of this process, or of another one above it: those
are recognised by the session that a leader opened, or by the variables that an environment's processes inherit.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from . import Belonging

__all__ = ["can_list", "descendants", "orphans"]

INIT = 1


@cache
def can_list() -> bool:
    """Whether /proc lists the children of processes here (Linux with CONFIG_PROC_CHILDREN)."""
    pid = os.getpid()
    return Path(f"/proc/{pid}/task/{pid}/children").exists()


def descendants(belonging: Belonging) -> Iterator[int]:
    """The leaders and all that descends from them; the youngest first, since those make most connections."""
    waiting = list(belonging.leaders) or _children(belonging.supervisor)
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += _children(pid)


def orphans(belonging: Belonging) -> Iterator[int]:
    """The processes whose parents have ended, and all that descends from them."""
    if not belonging.marks:
        return
    adopting = _ancestors(os.getpid())
    for parent in adopting:
        for pid in _children(parent):
            if pid not in adopting and pid not in belonging.leaders and _is_one_of(pid, belonging):
                yield pid
                yield from descendants(belonging._replace(leaders=tuple(_children(pid))))


def _is_one_of(pid: int, belonging: Belonging) -> bool:
    if _session(pid) in belonging.leaders:
        return True
    with suppress(OSError):
        return set(belonging.marks) <= set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    return False


def _children(pid: int) -> list[int]:
    """The children of a process, the eldest first."""
    listed: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - runs for each connection
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                listed += map(int, file.read().split())
    return sorted(listed) if len(listed) > 1 else listed


def _ancestors(pid: int) -> list[int]:
    """This process and those above it."""
    found = [pid]
    while found[-1] > INIT:
        found.append(int((_stat(found[-1]) or ["", "0"])[1]))
    return found


def _session(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[3]) if fields else 0


def _stat(pid: int) -> Sequence[str]:
    """State, parent, group, session and more of a process; nothing if it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return ()
