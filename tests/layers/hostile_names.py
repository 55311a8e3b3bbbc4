"""Hostile archives whose entries are the trick: names, links, kinds, modes, and two entries in each other's way."""

from __future__ import annotations

import stat
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from tests.layers.hostile import Case, Fate
from tests.layers.raw_zip import Entry, archive, extra

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MARK", "cases"]

MARK = "bootjack-hostile"  # in names of files that must not come to be anywhere
FILE, DIRECTORY, LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777

OUTSIDE = (
    f"../{MARK}",
    f"../../{MARK}",
    f"a/../../{MARK}",
    f"a/b/../../../{MARK}",
    f"a/../{MARK}",  # inside, but a reader that knows no `..` would make a directory of that name
    f"./../{MARK}",
    f".//..//{MARK}",
    f"a/./../../{MARK}",
    "..",
    "../",
    "a/..",
    f"/{MARK}",
    f"//{MARK}",
    f"///tmp/{MARK}",
    f"/../{MARK}",
    f"/proc/self/cwd/{MARK}",
    f"/dev/shm/{MARK}",
    f"C:/{MARK}",
    f"c:{MARK}",
    f"C:\\{MARK}",
    f"\\{MARK}",
    f"\\\\server\\share\\{MARK}",
    f"..\\{MARK}",
    f"a\\..\\..\\{MARK}",
    f"a/..\\../{MARK}",
    f"{MARK}\\",
    "\0",
    f"{MARK}\0.txt",
    f"../{MARK}\0.txt",
    f"a\0/../../{MARK}",
    f"{'../' * 300}{MARK}",
    f"{'d/' * 101}{MARK}",
    f"{'d/' * 3000}{MARK}",
    "n" * 256,
    "é" * 128,
    "n" * 65_535,
    "/".join(["n" * 200] * 6),
)
INSIDE = (
    f"~/{MARK}",
    f"~root/{MARK}",
    f"....//{MARK}",
    f".../{MARK}",
    f"..%2f{MARK}",
    f"%2e%2e/{MARK}",
    f"..;/{MARK}",
    f". ./{MARK}",
    f".. /{MARK}",
    f" ../{MARK}",
    f"\uff0e\uff0e/{MARK}",  # full-width dots
    f"\u2024\u2024/{MARK}",  # one-dot leaders
    f"a\u2215..\u2215{MARK}",  # a slash to look at
    f"file:///{MARK}",
    f"http://host/{MARK}",
    f"{MARK}.",
    f"{MARK} ",
    f"{MARK}./x",
    "con",
    "aux.txt",
    f"{MARK}:stream",
    "-rf",
    f"$(touch {MARK})",
    f"`touch {MARK}`",
    f"; touch {MARK}",
    "*",
    "?",
    f"{MARK}\n../{MARK}",
    "\x1b[2J\x1b]0;title\x07",
    "\r\b\x7f",
    "\u202egpj.exe",
    "\ufeff",
    "\u200b",
    "e\u0301",
    "n" * 255,
    "é" * 127,
    "d/" * 99 + MARK,
)
NOT_TEXT = (b"\xff\xfe", b"\xc0\xae\xc0\xae/x", b"\xed\xa0\x80", b"a\x80b", b"\xf8\x88\x80\x80\x80")
ESCAPES = (
    "..",
    "../",
    "../..",
    f"../{MARK}",
    "./..",
    "d/../..",
    "d/../../etc/passwd",
    "../out/../..",
    "/",
    "//",
    "/etc/passwd",
    "/proc/self/root",
    "/opt/x",
    "./" * 20 + "..",
    "",
    "a\0b",
    "x" * 1025,
    "x/" * 2100,
    "self",
    "self/..",
)


def cases() -> Iterator[Case]:
    """Every case."""
    yield from _names()
    yield from _links()
    yield from _pairs()
    yield from _kinds()
    yield from _second_names()


def _case(name: str, fate: Fate, *entries: Entry) -> Case:
    return Case(name, fate, partial(archive, *entries))


def _names() -> Iterator[Case]:
    shapes = {
        "file": lambda name: Entry(name),
        "directory": lambda name: Entry(name if name.endswith("/") else f"{name}/", b"", DIRECTORY),
        "link": lambda name: Entry(name, b"elsewhere", LINK),
        "packed file behind a good one": lambda name: Entry(name, method=8),
    }
    for (shape, make), (fate, names) in product(shapes.items(), ((Fate.REFUSED, OUTSIDE), (Fate.EXTRACTED, INSIDE))):
        first = (Entry("good"),) if "behind" in shape else ()
        for name in names:
            entry = make(name)
            if len(str(entry.name).encode()) <= 0xFFFF:  # what a header has room for
                yield _case(f"{shape} {name[:60]!r} of {len(name)}", fate, *first, entry)
    for raw, flags in product(NOT_TEXT, (0x0800, 0)):
        fate = Fate.REFUSED if flags else Fate.EXTRACTED
        yield _case(f"name {raw!r} with flags {flags:#x}", fate, Entry(raw, flags=flags))


