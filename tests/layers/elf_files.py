"""Write minimal ELF files for any machine, with the tables that the dynamic loader reads."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

X86_64, ARM64 = 62, 183
LOAD, DYNAMIC, INTERP = 1, 2, 3
NEEDED, STRTAB, SYMTAB, STRSZ, RPATH, RUNPATH, FLAGS, HASH = 1, 5, 6, 10, 15, 29, 30, 4
VERSYM, VERNEED, VERNEEDNUM = 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF
HEADER, PROGRAM_HEADER = 64, 56


class Strings:
    """A string table; `place` adds a text once and returns its offset."""

    def __init__(self) -> None:
        self.table = b"\0"
        self._places = {"": 0}

    def place(self, text: str) -> int:
        if text not in self._places:
            self._places[text] = len(self.table)
            self.table += text.encode() + b"\0"
        return self._places[text]


class Versions(NamedTuple):
    """The tables of imported symbols and of the versions that they need."""

    imports: int
    symbols: bytes
    indexes: bytes
    records: bytes


def elf(
    machine: int = X86_64,
    needed: Sequence[str] = (),
    needs: Mapping[str, Mapping[str, str]] | None = None,
    interpreter: str = "",
    rpath: str = "",
    runpath: str = "",
) -> bytes:
    """An ELF file; `needs` maps library -> symbol version -> a symbol of that version."""
    strings = Strings()
    versions = _versions(strings, needs or {})
    tags = [(NEEDED, strings.place(name)) for name in needed]
    tags += [(RPATH, strings.place(rpath))] if rpath else []
    tags += [(RUNPATH, strings.place(runpath))] if runpath else []
    path = interpreter.encode() + b"\0" if interpreter else b""
    start = HEADER + PROGRAM_HEADER * (3 if path else 2)
    dynamic = start + len(path)
    symbols = dynamic + 16 * (len(tags) + 8)
    indexes = symbols + len(versions.symbols)
    records = indexes + len(versions.indexes)
    hashes = records + len(versions.records)
    tags += [(STRTAB, hashes + 8), (SYMTAB, symbols), (STRSZ, len(strings.table)), (HASH, hashes), (VERSYM, indexes)]
    tags += [(VERNEED, records), (VERNEEDNUM, len(needs))] if needs else [(FLAGS, 0), (FLAGS, 0)]
    table = b"".join(struct.pack("<QQ", *tag) for tag in tags) + bytes(16)
    hash_table = struct.pack("<II", 0, versions.imports + 1)
    body = path + table + versions.symbols + versions.indexes + versions.records + hash_table + strings.table
    segments = [(LOAD, 5, 0, start + len(body), 4096), (DYNAMIC, 6, dynamic, len(table), 8)]
    segments += [(INTERP, 4, start, len(path), 1)] if path else []
    return _header(machine, len(segments)) + b"".join(map(_segment, segments)) + body


def _versions(strings: Strings, needs: Mapping[str, Mapping[str, str]]) -> Versions:
    symbols, indexes, records, index = bytes(24), struct.pack("<H", 0), b"", 2
    for position, (library, held) in enumerate(needs.items(), 1):
        step = 0 if position == len(needs) else 16 + 16 * len(held)
        records += struct.pack("<HHIII", 1, len(held), strings.place(library), 16, step)
        for number, (version, symbol) in enumerate(held.items(), 1):
            symbols += struct.pack("<IBBHQQ", strings.place(symbol), 0x12, 0, 0, 0, 0)
            indexes += struct.pack("<H", index)
            step = 0 if number == len(held) else 16
            records += struct.pack("<IHHII", 0, 0, index, strings.place(version), step)
            index += 1
    return Versions(index - 2, symbols, indexes, records)


def _header(machine: int, segments: int) -> bytes:
    fields = (3, machine, 1, 0, HEADER, 0, 0, HEADER, PROGRAM_HEADER, segments, 0, 0, 0)
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", *fields)


def _segment(segment: tuple[int, int, int, int, int]) -> bytes:
    kind, flags, offset, size, alignment = segment
    return struct.pack("<IIQQQQQQ", kind, flags, offset, offset, offset, size, size, alignment)
