"""Reads what a compiled program is built for and linked with, as its file says (man 5 elf, man 8 ld.so)."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from .reading import open_ordinary

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Elf", "read_elf"]

EXECUTABLE, SHARED = 2, 3  # ET_EXEC, ET_DYN: not a core dump, which holds what a process had in memory
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_RPATH, DT_RUNPATH = 1, 5, 10, 15, 29
HEADER_BYTES = 64
MOST_SEGMENTS = 128
MOST_BYTES = 1 << 20  # of a table of strings: a damaged file may claim any size


# e_machine and what uname(1) calls it.
MACHINES = {3: "i686", 21: "ppc64le", 22: "s390x", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


class Elf(NamedTuple):
    """What the kernel and the dynamic loader look for."""

    loader: str = ""
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    machine: str = ""


class Segment(NamedTuple):
    """A row of the program header table."""

    kind: int
    offset: int
    address: int
    size: int


class Layout(NamedTuple):
    """How the numbers of a file are written."""

    order: str
    wide: bool

    def segments(self, head: bytes) -> tuple[int, int, int]:
        """Offset, size of a row, and number of rows of the program header table."""
        places = ("Q", 32, 54) if self.wide else ("I", 28, 42)
        (offset,) = struct.unpack_from(self.order + places[0], head, places[1])
        size, count = struct.unpack_from(self.order + "HH", head, places[2])
        return offset, size, min(count, MOST_SEGMENTS)

    def segment(self, row: bytes) -> Segment:
        if self.wide:
            kind, _, offset, address, _, size = struct.unpack_from(self.order + "IIQQQQ", row)
        else:
            kind, offset, address, _, size = struct.unpack_from(self.order + "IIIII", row)
        return Segment(kind, offset, address, size)

    def entries(self, dynamic: bytes) -> Iterator[tuple[int, int]]:
        row = struct.Struct(self.order + ("qQ" if self.wide else "iI"))
        yield from row.iter_unpack(dynamic[: len(dynamic) // row.size * row.size])


def read_elf(path: str) -> Elf | None:
    """What an ELF program or library asks for; None if this is neither, or cannot be read."""
    descriptor = open_ordinary(path)
    if descriptor is None:
        return None
    try:
        return _read(descriptor)
    except (OSError, struct.error, ValueError, OverflowError):
        return None
    finally:
        os.close(descriptor)


def _read(file: int) -> Elf | None:
    head = os.pread(file, HEADER_BYTES, 0)
    if len(head) < HEADER_BYTES or head[:4] != b"\x7fELF" or head[4] not in (1, 2) or head[5] not in (1, 2):
        return None
    layout = Layout("<" if head[5] == 1 else ">", head[4] == 2)
    kind, machine = struct.unpack_from(layout.order + "HH", head, 16)
    if kind not in (EXECUTABLE, SHARED):
        return None
    offset, size, count = layout.segments(head)
    table = os.pread(file, size * count, offset)
    segments = [layout.segment(table[start : start + size]) for start in range(0, len(table), size or len(table))]
    if not any(segment.kind == PT_LOAD for segment in segments):
        return None
    loader = next((_piece(file, segment) for segment in segments if segment.kind == PT_INTERP), b"")
    dynamic = next((_piece(file, segment) for segment in segments if segment.kind == PT_DYNAMIC), b"")
    return _asked_for(file, segments, list(layout.entries(dynamic)))._replace(
        machine=MACHINES.get(machine, f"machine {machine}"), loader=_text(loader, 0)
    )


def _asked_for(file: int, segments: list[Segment], entries: list[tuple[int, int]]) -> Elf:
    """Resolve the dynamic section's strings, which are found by their address in memory."""
    values = dict(entries)
    address = values.get(DT_STRTAB, 0)
    loaded = (segment for segment in segments if segment.kind == PT_LOAD)
    place = next((each for each in loaded if 0 <= address - each.address < each.size), None)
    if place is None:
        return Elf()
    strings = os.pread(file, min(values.get(DT_STRSZ, 0), MOST_BYTES), place.offset + address - place.address)

    def listed(tag: int, separator: str) -> tuple[str, ...]:
        texts = (_text(strings, value) for key, value in entries if key == tag)
        return tuple(part for text in texts for part in (text.split(separator) if separator else [text]) if part)

    return Elf(needed=listed(DT_NEEDED, ""), rpath=listed(DT_RPATH, ":"), runpath=listed(DT_RUNPATH, ":"))


def _piece(file: int, segment: Segment) -> bytes:
    return os.pread(file, min(segment.size, MOST_BYTES), segment.offset)


def _text(strings: bytes, start: int) -> str:
    return os.fsdecode(strings[start:].partition(b"\0")[0])
