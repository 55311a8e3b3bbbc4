"""Whether files have changed since they were last looked at, without reading them."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["fingerprint"]

# What tools write on their own account, or too much to look at before each invocation: as --watch leaves it out.
IGNORED = frozenset(
    {"__pycache__", ".git", ".hg", ".svn", ".tox", ".venv", ".idea", "node_modules", ".mypy_cache", ".pytest_cache"}
)


def fingerprint(directories: Sequence[str]) -> bytes:
    """Return a value that changes with any file in these directories. It takes about 4 ms for 1,000 files."""
    digest = blake2b(digest_size=16)
    for directory in directories:
        for entry in sorted(_entries(directory)):
            digest.update(entry)
    return digest.digest()


def _entries(directory: str) -> Iterator[bytes]:
    """What tells one state of each file from another; ctime cannot be set back, and knows of `chmod +x`, too."""
    try:
        entries = list(os.scandir(directory))
    except OSError:  # gone, or no directory any more: that is a state as well
        return
    for entry in entries:
        if entry.name in IGNORED:
            continue
        try:
            if entry.is_dir():
                yield os.fsencode(entry.path)
                yield from _entries(entry.path)
            else:
                found = entry.stat()
                yield os.fsencode(entry.path) + b"\0%d %d %d" % (found.st_ino, found.st_size, found.st_ctime_ns)
        except OSError:  # a broken link, or removed meanwhile
            yield os.fsencode(entry.path)
