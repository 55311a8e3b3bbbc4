"""Read what a binary requires of the system it runs on: a small reader of 64-bit little-endian ELF files.

It reads the tables that the dynamic loader uses and not the sections, which may have been stripped. All loops and
offsets are bounded by the file, so a hostile file gives an `ElfError` and never a crash. Sources: System V ABI, gABI
4.1 and its chapter on dynamic linking; the LSB for symbol versions.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["MACHINES", "Binary", "ElfError", "Need", "is_elf", "read_binary"]

MAGIC = b"\x7fELF"
MACHINES = {62: "x86_64", 183: "arm64", 3: "i386", 40: "arm", 243: "riscv64", 21: "ppc64", 22: "s390x"}
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_NEEDED, _STRTAB, _SYMTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 1, 5, 6, 10, 14, 15, 29
_HASH, _GNU_HASH, _VERSYM, _VERNEED, _VERNEEDNUM = 4, 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF
_SYMBOL_BYTES, _DYN_BYTES = 24, 16
_MOST_RECORDS = 1 << 18  # more than any table in an honest file has


class ElfError(ValueError):
    """The file is truncated, or its tables contradict each other."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} is not a readable ELF file: {reason}")
        self.reason = reason


class Need(NamedTuple):
    """A symbol version that a library must have, or the loader fails; `symbol` is one symbol that needs it."""

    library: str
    version: str
    symbol: str


@dataclass(frozen=True)
class Binary:
    """One ELF file. Of a 32-bit or big-endian file only the machine is read."""

    machine: str
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    soname: str = ""
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    needs: tuple[Need, ...] = field(default=())
    dynamic: bool = False


def is_elf(path: Path) -> bool:
    """Whether the file starts with the magic number of ELF."""
    with path.open("rb") as file:
        return file.read(4) == MAGIC


def read_binary(path: Path) -> Binary:
    """Read the file's requirements; raise `ElfError` if it is malformed."""
    with path.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
                return _Reader(image).binary()
        except (struct.error, IndexError) as error:
            raise ElfError(path.name, "it is truncated, or an offset points outside it") from error
        except (ValueError, OverflowError) as error:
            raise ElfError(path.name, str(error)) from error


class _Reader:
    """Reads at file offsets, and at virtual addresses by way of the segments."""

    def __init__(self, image: mmap.mmap) -> None:
        if image[:4] != MAGIC:
            raise ValueError("it has another magic number")
        self._image = image
        self._segments: list[tuple[int, int, int, int]] = []  # kind, file offset, address, bytes in the file

    def binary(self) -> Binary:
        wide_little = self._image[4:6] == b"\x02\x01"
        (machine,) = struct.unpack_from("<H" if self._image[5] == 1 else ">H", self._image, 18)
        name = MACHINES.get(machine, f"machine {machine}")
        if not wide_little:
            return Binary(name)
        self._segments = list(self._read_segments())
        interpreter = next((self._interpreter(*rest) for kind, *rest in self._segments if kind == _PT_INTERP), "")
        tables = [list(self._read_dynamic(*rest)) for kind, *rest in self._segments if kind == _PT_DYNAMIC]
        if not tables:
            return Binary(name, interpreter)
        return self._dynamic(Binary(name, interpreter, dynamic=True), tables[0])

    def _read_segments(self) -> Iterator[tuple[int, int, int, int]]:
        (start,) = struct.unpack_from("<Q", self._image, 32)
        size, count = struct.unpack_from("<HH", self._image, 54)
        for number in range(count):
            kind, _flags, offset, address, _physical, file_bytes = struct.unpack_from(
                "<IIQQQQ", self._image, start + number * size
            )
            yield kind, offset, address, file_bytes

    def _interpreter(self, offset: int, _address: int, size: int) -> str:
        return self._image[offset : offset + size].rstrip(b"\0").decode(errors="replace")

    def _read_dynamic(self, offset: int, _address: int, size: int) -> Iterator[tuple[int, int]]:
        for at in range(offset, offset + size - _DYN_BYTES + 1, _DYN_BYTES):
            tag, value = struct.unpack_from("<QQ", self._image, at)
            if tag == 0:
                return
            yield tag, value

    def _dynamic(self, binary: Binary, table: list[tuple[int, int]]) -> Binary:
        values = dict(table)
        if _STRTAB not in values:
            return binary
        start = self._offset(values[_STRTAB])
        strings = self._image[start : start + values.get(_STRSZ, 0)]

        def text(tag: int) -> str:
            return _text(strings, values[tag]) if tag in values else ""

        return Binary(
            binary.machine,
            binary.interpreter,
            tuple(_text(strings, value) for tag, value in table if tag == _NEEDED),
            text(_SONAME),
            tuple(filter(None, text(_RPATH).split(":"))),
            tuple(filter(None, text(_RUNPATH).split(":"))),
            tuple(self._needs(values, strings)),
            dynamic=True,
        )

    def _needs(self, values: dict[int, int], strings: bytes) -> Iterator[Need]:
        if _VERNEED not in values:
            return
        symbols = self._symbols_by_version(values, strings)
        at, left = self._offset(values[_VERNEED]), _MOST_RECORDS
        for _ in range(min(values.get(_VERNEEDNUM, 0), _MOST_RECORDS)):
            _version, count, library, first, following = struct.unpack_from("<HHIII", self._image, at)
            entry, left = at + first, left - count
            if left < 0:
                raise ValueError("its list of symbol versions does not end")
            for _ in range(count):
                _hash, _flags, index, name, step = struct.unpack_from("<IHHII", self._image, entry)
                yield Need(_text(strings, library), _text(strings, name), symbols.get(index & 0x7FFF, ""))
                entry += step
            at += following

    def _symbols_by_version(self, values: dict[int, int], strings: bytes) -> dict[int, str]:
        """For each version index one imported symbol, the first in alphabetical order."""
        found: dict[int, str] = {}
        if _VERSYM not in values or _SYMTAB not in values:
            return found
        versions, table = self._offset(values[_VERSYM]), self._offset(values[_SYMTAB])
        for number in range(1, self._imported(values)):
            name, _info, _other, section = struct.unpack_from("<IBBH", self._image, table + number * _SYMBOL_BYTES)
            (index,) = struct.unpack_from("<H", self._image, versions + number * 2)
            if section == 0 and index & 0x7FFF > 1:
                symbol = _text(strings, name)
                found[index & 0x7FFF] = min(symbol, found.get(index & 0x7FFF, symbol))
        return found

    def _imported(self, values: dict[int, int]) -> int:
        """The number of symbols that can be imports: a GNU hash table covers the exports only, which come last."""
        if _GNU_HASH in values:
            return self._count_at(values[_GNU_HASH] + 4)  # symoffset
        if _HASH in values:
            return self._count_at(values[_HASH] + 4)  # nchain
        return 0

    def _count_at(self, address: int) -> int:
        (count,) = struct.unpack_from("<I", self._image, self._offset(address))
        return min(int(count), _MOST_RECORDS)

    def _offset(self, address: int) -> int:
        for kind, offset, start, size in self._segments:
            if kind == _PT_LOAD and start <= address < start + size:
                return offset + address - start
        raise ValueError(f"address {address:#x} is in none of its segments")


def _text(strings: bytes, at: int) -> str:
    end = strings.find(b"\0", at)
    if not 0 <= at < len(strings) or end < 0:
        raise ValueError("a name lies outside the string table")
    return strings[at:end].decode(errors="replace")
