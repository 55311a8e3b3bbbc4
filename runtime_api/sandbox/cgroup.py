"""Control groups: what the kernel bounds for a whole sandbox, however many processes it has; version 2 or 1.

A group is the backstop behind the sandbox's own watch and resource limits: nothing that happens between two looks can
take the machine down, and only a group can share out the processors. Where none may be made there is none.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .memory import tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Bounds", "ControlGroup", "Hierarchy", "find_hierarchies", "new_group"]

NAME = re.compile(r"bootjack-(\d+)-\d+")
PERIOD_US = 100_000  # the kernel's own, over which a share of the processors is counted
ROUNDS = 10  # of looking for processes that were forked while others were moved
REMOVALS = 50  # a process leaves its group a moment after it was reaped
PAUSE_S = 0.01
CONTROLLERS = ("memory", "pids", "cpu")

_numbers = itertools.count(1)


class Bounds(NamedTuple):
    """What a group may have."""

    memory_bytes: int  # with what lies in its /tmp
    processes: int  # and threads
    cpus: float | None = None  # as many processors' time; None: what the machine has


class Hierarchy(NamedTuple):
    """Where groups may be made that some controllers govern."""

    version: int
    controllers: frozenset[str]
    parent: Path

    def settings(self, bounds: Bounds) -> Iterator[tuple[str, str]]:
        """The files of a group and what is written to them, in order; one that is not there may be left out."""
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
    """One sandbox's, in every hierarchy that has a say in it."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)

    def admit(self, root: int) -> None:
        """Put a process in, and whatever it has started; what it will start is in by itself.

        This takes the kernel some 20 ms when it has not been done for a while.
        """
        admitted: set[int] = set()
        waiting = {root}
        for _ in range(ROUNDS):
            for pid in waiting:
                for folder in self._folders:
                    with suppress(OSError):  # it has ended
                        _write(folder / "cgroup.procs", str(pid))
            admitted |= waiting
            waiting = set(tree(root)) - admitted
            if not waiting:
                return

    def killed(self) -> int:
        """How many processes the kernel has killed for the group's memory."""
        for name in ("memory.events", "memory.oom_control"):
            for folder in self._folders:
                with suppress(OSError):
                    found = re.search(r"^oom_kill (\d+)$", (folder / name).read_text(), re.MULTILINE)
                    return int(found[1]) if found else 0
        return 0

    def remove(self) -> None:
        """Take the group away, once nothing is in it any more; this may wait for a moment."""
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
    """A group of its own for one sandbox; None where there can be none."""
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
            with suppress(OSError):  # without swap, say, there is none to be limited
                _write(folder / file, value)
    return ControlGroup(folders) if folders else None


def find_hierarchies(proc: Path = Path("/proc/self")) -> list[Hierarchy]:
    """Where this process may make groups; whatever an earlier one left behind there, killed maybe, is removed."""
    try:
        own, mounts = (proc / "cgroup").read_text(), (proc / "mountinfo").read_text()
    except OSError:
        return []
    found = [hierarchy for hierarchy in _hierarchies(own, mounts) if os.access(hierarchy.parent, os.W_OK)]
    for hierarchy in found:
        _remove_leftovers(hierarchy.parent)
    return found


def _hierarchies(own: str, mounts: str) -> Iterator[Hierarchy]:
    """The first place on the way up for version 2, where the controllers reach groups; of version 1 our own group."""
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
    """Where the hierarchy of these controllers is mounted: what of it is seen there, and the mount point."""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        right = kind == "cgroup" and set(controllers.split(",")) <= set(options.split(","))
        if right if controllers else kind == "cgroup2":
            fields = before.split(" ")
            return fields[3], Path(fields[4])
    return None


def _governed(folder: Path) -> frozenset[str]:
    """The controllers that bound the groups below a folder, of those that matter here."""
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
    descriptor = os.open(path, os.O_WRONLY)  # never O_CREAT: what is not there is not supported
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)
