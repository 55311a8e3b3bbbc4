"""Processes as /proc shows them: whose child they are, and the CPU time they took."""

import os
from pathlib import Path

from benchmarks.errors import Unmeasured

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def descendants(root: int) -> set[int]:
    """Every living process below root."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    frontier = [root]
    while frontier:
        frontier = [child for parent in frontier for child in children.get(parent, ()) if child not in found]
        found.update(frontier)
    return found


def running(program: Path, among: set[int]) -> set[int]:
    """Those of the processes that execute this program."""
    return {process for process in among if _executable(process) == program}


def cpu_seconds(process: int) -> float:
    """User and system time of all the process's threads; its children do not count."""
    fields = _stat(process)
    if fields is None:
        raise Unmeasured(f"process {process} ended during the measurement")
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def started(process: int) -> str | None:
    """When the process began: with its number, what tells it from a later process of the same number."""
    fields = _stat(process)
    return fields[19] if fields else None


def _stat(process: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    return text.rpartition(")")[2].split()


def _executable(process: int) -> Path | None:
    try:
        return Path(f"/proc/{process}/exe").readlink()
    except OSError:
        return None
