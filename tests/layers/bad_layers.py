"""For each rule a layer that breaks it, and a similar one that does not."""

from __future__ import annotations

import importlib.util
import stat
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.layers.corpus import Member, link, packed
from tests.layers.elf_files import ARM64, elf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROVIDED, PYTHON = "provided.al2023", "python3.12"
PACKED_AT = 315_532_800  # 1980-01-01, the time of everything that `packed` packs
RUN = stat.S_IFREG | 0o755
BOOTSTRAP = Member("bootstrap", b"#!/bin/sh\n", mode=RUN)
PLAIN = Member("python/a.py", b"a = 1\n")
HOST = f"cpython-{sys.version_info[0]}{sys.version_info[1]}"
HOST_RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True)
class Case:
    """Layers that break a rule, and layers that keep it; each is a list of members, or the bytes of an archive."""

    bad: Sequence[Sequence[Member] | bytes]
    good: Sequence[Sequence[Member] | bytes]
    path: str = ""
    words: str = ""
    runtime: str = PROVIDED


def provided(*members: Member) -> list[Member]:
    """A layer with a bootstrap, so that it breaks no other rule."""
    return [BOOTSTRAP, *members]


def timed(seconds: int, size: int) -> bytes:
    """Bytecode that is validated by its source's time and size."""
    return importlib.util.MAGIC_NUMBER + struct.pack("<III", 0, seconds, size)


def hashed(source: bytes, flags: int = 1) -> bytes:
    """Bytecode that has its source's hash."""
    return importlib.util.MAGIC_NUMBER + struct.pack("<I", flags) + importlib.util.source_hash(source)


def sized(name: str, size: int) -> Member:
    """A file of this many zeros, which pack quickly."""
    return Member(name, bytes(size), 8)


def native(name: str, **how: object) -> Member:
    """An ELF file."""
    return Member(name, elf(**how), mode=RUN)  # type: ignore[arg-type]


def stored(size: int) -> bytes:
    """An archive with this many bytes of uncompressed content."""
    return packed(BOOTSTRAP, Member("lib/zeros", bytes(size)))


GLIBC = "libc.so.6"
CACHED = f"python/__pycache__/a.{HOST}.pyc"

