"""List a directory as the entries of an archive, and refuse what an archive cannot hold."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from .errors import LayerError, os_reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Entry", "check_entry", "entries_of"]


class Entry(NamedTuple):
    """One entry to be packed: its name, its kind and mode (as in stat), and the file that has its content."""

    name: str
    mode: int
    path: Path


def entries_of(root: Path) -> list[Entry]:
    """Everything under root, sorted by the bytes of the names. Modes become 644 or 755."""
    found = list(_walk(root, ""))
    return sorted(found, key=lambda entry: entry.name.encode())


def _walk(folder: Path, prefix: str) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as listing:
            children = list(listing)
        if prefix and not children:
            yield Entry(prefix, stat.S_IFDIR | 0o755, folder)
        for child in children:
            name = prefix + child.name
            mode = child.stat(follow_symlinks=False).st_mode
            check_entry(name, mode, folder / child.name)
            if stat.S_ISDIR(mode):
                yield from _walk(folder / child.name, name + "/")
            elif stat.S_ISLNK(mode):
                yield Entry(name, stat.S_IFLNK | 0o777, folder / child.name)
            else:
                yield Entry(name, stat.S_IFREG | (0o755 if mode & 0o100 else 0o644), folder / child.name)
    except OSError as error:
        raise LayerError(f"{error.filename}: {os_reason(error)}") from error


def check_entry(name: str, mode: int, path: Path) -> None:
    """Raise `LayerError` for a name, link or kind of file that archives cannot hold or extractors refuse."""
    _check_name(name)
    if stat.S_ISLNK(mode):
        _check_link(name, str(path.readlink()))
    elif not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise LayerError(f"{path} is a device, pipe or socket: leave it out")


def _check_name(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise LayerError(f"{name!r} is not UTF-8: rename it") from None
    if "\\" in name:
        raise LayerError(f"{name!r} has a backslash in its name, which extractors refuse or convert: rename it")
    if re.match("[A-Za-z]:", name):
        raise LayerError(f"{name!r} starts like a Windows drive, which extractors refuse: rename it")


def _check_link(name: str, destination: str) -> None:
    """A link must stay inside the layer, since Lambda extracts it somewhere else."""
    depth = name.count("/")
    for part in destination.split("/"):
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if destination.startswith("/") or depth < 0:
            raise LayerError(f"{name} is a link to {destination}: make it relative, to something inside the layer")
