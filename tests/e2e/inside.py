"""Looks at a command's sandboxes from outside: their processes, the states of these, and what remains."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.sandbox.bubblewrap.cgroup import find_hierarchies
from runtime_api.sandbox.processes.memory import tree
from tests.e2e.running import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["are_frozen", "control_groups", "exists", "parent_of", "processes_inside", "state", "until"]

LOOK_S = 0.002


def processes_inside(command: int) -> list[int]:
    """The processes in a command's sandboxes, without the supervisors."""
    return [pid for pid in tree(command) if _number_inside(pid) > 1]


def _number_inside(pid: int) -> int:
    """The pid of a process in its own pid namespace; 0 if that is ours."""
    with contextlib.suppress(OSError):
        found = re.search(r"^NSpid:\t\d+\t(\d+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return int(found[1]) if found else 0
    return 0


def are_frozen(command: int) -> bool:
    """Whether there are processes in the sandboxes, and all are stopped."""
    return {state(pid) for pid in processes_inside(command)} == {"T"}


def state(pid: int) -> str:
    """The state as in /proc: R, S, T for a stopped process, Z; or "gone"."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return "gone"


def parent_of(pid: int) -> int:
    """The pid of this process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def exists(pid: int) -> bool:
    """Whether this process exists and has not ended."""
    return state(pid) not in ("gone", "Z", "X")


def control_groups(command: int) -> list[Path]:
    """The control groups that a command has made."""
    parents = [hierarchy.parent for hierarchy in find_hierarchies()]
    return [folder for parent in parents for folder in parent.glob(f"bootjack-{command}-*")]


def until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait for a condition on what the kernel does, which sends no event."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(LOOK_S)
