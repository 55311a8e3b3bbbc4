"""Process-wide settings that make a server faster. Only a command, which owns its process, makes them."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource

__all__ = ["tune_server"]

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc, malloc.h
KEPT_BYTES = 64 * 1024 * 1024
YOUNG_OBJECTS = 50_000


def tune_server() -> None:
    """Keep freed memory, collect garbage less often, and allow as many open files as the system does."""
    _raise_open_files()
    # glibc returns a freed body of some megabytes to the kernel and maps new memory for the next one; the page faults
    # cost more than all copying of it.
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, 2 * KEPT_BYTES)
    # Imported modules never become garbage, and an invocation makes no reference cycles.
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)


def _raise_open_files() -> None:
    """An environment takes about five descriptors, a caller one; the usual soft limit is 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # the kernel may allow less than it reports
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