def _links() -> Iterator[Case]:
    for destination, method in product(ESCAPES, (0, 8)):
        link = Entry("self", destination.encode(), LINK, method)
        yield _case(f"link to {destination[:30]!r} by method {method}", Fate.REFUSED, link)
        if destination.startswith((".", "/")):
            written = Entry(f"self/{MARK}", method=method)
            yield _case(f"written through a link to {destination[:30]!r}, {method}", Fate.REFUSED, link, written)
            yield _case(f"the same, link last, to {destination[:30]!r}, {method}", Fate.REFUSED, written, link)
    up, over, inside = Entry("d/up", b"..", LINK), Entry("l", b"d/up/..", LINK), Entry("e", b"d", LINK)
    for order in ((up, over), (over, up), (inside, up, over), (Entry("d/x"), over, up)):
        yield _case(f"link out by another one: {[entry.name for entry in order]}", Fate.REFUSED, *order)
    chain = [Entry(f"l{number}", f"l{number + 1}".encode(), LINK) for number in range(60)]
    yield _case("chain of 60 links", Fate.REFUSED, *chain)
    yield _case("chain of 30 links", Fate.EXTRACTED, *chain[:30], Entry("l30"))
    yield _case("loop of links", Fate.REFUSED, *chain[:5], Entry("l5", b"l0", LINK))
    for mode in (0o120000, 0o120777, 0o127777):
        yield _case(f"link with mode {mode:o}", Fate.EXTRACTED, Entry("l", b"x", mode))


def _pairs() -> Iterator[Case]:
    """Two entries with one name, in every spelling, and one below the other."""
    made = {
        "file": lambda name: Entry(name),
        "directory": lambda name: Entry(f"{name}/", b"", DIRECTORY),
        "link": lambda name: Entry(name, b"elsewhere", LINK),
    }
    for (one, first), (two, second), spelled in product(made.items(), made.items(), ("x", "./x", ".//x")):
        allowed = one == two != "link"
        yield _case(
            f"{one} x and {two} {spelled}",
            Fate.EXTRACTED if allowed else Fate.REFUSED,
            first("x"),
            second(spelled),
        )
    for (one, first), (two, second) in product(made.items(), made.items()):
        yield _case(f"{one} x and {two} X", Fate.EXTRACTED, first("x"), second("X"))
        yield _case(f"{one} in NFC and {two} in NFD", Fate.EXTRACTED, first("é"), second("e\u0301"))
        below = Fate.EXTRACTED if one == "directory" else Fate.REFUSED
        yield _case(f"{one} x and {two} x/y", below, first("x"), second("x/y"))
        yield _case(f"{two} x/y and {one} x", below, second("x/y"), first("x"))


def _kinds() -> Iterator[Case]:
    kinds = {
        "FIFO": 0o010000,
        "character device": 0o020000,
        "block device": 0o060000,
        "socket": 0o140000,
        "door": 0o150000,
        "whiteout": 0o160000,
        "every bit": 0o170000,
        "unknown": 0o030000,
    }
    creators = {"MS-DOS": 0, "Unix": 3, "NTFS": 10, "OS X": 19, "nobody": 255}
    for (kind, bits), (creator, number) in product(kinds.items(), creators.items()):
        yield _case(f"{kind} made by {creator}", Fate.REFUSED, Entry("x", b"", bits | 0o666, creator=number))
    for bits, (creator, number) in product((0o4755, 0o2755, 0o1777, 0o7777, 0), creators.items()):
        yield _case(f"file with mode {bits:o} by {creator}", Fate.EXTRACTED, Entry("x", mode=bits, creator=number))
        directory = Entry("x/", b"", stat.S_IFDIR | bits, creator=number)
        yield _case(f"directory with mode {bits:o} by {creator}", Fate.EXTRACTED, directory, Entry("x/y"))
    yield _case("directory with content", Fate.REFUSED, Entry("x/", b"content", DIRECTORY))
    yield _case("directory without a slash", Fate.EXTRACTED, Entry("x", b"", DIRECTORY), Entry("x/y"))
    yield _case("file named as a directory", Fate.REFUSED, Entry("x/", b"content", FILE))
    yield _case("link named as a directory", Fate.REFUSED, Entry("x/", b"..", LINK))


def _second_names() -> Iterator[Case]:
    """Extra fields that hold another name, a link or a device: only the header counts."""
    fields = {
        "Unicode path": (0x7075, b"\x01\0\0\0\0" + f"../{MARK}".encode()),
        "absolute Unicode path": (0x7075, b"\x01\0\0\0\0" + f"/{MARK}".encode()),
        "cut Unicode path": (0x7075, b"\x01"),
        "Unicode comment": (0x6375, b"\x01\0\0\0\0../x"),
        "PKWARE Unix link": (0x000D, bytes(12) + b"/etc/passwd"),
        "ASi Unix link": (0x756E, bytes(4) + b"\xff\xa1" + bytes(8) + b"/etc/passwd"),
        "ASi Unix device": (0x756E, bytes(4) + b"\xb6\x21" + bytes(8)),
        "owner root": (0x7875, b"\x01\x04\0\0\0\0\x04\0\0\0\0"),
        "security descriptor": (0x4453, bytes(8)),
    }
    for (what, (number, data)), lie in product(fields.items(), (None, 0xFFFF, 0)):
        both = extra(number, data, lie)
        where = "" if lie is None else f", {lie} bytes long"
        yield _case(f"{what} in the list{where}", Fate.EITHER, Entry(central_extra=both))
        yield _case(f"{what} in both headers{where}", Fate.EITHER, Entry(central_extra=both, local_extra=both))
        yield _case(f"{what} of a link{where}", Fate.EITHER, Entry("l", b"x", LINK, central_extra=both))
    for local in (f"../{MARK}".encode(), f"/{MARK}".encode(), b"other", b"", b"file\0", b"n" * 5000):
        yield _case(f"local name {local[:20]!r}", Fate.REFUSED, Entry(local_name=local))
