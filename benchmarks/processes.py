"""Read /proc: the descendants of a process, its CPU time, and where it listens."""

import contextlib
import os
from pathlib import Path

from benchmarks.errors import Unmeasured

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
LISTENS = "0A"  # a socket's state in /proc/net/tcp


def descendants(root: int) -> set[int]:
    """All living descendants of a process."""
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
    """The processes among these that execute a program."""
    return {process for process in among if _executable(process) == program}


def cpu_seconds(process: int) -> float:
    """User and system time of all threads of a process, without its children."""
    fields = _stat(process)
    if fields is None:
        raise Unmeasured(f"process {process} ended during the measurement")
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def exact_cpu_seconds(process: int) -> float:
    """The time of the threads that live, in the scheduler's nanoseconds: for a process that does next to nothing."""
    tasks = Path(f"/proc/{process}/task")
    try:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
    except OSError as error:
        raise Unmeasured(f"process {process} ended during the measurement") from error


def peak_bytes(process: int) -> int:
    """The most memory that a process has had."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def started(process: int) -> str | None:
    """The start time of a process, which tells it from a later process with the same id."""
    fields = _stat(process)
    return fields[19] if fields else None


def listens(port: int, among: set[int]) -> bool:
    """Whether one of these processes listens on a port."""
    sockets = _listeners(port)
    return any(_open_file(each) in sockets for process in among for each in _descriptors(process))


def _listeners(port: int) -> set[str]:
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):  # a machine without IPv6
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == LISTENS and int(local.rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{inode}]")
    return found


def _descriptors(process: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{process}/fd").iterdir())
    except OSError:
        return []


def _open_file(descriptor: Path) -> str | None:
    try:
        return str(descriptor.readlink())
    except OSError:
        return None


def _stat(process: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may contain spaces and parentheses itself.
    return text.rpartition(")")[2].split()


def _executable(process: int) -> Path | None:
    try:
        return Path(f"/proc/{process}/exe").readlink()
    except OSError:
        return None