CASES = {
    "L101": Case([b"no zip"], [provided()], "", "is not a readable .zip file"),
    "L102": Case([provided(Member("../up"))], [provided(Member("lib/up"))], "../up", "outside /opt"),
    "L103": Case([provided(Member("lib\\x"))], [provided(Member("lib/x"))], "lib\\x", "backslash"),
    "L104": Case([provided(PLAIN, PLAIN)], [provided(PLAIN)], "python/a.py", "more than once"),
    "L105": Case([[Member("python/a.py", mode=0)]], [[PLAIN]], "", "records no file modes", PYTHON),
    "L201": Case([stored(52_428_801)], [stored(52_000_000)], "", "50.0 MB zipped, over 50.0 MB"),
    "L202": Case(
        [provided(sized("lib/a", 140_000_000)), [sized("lib/b", 130_000_000)]],
        [provided(sized("lib/a", 140_000_000)), [sized("lib/b", 120_000_000)]],
        "",
        "over 250.0 MB; the largest is",
    ),
    "L203": Case(
        [provided(), *([Member(f"lib/{n}")] for n in range(5))],
        [provided(), *([Member(f"lib/{n}")] for n in range(4))],
        "",
        "are 6, but a function can have at most 5",
    ),
    "L301": Case(
        [[Member("mine/bootstrap", b"#!/bin/sh\n", mode=RUN)]],
        [provided()],
        "mine/bootstrap",
        "one directory too deep",
    ),
    "L302": Case(
        [provided(Member("extensions/x", b"#!/bin/sh\n"))],
        [provided(Member("extensions/x", b"#!/bin/sh\n", mode=RUN))],
        "extensions/x",
        "chmod 755",
    ),
    "L303": Case([[Member("bootstrap", b"#!/bin/sh\r\n", mode=RUN)]], [provided()], "bootstrap", "CRLF"),
    "L304": Case(
        [[Member("bootstrap", b"#!/opt/py/bin/python3 -IS\n", mode=RUN)]],
        [
            [
                Member("bootstrap", b"#!/opt/py/bin/python3 -IS\n", mode=RUN),
                Member("py/bin/python3", b"#!/bin/sh\n", mode=RUN),
            ]
        ],
        "bootstrap",
        "needs /opt/py/bin/python3, which is in none",
    ),
    "L305": Case(
        [[PLAIN, Member("attrs-1.dist-info/METADATA")]],
        [[PLAIN, Member("python/attrs-1.dist-info/METADATA")]],
        "attrs-1.dist-info",
        "move it into python/",
        PYTHON,
    ),
    "L306": Case(
        [[Member("python/lib/python3.9/site-packages/a.py")]],
        [[Member("python/lib/python3.12/site-packages/a.py")]],
        "python/",
        "is for python 3.9",
        PYTHON,
    ),
    "L307": Case([[Member("stuff/a.py")]], [[PLAIN]], "", "has nothing where python3.12 looks", PYTHON),
    "L401": Case(
        [provided(Member("lib/x", mode=stat.S_IFREG | 0o640))], [provided(Member("lib/x"))], "lib/x", "mode 640"
    ),
    "L402": Case(
        [provided(Member("lib/", b"", mode=stat.S_IFDIR | 0o700))],
        [provided(Member("lib/", b"", mode=stat.S_IFDIR | 0o755))],
        "lib",
        "mode 700",
    ),
    "L403": Case([provided(Member("bin/x"))], [provided(Member("bin/x", mode=RUN))], "bin/x", "cannot be run"),
    "L404": Case(
        [provided(Member("lib/x", mode=stat.S_IFREG | 0o4755))],
        [provided(Member("lib/x", mode=RUN))],
        "lib/x",
        "4755",
    ),
    "L501": Case(
        [provided(native("lib/x.so", machine=ARM64))], [provided(native("lib/x.so"))], "lib/x.so", "is for arm64"
    ),
    "L502": Case(
        [provided(native("lib/x.so", needs={GLIBC: {"GLIBC_2.35": "hypot", "GLIBC_2.36": "arc4random"}}))],
        [provided(native("lib/x.so", needs={GLIBC: {"GLIBC_2.34": "close_range"}}))],
        "lib/x.so",
        "needs GLIBC_2.36 (symbol arc4random), but provided.al2023 has glibc 2.34",
    ),
    "L503": Case(
        [provided(native("bin/x", needed=["liby.so.1", GLIBC]))],
        [provided(native("bin/x", needed=["liby.so.1", GLIBC]), native("lib/liby.so.1"))],
        "bin/x",
        "needs liby.so.1",
    ),
    "L504": Case(
        [provided(native("bin/x", interpreter="/lib/ld-musl-x86_64.so.1"))],
        [provided(native("bin/x", interpreter="/lib64/ld-linux-x86-64.so.2"))],
        "bin/x",
        "ld-musl",
    ),
    "L505": Case(
        [[native("python/m.cpython-311-x86_64-linux-gnu.so")]],
        [[native("python/m.cpython-312-x86_64-linux-gnu.so")]],
        "python/m.cpython-311-x86_64-linux-gnu.so",
        "Python 3.11",
        PYTHON,
    ),
    "L506": Case(
        [provided(Member("lib/x.so", elf()[:80]))], [provided(Member("lib/x.so", elf()))], "lib/x.so", "again"
    ),
    "L507": Case(
        [provided(native("lib/x.so", needed=["libz.so.1"]))],
        [provided(native("lib/x.so", needed=["libz.so.1"]), native("lib/libz.so.1"))],
        "lib/x.so",
        "needs libz.so.1",
    ),
    "L601": Case(
        [[PLAIN, Member(CACHED, timed(PACKED_AT + 9, 6))]],
        [[PLAIN, Member(CACHED, timed(PACKED_AT, 6))]],
        CACHED,
        "is stale",
        HOST_RUNTIME,
    ),
    "L602": Case(
        [[PLAIN, Member(CACHED, hashed(b"a = 2\n"))]],
        [[PLAIN, Member(CACHED, hashed(b"a = 1\n"))]],
        CACHED,
        "a different a.py",
        HOST_RUNTIME,
    ),
    "L603": Case(
        [[Member(f"python/{n}.py") for n in range(11)]],
        [[Member(f"python/{n}.py") for n in range(10)]],
        "",
        "11 Python files",
        PYTHON,
    ),
    "L604": Case(
        [[PLAIN, Member("python/__pycache__/a.cpython-39.pyc", hashed(b"a = 1\n", 3))]],
        [[PLAIN, Member("python/__pycache__/a.cpython-312.pyc", hashed(b"a = 1\n", 3))]],
        "",
        "cpython-39",
        PYTHON,
    ),
    "L701": Case(
        [provided(Member("lib/x", b"1")), [Member("lib/x", b"2")]],
        [provided(Member("lib/x", b"1")), [Member("lib/x", b"1")]],
        "lib/x",
        "hides a different file of that name in",
    ),
    "L702": Case(
        [provided(Member("lib/x")), [Member("lib/x/y")]],
        [provided(Member("lib/x")), [Member("lib/y")]],
        "",
        "lib/x is a file in",
    ),
    "L703": Case(
        [
            provided(Member("python/Some_Thing-1.0.dist-info/METADATA")),
            [Member("python/some.thing-2.0.dist-info/METADATA")],
        ],
        [
            provided(Member("python/Some_Thing-1.0.dist-info/METADATA")),
            [Member("python/other-2.0.dist-info/METADATA")],
        ],
        "python/some-thing",
        "several versions (1.0 in",
    ),
}

MORE = {
    "a link that points outside": Case(
        [[*provided(), link("l", "/etc/passwd")]], [[*provided(), link("lib/l", "x")]], "", "make it relative"
    ),
    "no bootstrap at all": Case([[PLAIN]], [provided()], "", "have no bootstrap"),
    "a bootstrap that is not a script": Case(
        [[Member("bootstrap", b"echo", mode=RUN)]], [provided()], "bootstrap", "neither"
    ),
    "a bootstrap that is a directory": Case([[Member("bootstrap/x")]], [provided()], "", "have no bootstrap"),
    "a Python that the image may not have": Case(
        [[Member("bootstrap", b"#!/usr/bin/env python3\n", mode=RUN)]],
        [provided()],
        "bootstrap",
        "may not have",
    ),
}


def write(case: Sequence[Sequence[Member] | bytes], folder: Path) -> list[Path]:
    """Write the archives of one side of a case."""
    archives = []
    for number, layer in enumerate(case):
        archive = folder / f"{number}.zip"
        archive.write_bytes(layer if isinstance(layer, bytes) else packed(*layer))
        archives.append(archive)
    return archives
