"""What a binary asks of the system it runs on: a small reader of ELF files, little-endian and 64 bits wide.

The dynamic loader's own tables are read, not the sections, which may have been stripped. Everything is bounded by
the file: a hostile one gives an `ElfError`, never a crash. (System V ABI, gABI 4.1 and its chapter on dynamic
linking; symbol versions as the LSB describes them.)
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
_MOST_RECORDS = 1 << 18  # no list in an honest file is longer


class ElfError(ValueError):
    """The file is cut, or its tables contradict each other."""


class Need(NamedTuple):
    """A version of a library's symbols without which the loader gives up, and a symbol that asks for it."""

    library: str
    version: str
    symbol: str


@dataclass(frozen=True)
class Binary:
    """One ELF file; of another class or byte order than ours only the machine is known."""

    machine: str
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    soname: str = ""
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    needs: tuple[Need, ...] = field(default=())
    dynamic: bool = False


def is_elf(path: Path) -> bool:
    """Whether the file says of itself that it is one."""
    with path.open("rb") as file:
        return file.read(4) == MAGIC


def read_binary(path: Path) -> Binary:
    """What the file asks for; `ElfError` when it is none, or broken."""
    with path.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
                return _Reader(image).binary()
        except (struct.error, IndexError, ValueError, OverflowError) as error:
            raise ElfError(f"{path.name} is no readable ELF file: {error}") from error


class _Reader:
    """Reads at offsets of the file, and at addresses of the program."""

    def __init__(self, image: mmap.mmap) -> None:
        if image[:4] != MAGIC:
            raise ElfError("it does not begin as one")
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
                raise ElfError("its list of versions has no end")
            for _ in range(count):
                _hash, _flags, index, name, step = struct.unpack_from("<IHHII", self._image, entry)
                yield Need(_text(strings, library), _text(strings, name), symbols.get(index & 0x7FFF, ""))
                entry += step
            at += following

    def _symbols_by_version(self, values: dict[int, int], strings: bytes) -> dict[int, str]:
        """One imported symbol, the first by name, for each index of a version."""
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
        """How many symbols may be imports: the GNU table lists exports only, which stand behind them."""
        if _GNU_HASH in values:
            return min(
                int(struct.unpack_from("<I", self._image, self._offset(values[_GNU_HASH]) + 4)[0]), _MOST_RECORDS
            )
        if _HASH in values:
            return min(int(struct.unpack_from("<I", self._image, self._offset(values[_HASH]) + 4)[0]), _MOST_RECORDS)
        return 0

    def _offset(self, address: int) -> int:
        for kind, offset, start, size in self._segments:
            if kind == _PT_LOAD and start <= address < start + size:
                return offset + address - start
        raise ElfError(f"address {address:#x} is in none of its segments")


def _text(strings: bytes, at: int) -> str:
    end = strings.find(b"\0", at)
    if not 0 <= at < len(strings) or end < 0:
        raise ElfError("a name lies outside its table")
    return strings[at:end].decode(errors="replace")
