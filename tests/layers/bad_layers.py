"""A layer for each rule that breaks it, beside one that is almost the same and keeps it."""

from __future__ import annotations

import importlib.util
import stat
import struct
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.layers.corpus import Member, link, packed
from tests.layers.elves import ARM64, elf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROVIDED, PYTHON = "provided.al2023", "python3.12"
OLD = 0x21  # 1980-01-01 as MS-DOS has it; `packed` dates everything so
OLD_SECONDS = 315_532_800
RUN = stat.S_IFREG | 0o755
BOOTSTRAP = Member("bootstrap", b"#!/bin/sh\n", mode=RUN)
PLAIN = Member("python/a.py", b"a = 1\n")
HOST = f"cpython-{sys.version_info[0]}{sys.version_info[1]}"
HOST_RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True)
class Case:
    """Layers, each a list of members; or the bytes of one archive."""

    bad: Sequence[Sequence[Member] | bytes]
    good: Sequence[Sequence[Member] | bytes]
    path: str = ""
    words: str = ""
    runtime: str = PROVIDED
    sparse: dict[str, int] = field(default_factory=dict)  # not used by every rule


def provided(*members: Member) -> list[Member]:
    """With a bootstrap, so that no other rule speaks."""
    return [BOOTSTRAP, *members]


def timed(seconds: int, size: int) -> bytes:
    """Bytecode that tells its source's time and size."""
    return importlib.util.MAGIC_NUMBER + struct.pack("<III", 0, seconds, size)


def hashed(source: bytes, flags: int = 1) -> bytes:
    """Bytecode that tells its source's hash."""
    return importlib.util.MAGIC_NUMBER + struct.pack("<I", flags) + importlib.util.source_hash(source)


def sized(name: str, size: int) -> Member:
    """A file of that size that is quick to make: zeros."""
    return Member(name, bytes(size), 8)


def native(name: str, **how: object) -> Member:
    """A binary."""
    return Member(name, elf(**how), mode=RUN)  # type: ignore[arg-type]


def noise(size: int) -> bytes:
    """Bytes that take as much room in an archive as they have."""
    return packed(BOOTSTRAP, Member("lib/noise", bytes(size)))


GLIBC = "libc.so.6"
CACHED = f"python/__pycache__/a.{HOST}.pyc"

CASES = {
    "L101": Case([b"no zip"], [provided()], "", "is not a readable .zip file"),
    "L102": Case([provided(Member("../up"))], [provided(Member("lib/up"))], "../up", "leaves /opt"),
    "L103": Case([provided(Member("lib\\x"))], [provided(Member("lib/x"))], "lib\\x", "backslash"),
    "L104": Case([provided(PLAIN, PLAIN)], [provided(PLAIN)], "python/a.py", "more than once"),
    "L105": Case([[Member("python/a.py", mode=0)]], [[PLAIN]], "", "no entry has a mode", PYTHON),
    "L201": Case([noise(52_428_801)], [noise(52_000_000)], "", "50.0 MB zipped, over 50.0 MB"),
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
        "are 6, and a function has at most 5",
    ),
    "L301": Case(
        [[Member("mine/bootstrap", b"#!/bin/sh\n", mode=RUN)]], [provided()], "mine/bootstrap", "one directory down"
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
        "asks for /opt/py/bin/python3, which none",
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
    "L403": Case([provided(Member("bin/x"))], [provided(Member("bin/x", mode=RUN))], "bin/x", "cannot be started"),
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
        "needs GLIBC_2.36 (symbol arc4random), and provided.al2023 has glibc 2.34",
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
        [[PLAIN, Member(CACHED, timed(OLD_SECONDS + 9, 6))]],
        [[PLAIN, Member(CACHED, timed(OLD_SECONDS, 6))]],
        CACHED,
        "is stale",
        HOST_RUNTIME,
    ),
    "L602": Case(
        [[PLAIN, Member(CACHED, hashed(b"a = 2\n"))]],
        [[PLAIN, Member(CACHED, hashed(b"a = 1\n"))]],
        CACHED,
        "another a.py",
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
        "hides another file of that name in",
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
    "a link that leads out": Case(
        [[*provided(), link("l", "/etc/passwd")]], [[*provided(), link("lib/l", "x")]], "", "make it relative"
    ),
    "no bootstrap at all": Case([[PLAIN]], [provided()], "", "bring no bootstrap"),
    "a bootstrap that is no script": Case(
        [[Member("bootstrap", b"echo", mode=RUN)]], [provided()], "bootstrap", "neither"
    ),
    "a bootstrap that is a directory": Case([[Member("bootstrap/x")]], [provided()], "", "bring no bootstrap"),
    "python that nobody promised": Case(
        [[Member("bootstrap", b"#!/usr/bin/env python3\n", mode=RUN)]],
        [provided()],
        "bootstrap",
        "is not known to have",
    ),
}


def write(case: Sequence[Sequence[Member] | bytes], folder: Path) -> list[Path]:
    """The archives of a case."""
    archives = []
    for number, layer in enumerate(case):
        archive = folder / f"{number}.zip"
        archive.write_bytes(layer if isinstance(layer, bytes) else packed(*layer))
        archives.append(archive)
    return archives
