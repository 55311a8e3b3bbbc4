"""Settings of the whole process that make a server faster; only a command, which owns its process, may make them."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource

__all__ = ["tune_server"]

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT_BYTES = 64 * 1024 * 1024
YOUNG_OBJECTS = 50_000


def tune_server() -> None:
    """Keep freed memory, look for garbage less often, open as many files as it takes.

    glibc gives a freed body of some megabytes back to the kernel at once and takes the next one from it anew; the
    page faults cost more than all the copying. What was imported will not become garbage any more, and an
    invocation makes no cycles.
    """
    _open_as_many_files_as_allowed()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, 2 * KEPT_BYTES)
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)


def _open_as_many_files_as_allowed() -> None:
    """Each environment takes five descriptors or so, each caller one; the usual soft limit is 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # where the kernel allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
