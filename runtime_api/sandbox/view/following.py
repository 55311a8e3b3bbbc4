"""Follows a path as the kernel will inside the sandbox, link by link (man 7 path_resolution)."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["KERNELS_OWN", "OPT", "TASK", "Ground", "Trail", "follow", "lies_in"]

TASK = "/var/task"
OPT = "/opt"
LINKS = 40  # MAXSYMLINKS of Linux
STEPS = 512  # names in a path, those of its links included: hostile ones could go on for 80,000
KERNELS_OWN = frozenset({"/dev", "/proc", "/sys"})  # the host's are about the host's processes


class Ground(NamedTuple):
    """What is visible inside whatever the function runs: its own folders, and the system's at their own paths."""

    own: tuple[tuple[str, str], ...] = ()  # real path outside, path inside; all in them is its author's choice
    system: tuple[str, ...] = ()  # each with a slash at its end, for one quick comparison

    def host(self, path: str) -> str:
        """The host's file at a path inside, if everything else appeared at its own path."""
        for outside, inside in self.own:
            if lies_in(path, inside):
                found = outside + path[len(inside) :]
                if inside != OPT or os.path.lexists(found):  # files of this machine can be in /opt beside a layer's
                    return found
        return path

    def holds(self, host: str) -> bool:
        """Whether this file of the host is the function's own."""
        return any(lies_in(host, outside) for outside, _ in self.own)

    def shows(self, path: str) -> bool:
        """Whether the file at this path inside is visible."""
        if f"{path}/".startswith(self.system):
            return True
        return any(lies_in(path, inside) for _, inside in self.own) and self.holds(self.host(path))


class Trail(NamedTuple):
    """Where a path leads."""

    links: tuple[str, ...]  # the symbolic links on the way, by their real paths inside
    folders: tuple[str, ...]  # the folders that a `..` leads out of: they have to be there
    end: str | None  # the real path inside; None if nothing can be found
    host: str  # the host's file that is meant by the end
    trusted: bool  # False once a link on the way, or the end, is the function's own


def follow(path: str, ground: Ground, *, trusted: bool, barred: Iterable[str] = KERNELS_OWN) -> Trail:
    """Follow an absolute path inside; `trusted` tells whether the user named it, and not the function's own files."""
    links: list[str] = []
    folders: list[str] = []
    current = "/"
    left = _names(path)
    for _ in range(STEPS):
        if not left:
            end = ground.host(current)
            return Trail(tuple(links), tuple(folders), current, end, trusted and not ground.holds(end))
        name = left.pop()
        if name == "..":
            folders.append(current)
            current = os.path.dirname(current)  # noqa: PTH120
            continue
        candidate = f"{current.rstrip('/')}/{name}"
        host = ground.host(candidate)
        target = None if candidate in barred else _target(host)
        if target is None or (target and len(links) == LINKS):
            return Trail(tuple(links), tuple(folders), None, host, trusted)
        if not target:
            current = candidate
            continue
        links.append(candidate)
        trusted = trusted and not ground.holds(host)
        current = "/" if target.startswith("/") else current
        left += _names(target)
    return Trail(tuple(links), tuple(folders), None, current, trusted)


def lies_in(path: str, folder: str) -> bool:
    """Whether a normal path is that of a folder or of something below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _names(path: str) -> list[str]:
    """The names of a path, the last one first."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _target(path: str) -> str | None:
    """Where a link leads; empty for anything else; None if there is nothing, or not for this user."""
    try:
        return os.readlink(path) if stat.S_ISLNK(os.lstat(path).st_mode) else ""  # noqa: PTH115
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
