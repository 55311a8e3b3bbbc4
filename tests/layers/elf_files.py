"""Write minimal ELF files for any machine, with the tables that the dynamic loader reads."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

X86_64, ARM64 = 62, 183


def elf(
    machine: int = X86_64,
    needed: Sequence[str] = (),
    needs: Mapping[str, Mapping[str, str]] | None = None,
    interpreter: str = "",
    rpath: str = "",
    runpath: str = "",
) -> bytes:
    """An ELF file; `needs` maps library -> symbol version -> a symbol of that version."""
    strings = b"\0"
    places: dict[str, int] = {"": 0}

    def place(text: str) -> int:
        nonlocal strings
        if text not in places:
            places[text] = len(strings)
            strings += text.encode() + b"\0"
        return places[text]

    wanted = [
        (library, version, symbol) for library, held in (needs or {}).items() for version, symbol in held.items()
    ]
    symbols, versions, records = bytes(24), struct.pack("<H", 0), b""
    for number, (_, _, symbol) in enumerate(wanted, 2):
        symbols += struct.pack("<IBBHQQ", place(symbol), 0x12, 0, 0, 0, 0)
        versions += struct.pack("<H", number)
    at = 2
    for position, (library, held) in enumerate((needs or {}).items(), 1):
        last = position == len(needs or {})
        records += struct.pack("<HHIII", 1, len(held), place(library), 16, 0 if last else 16 + 16 * len(held))
        for index, version in enumerate(held):
            step = 16 if index < len(held) - 1 else 0
            records += struct.pack("<IHHII", 0, 0, at, place(version), step)
            at += 1
    tags = [(1, place(name)) for name in needed]
    tags += [(15, place(rpath))] if rpath else []
    tags += [(29, place(runpath))] if runpath else []
    path = interpreter.encode() + b"\0" if interpreter else b""
    programs = 3 if path else 2
    start = 64 + 56 * programs
    dynamic = start + len(path)
    table_size = 16 * (len(tags) + 8)
    at_symbols = dynamic + table_size
    at_versions = at_symbols + len(symbols)
    at_records = at_versions + len(versions)
    at_hash = at_records + len(records)
    at_strings = at_hash + 8
    tags += [(5, at_strings), (6, at_symbols), (10, len(strings)), (4, at_hash), (0x6FFFFFF0, at_versions)]
    tags += [(0x6FFFFFFE, at_records), (0x6FFFFFFF, len(needs or {}))] if needs else [(30, 0), (30, 0)]
    table = b"".join(struct.pack("<QQ", *tag) for tag in tags) + bytes(16)
    body = path + table + symbols + versions + records + struct.pack("<II", 0, len(wanted) + 1) + strings
    size = start + len(body)
    head = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, programs, 0, 0, 0)
    )
    segments = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 4096)
    segments += struct.pack("<IIQQQQQQ", 2, 6, dynamic, dynamic, dynamic, len(table), len(table), 8)
    if path:
        segments += struct.pack("<IIQQQQQQ", 3, 4, start, start, start, len(path), len(path), 1)
    return head + segments + body
