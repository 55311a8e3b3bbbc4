"""System V's shared memory, message queues and semaphores of a sandbox: they outlive the processes that made them.

The kernel lists them in /proc/sysvipc, for the IPC namespace of the process that *opened* the file. So the supervisor
opens the lists inside, once, and the server reads them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["system_v_bytes"]

CHUNK_BYTES = 65_536
MOST_BYTES = 4 << 20  # of one list: 32,000 lines, which is as many as a namespace has (kernel.shmmni)
# Columns that say how much memory a line stands for, and the bytes of one unit of each: a semaphore takes a line of
# the processor's cache (struct sem, ipc/sem.c).
UNITS = {b"rss": 1, b"swap": 1, b"cbytes": 1, b"nsems": 64}


def system_v_bytes(lists: Sequence[int]) -> int:
    """The memory behind everything in these lists, which are descriptors of files in /proc/sysvipc."""
    return sum(sum(_amounts(_read(descriptor))) for descriptor in lists)


def _amounts(listed: bytes) -> Iterator[int]:
    head, *lines = listed.split(b"\n")[:-1]
    columns = [(place, UNITS[name]) for place, name in enumerate(head.split()) if name in UNITS]
    for line in lines if columns else ():
        fields = line.split()
        for place, unit in columns:
            yield int(fields[place]) * unit


def _read(descriptor: int) -> bytes:
    """The whole list, of one empty line when it cannot be read."""
    read = b""
    try:
        while len(read) < MOST_BYTES and (chunk := os.pread(descriptor, CHUNK_BYTES, len(read))):
            read += chunk
    except OSError:
        return b"\n"
    return read or b"\n"
