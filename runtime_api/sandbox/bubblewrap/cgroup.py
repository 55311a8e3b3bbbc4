"""Control groups, version 2 or 1: what the kernel bounds for a whole sandbox, however many processes it has.

A group is the backstop behind the sandbox's own memory watch and resource limits: nothing that happens between two
samples can take the machine down, and only a group can share out the processors. Many machines allow none; then there
is none.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.sandbox.processes.memory import tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Bounds", "ControlGroup", "Hierarchy", "find_hierarchies", "new_group"]

NAME = re.compile(r"bootjack-(\d+)-\d+")
PERIOD_US = 100_000  # over which the kernel counts processor time; its default
ROUNDS = 10  # a round finds what was forked while the round before it moved others
REMOVALS = 50  # attempts: a process leaves its group a moment after it was reaped
PAUSE_S = 0.01
CONTROLLERS = ("memory", "pids", "cpu")

_numbers = itertools.count(1)


class Bounds(NamedTuple):
    """The limits of a group."""

    memory_bytes: int  # the files in /tmp count
    processes: int  # threads count
    cpus: float | None = None  # processors' time; None: as much as the machine has


class Hierarchy(NamedTuple):
    """A place for groups, and the controllers that govern groups there."""

    version: int
    controllers: frozenset[str]
    parent: Path

    def settings(self, bounds: Bounds) -> Iterator[tuple[str, str]]:
        """The files of a group and what to write to them, in order; skip a file that does not exist."""
        memory, quota = bounds.memory_bytes, None if bounds.cpus is None else round(bounds.cpus * PERIOD_US)
        if "memory" in self.controllers and self.version == 2:
            yield from (("memory.max", str(memory)), ("memory.swap.max", "0"))
        elif "memory" in self.controllers:
            yield from (("memory.limit_in_bytes", str(memory)), ("memory.memsw.limit_in_bytes", str(memory)))
        if "pids" in self.controllers:
            yield "pids.max", str(bounds.processes)
        if "cpu" in self.controllers and quota is not None:
            yield ("cpu.max", f"{quota} {PERIOD_US}") if self.version == 2 else ("cpu.cfs_quota_us", str(quota))


class ControlGroup:
    """The group of one sandbox, in every hierarchy that governs part of it."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)

    def admit(self, root: int) -> None:
        """Move a process and its descendants in; what they start later is in by itself.

        This takes the kernel some 20 ms if it has not been done for a while.
        """
        admitted: set[int] = set()
        waiting = {root}
        for _ in range(ROUNDS):
            for pid in waiting:
                for folder in self._folders:
                    with suppress(OSError):  # the process has ended
                        _write(folder / "cgroup.procs", str(pid))
            admitted |= waiting
            waiting = set(tree(root)) - admitted
            if not waiting:
                return

    def killed(self) -> int:
        """How many processes the kernel has killed for exceeding the group's memory."""
        for name in ("memory.events", "memory.oom_control"):
            for folder in self._folders:
                with suppress(OSError):
                    found = re.search(r"^oom_kill (\d+)$", (folder / name).read_text(), re.MULTILINE)
                    return int(found[1]) if found else 0
        return 0

    def remove(self) -> None:
        """Remove the group once it is empty; blocks for a moment."""
        for folder in self._folders:
            for _ in range(REMOVALS):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(PAUSE_S)
                else:
                    break


def new_group(hierarchies: Iterable[Hierarchy], bounds: Bounds) -> ControlGroup | None:
    """Make a group for one sandbox; None if none can be made."""
    name = f"bootjack-{os.getpid()}-{next(_numbers)}"
    folders = []
    for hierarchy in hierarchies:
        folder = hierarchy.parent / name
        try:
            folder.mkdir()
        except OSError:
            continue
        folders.append(folder)
        for file, value in hierarchy.settings(bounds):
            with suppress(OSError):  # a kernel without swap accounting has no file for it
                _write(folder / file, value)
    return ControlGroup(folders) if folders else None


def find_hierarchies(proc: Path = Path("/proc/self")) -> list[Hierarchy]:
    """Find where this process may make groups, and remove what servers that were killed left there."""
    try:
        own, mounts = (proc / "cgroup").read_text(), (proc / "mountinfo").read_text()
    except OSError:
        return []
    found = [hierarchy for hierarchy in _hierarchies(own, mounts) if os.access(hierarchy.parent, os.W_OK)]
    for hierarchy in found:
        _remove_leftovers(hierarchy.parent)
    return found


def _hierarchies(own: str, mounts: str) -> Iterator[Hierarchy]:
    """Of version 2 the place, on the way up from our group, with the most controllers; of version 1 our own group."""
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        mounted = _mounted(controllers, mounts)
        if mounted is None:
            continue
        root, point = mounted
        inside = path[len(root.rstrip("/")) :] if path.startswith(root) else "/"
        folder = point / inside.lstrip("/")
        if controllers:
            known = frozenset(controllers.split(",")) & frozenset(CONTROLLERS)
            if known:
                yield Hierarchy(1, known, folder)
            continue
        places = [place for place in (*folder.parents, point) if place.is_relative_to(point)]
        governed = [Hierarchy(2, _governed(place), place) for place in places]
        writable = [place for place in governed if place.controllers and os.access(place.parent, os.W_OK)]
        if writable:
            yield max(writable, key=lambda place: len(place.controllers))


def _mounted(controllers: str, mounts: str) -> tuple[str, Path] | None:
    """The mount of these controllers' hierarchy: which part of it is mounted, and where."""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        right = kind == "cgroup" and set(controllers.split(",")) <= set(options.split(","))
        if right if controllers else kind == "cgroup2":
            fields = before.split(" ")
            return fields[3], Path(fields[4])
    return None


def _governed(folder: Path) -> frozenset[str]:
    """The controllers that govern the groups below a folder, of those used here."""
    try:
        return frozenset((folder / "cgroup.subtree_control").read_text().split()) & frozenset(CONTROLLERS)
    except OSError:
        return frozenset()


def _remove_leftovers(parent: Path) -> None:
    with suppress(OSError):
        for folder in parent.iterdir():
            found = NAME.fullmatch(folder.name)
            if found and not Path(f"/proc/{found[1]}").exists():
                with suppress(OSError):
                    folder.rmdir()


def _write(path: Path, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)  # never O_CREAT: a file that does not exist is not supported
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)
