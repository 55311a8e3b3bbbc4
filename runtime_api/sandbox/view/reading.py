"""Reads files that anybody may have put there: ordinary ones only, and no more of them than is asked for."""

from __future__ import annotations

import os
import stat

__all__ = ["open_ordinary", "read_start"]


def open_ordinary(path: str) -> int | None:
    """A descriptor of an ordinary file; None if it is none or cannot be opened. Waits for no pipe and no device."""
    try:
        # To open a device or a pipe may already do something, so look first.
        if stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
            return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        pass
    return None


def read_start(path: str, size: int) -> bytes:
    """The first bytes of an ordinary file; empty if it is none or cannot be read."""
    descriptor = open_ordinary(path)
    if descriptor is None:
        return b""
    try:
        return os.read(descriptor, size)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
