"""Builds trees of files with homes, secrets, installations and projects, from tables of what lies where."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SECRET", "Binary", "Content", "Fifo", "Link", "Script", "Sized", "build", "elf"]

SECRET = "PRIVATE KEY"
CORE = 4  # ET_CORE
PROGRAM = 3  # ET_DYN


class Link(NamedTuple):
    """A symbolic link."""

    target: str


class Script(NamedTuple):
    """An executable text."""

    text: str


class Binary(NamedTuple):
    """A compiled program, or a library if it is not executable."""

    needed: tuple[str, ...] = ()
    runpath: str = ""
    rpath: str = ""
    loader: str = ""
    kind: int = PROGRAM
    mode: int = 0o755


class Fifo(NamedTuple):
    """A named pipe that nobody writes to."""


class Sized(NamedTuple):
    """A file of this many bytes that takes no place."""

    size: int


Content = str | Link | Script | Binary | Fifo | Sized | None  # None: a folder


def build(home: Path, tree: Mapping[str, Content]) -> None:
    """Write the tree, in whose names, links and texts ~ and {home} stand for `home`; nothing comes twice."""

    def filled(text: str) -> str:
        return text.replace("~", str(home)).replace("{home}", str(home))

    for name, content in tree.items():
        path = Path(filled(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        match content:
            case None:
                path.mkdir(exist_ok=True)
            case Link(target):
                path.symlink_to(filled(target))
            case Script(text):
                path.write_bytes(os.fsencode(filled(text)))
                path.chmod(0o755)
            case Binary():
                runpath, rpath, loader = filled(content.runpath), filled(content.rpath), filled(content.loader)
                needed = tuple(map(filled, content.needed))
                path.write_bytes(elf(content._replace(needed=needed, runpath=runpath, rpath=rpath, loader=loader)))
                path.chmod(content.mode)
            case Fifo():
                os.mkfifo(path)
            case Sized(size):
                path.touch()
                os.truncate(path, size)
            case str():
                path.write_bytes(os.fsencode(filled(content)))


def elf(binary: Binary) -> bytes:
    """Return a 64-bit ELF file with what the dynamic loader looks for, and nothing to execute."""
    strings = bytearray(b"\0")

    def placed(text: str) -> int:
        strings.extend(os.fsencode(text) + b"\0")
        return len(strings) - len(os.fsencode(text)) - 1

    entries = [(1, placed(name)) for name in binary.needed]
    entries += [(tag, placed(text)) for tag, text in ((29, binary.runpath), (15, binary.rpath)) if text]
    loader = os.fsencode(binary.loader) + b"\0" if binary.loader else b""
    rows = 3 if loader else 2
    start = 64 + 56 * rows
    dynamic_size = 16 * (len(entries) + 3)
    at_strings = start + len(loader) + dynamic_size
    entries += [(5, at_strings), (10, len(strings)), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    size = at_strings + len(strings)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", binary.kind, 62, 1, 0, 64, 0, 0, 64, 56, rows, 0, 0, 0)
    table = [(1, 0, size), (2, start + len(loader), len(dynamic))]
    table += [(3, start, len(loader))] if loader else []
    segments = b"".join(
        struct.pack("<IIQQQQQQ", kind, 4, offset, offset, offset, length, length, 8) for kind, offset, length in table
    )
    return head + segments + loader + dynamic + bytes(strings)
