"""Hostile archives whose structure is the trick: sizes, bombs, checksums, headers, comments, damage, no archives."""

from __future__ import annotations

import gzip
import io
import lzma
import stat
import struct
import tarfile
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from tests.layers.corpus import compressed
from tests.layers.hostile import Case, Fate
from tests.layers.raw_zip import CENTRAL, END, LOCAL, Entry, archive, extra, zip64_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["cases"]

METHODS = {"stored": 0, "deflated": 8, "bzip2": 12, "lzma": 14}
UNKNOWN = (1, 2, 3, 4, 5, 6, 7, 9, 10, 13, 18, 19, 20, 93, 94, 95, 96, 97, 98, 99, 0xFFFF)
LIES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
MAX32, MAX64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
LINK = stat.S_IFLNK | 0o777
GOOD = (
    Entry("bootstrap", b"#!/bin/sh\n" * 20, stat.S_IFREG | 0o755, 8),
    Entry("d/", b"", stat.S_IFDIR | 0o755),
    Entry("d/file", b"content"),
    Entry("d/link", b"file", LINK),
)


def cases() -> Iterator[Case]:
    """Every case."""
    yield from _sizes()
    yield from _bombs()
    yield from _checks()
    yield from _headers()
    yield from _zip64()
    yield from _surroundings()
    yield from _many()
    yield from _damage()
    yield from _other_formats()


def _case(name: str, fate: Fate, *entries: Entry) -> Case:
    return Case(name, fate, partial(archive, *entries))


def _ready(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _sizes() -> Iterator[Case]:
    data = b"some data " * 50
    for (method, number), size in product(METHODS.items(), (0, 1, len(data) - 1, len(data) + 1, 1 << 31, MAX32 - 1)):
        entry = Entry(data=data, method=number, central={"size": size}, local={"size": size})
        yield _case(f"{method}, said to be {size} bytes long", Fate.REFUSED, entry)
    for (method, number), stored in product(METHODS.items(), (0, 1, 1 << 31, MAX32 - 1)):
        entry = Entry(data=data, method=number, central={"stored": stored}, local={"stored": stored})
        yield _case(f"{method}, said to take {stored} bytes", Fate.REFUSED, entry)
    for (method, number), cut in product(METHODS.items(), (1, 5, 10)):
        stored_bytes = compressed(data, number)[:-cut]
        # The last bytes of a compressed stream may say only that it ends; the CRC holds for what came before.
        fate = Fate.EITHER if number else Fate.REFUSED
        yield _case(f"{method}, {cut} bytes short", fate, Entry(data=data, method=number, stored=stored_bytes))
    for (method, number), noise in product(METHODS.items(), (b"", b"\0" * 40, b"\xff" * 40, bytes(range(256)))):
        entry = Entry(data=data, method=number, stored=noise)
        yield _case(f"{method} of {noise[:3]!r}...", Fate.REFUSED, entry)


def _bombs() -> Iterator[Case]:
    def bomb(size: int, method: int) -> Callable[[], bytes]:
        return lambda: archive(Entry("zeros", bytes(size), method=method))

    for method, number in METHODS.items():
        if number:
            yield Case(f"{method} of 4 MB, said to be 5 bytes", Fate.REFUSED, partial(_liar, number))
    yield Case("4 MB of zeros, said so", Fate.EXTRACTED, bomb(4_000_000, 8))
    claims = [Entry(f"f{number}", central={"size": 250_000_000, "stored": 5}) for number in range(3)]
    yield _case("750 MB said, 15 bytes there", Fate.REFUSED, *claims)
    for count in (2, 50, 1000):
        twins = [Entry(f"f{number}", b"x" * 1000, twin=number > 0, local_name=b"f0") for number in range(count)]
        yield _case(f"{count} entries of the same bytes", Fate.REFUSED, *twins)

    def quoted(count: int) -> bytes:
        """Each entry's content holds the local header of the next (Fifield's quoted overlap)."""
        inner = archive(Entry("kernel", b"x" * 100))
        return archive(*(Entry(f"f{n}", inner, central={"offset": 31 * n}) for n in range(count)))

    for count in (2, 50):
        yield Case(f"{count} entries inside each other", Fate.REFUSED, partial(quoted, count))

    def nested(depth: int) -> bytes:
        content = bytes(100_000)
        for level in range(depth):
            content = archive(*(Entry(f"{level}-{n}.zip", content, method=8) for n in range(4)))
        return content

    for depth in (2, 5):
        yield Case(f"archives in archives, {depth} deep", Fate.EXTRACTED, partial(nested, depth))


def _liar(method: int) -> bytes:
    return archive(Entry("liar", bytes(4_000_000), method=method, central={"size": 5}, local={"size": 5}))


def _checks() -> Iterator[Case]:
    for (method, number), crc in product(METHODS.items(), (0, 1, MAX32)):
        wrong = {"crc": crc}
        yield _case(f"{method} with CRC {crc:#x}", Fate.REFUSED, Entry(method=number, central=wrong, local=wrong))
    yield _case("link with a wrong CRC", Fate.REFUSED, Entry("l", b"x", LINK, central={"crc": 1}))
    for flag, number in product((0x0001, 0x0040, 0x0041, 0x2000, 0x2001), (0, 8, 99)):
        entry = Entry(method=number, stored=b"12bytesofhead", flags=0x0800 | flag)
        yield _case(f"encrypted, flags {flag:#x}, method {number}", Fate.REFUSED, entry)
    for number in UNKNOWN:
        yield _case(f"compression method {number}", Fate.REFUSED, Entry(method=number, stored=b"hello"))
    yield _case("patched data", Fate.REFUSED, Entry(flags=0x0820))
    aes = extra(0x9901, b"\x02\0AE\x03\x08\0")
    yield _case("AES", Fate.REFUSED, Entry(method=99, flags=0x0801, central_extra=aes, local_extra=aes))


def _headers() -> Iterator[Case]:
    """Each field of each record with other values; the two headers of an entry may contradict each other."""
    for field, code in LOCAL.items():
        for value in _values(code):
            yield _case(f"local {field} is {value:#x}", Fate.EITHER, *GOOD[:2], Entry("d/file", local={field: value}))
    for field, code in CENTRAL.items():
        for value in _values(code):
            yield _case(
                f"central {field} is {value:#x}", Fate.EITHER, *GOOD[:2], Entry("d/file", central={field: value})
            )
    for field, code in END.items():
        for value in _values(code):
            content = partial(archive, *GOOD, end={field: value})
            yield Case(f"end's {field} is {value:#x}", Fate.EITHER, content)


def _values(code: str) -> tuple[int, ...]:
    most = 0xFFFF if code == "H" else MAX32
    return tuple(value for value in LIES if value <= most)


def _zip64() -> Iterator[Case]:
    sentinels = {"disk_entries": 0xFFFF, "entries": 0xFFFF, "list_size": MAX32, "list_offset": MAX32}
    size = len(archive(Entry())) - 22
    listing = 46 + 4
    honest = (1, listing, size - listing)
    for what, (entries, length, offset), at in (
        ("honest", honest, size),
        ("no entries", (0, listing, size - listing), size),
        ("2**64 - 1 entries", (MAX64, listing, size - listing), size),
        ("a list of 2**40 bytes", (1, 1 << 40, 0), size),
        ("a list of 2**64 - 1 bytes", (1, MAX64, 0), size),
        ("a list at 2**63", (1, listing, 1 << 63), size),
        ("a list at the end", (1, listing, size), size),
        ("an end at 2**63", honest, 1 << 63),
        ("an end in the content", honest, 10),
    ):
        before = zip64_end(entries, length, offset, at)
        fate = Fate.EXTRACTED if what == "honest" else Fate.EITHER
        yield Case(f"zip64 says {what}", fate, partial(archive, Entry(), end=sentinels, before_end=before))
    yield Case("zip64's sentinels without zip64", Fate.REFUSED, partial(archive, Entry(), end=sentinels))
    for number in (0, 43, 1 << 40, MAX64):
        before = zip64_end(*honest, size, record_size=number)
        content = partial(archive, Entry(), end=sentinels, before_end=before)
        yield Case(f"zip64's end of {number} bytes", Fate.EITHER, content)
    for what, sizes in (
        ("2**62 bytes", struct.pack("<2Q", 1 << 62, 5)),
        ("2**64 - 1 bytes", struct.pack("<2Q", MAX64, MAX64)),
        ("taking 2**62 bytes", struct.pack("<2Q", 5, 1 << 62)),
        ("half a number", b"\x05\0\0\0"),
        ("nothing", b""),
    ):
        field = extra(1, sizes)
        entry = Entry(central={"size": MAX32, "stored": MAX32}, central_extra=field, local_extra=field)
        yield _case(f"zip64 entry of {what}", Fate.REFUSED, entry)
    place = extra(1, struct.pack("<Q", 1 << 62))
    yield _case("zip64 entry at 2**62", Fate.REFUSED, Entry(central={"offset": MAX32}, central_extra=place))
    twice = extra(1, struct.pack("<2Q", 5, 5)) + extra(1, struct.pack("<2Q", MAX64, 5))
    both = {"size": MAX32, "stored": MAX32}
    yield _case("zip64 field twice", Fate.EITHER, Entry(central=both, central_extra=twice))


def _surroundings() -> Iterator[Case]:
    good = archive(*GOOD)
    other = archive(Entry("other", b"another archive"))
    for what, before in (
        ("a script", b"#!/bin/sh\nexit\n"),
        ("a program", b"\x7fELF" + bytes(60)),
        ("another archive", other),
        ("64 KB of zeros", bytes(65_536)),
        ("a signature", b"PK\x03\x04"),
    ):
        yield Case(f"{what} in front", Fate.EXTRACTED, _ready(before + good))
    for what, behind in (
        ("a line", b"\n"),
        ("another archive", other),
        ("64 KB of zeros", bytes(65_536)),
        ("half an end", b"PK\x05\x06\0\0"),
        ("a second end", good[-22:]),
    ):
        yield Case(f"{what} behind", Fate.EITHER, _ready(good + behind))
    for what, comment in (
        ("64 KB", b"c" * 65_535),
        ("an end", b"PK\x05\x06" + bytes(18)),
        ("an archive", other),
        ("a list", b"PK\x01\x02" + bytes(60)),
        ("escape sequences", b"\x1b[2J"),
    ):
        yield Case(f"comment: {what}", Fate.EITHER, partial(archive, *GOOD, comment=comment))
        yield _case(f"comment of an entry: {what}", Fate.EITHER, Entry(comment=comment))
    for length in (1, 100, 0xFFFF):
        content = partial(archive, *GOOD, end={"comment_length": length})
        yield Case(f"comment said to have {length} bytes", Fate.EITHER, content)
    for prefix in ("mimetype", "META-INF/MANIFEST.MF", "[Content_Types].xml", "AndroidManifest.xml"):
        yield _case(f"looks like another format by {prefix}", Fate.EXTRACTED, Entry(prefix), *GOOD)
    yield _case("empty archive", Fate.EXTRACTED)


def _many() -> Iterator[Case]:
    def files(count: int, name: str = "f{}", mode: int = stat.S_IFREG | 0o644) -> Callable[[], bytes]:
        return lambda: archive(*(Entry(name.format(number), b"", mode) for number in range(count)))

    yield Case("1,000 files in as many directories", Fate.EXTRACTED, files(1000, "{}/file"))
    yield Case("2,000 empty links", Fate.REFUSED, files(2000, "l{}", LINK))
    yield Case("3,000 names of 250 bytes", Fate.EXTRACTED, files(3000, "{:0250}"))
    yield Case("99 directories deep, 30 times", Fate.EXTRACTED, files(30, "{}/" + "d/" * 98 + "f"))
    same = partial(archive, *([Entry("same", b"")] * 3000))
    yield Case("3,000 files with one name", Fate.EXTRACTED, same)


def _damage() -> Iterator[Case]:
    good = archive(*GOOD)
    for cut in range(0, len(good), 12):
        yield Case(f"cut to {cut} bytes", Fate.REFUSED, _ready(good[:cut]))
    for start in range(1, len(good), 24):
        yield Case(f"{start} bytes missing in front", Fate.EITHER, _ready(good[start:]))
    for place, value in product(range(0, len(good) - 4, 16), (b"\0\0\0\0", b"\xff\xff\xff\xff")):
        content = good[:place] + value + good[place + 4 :]
        yield Case(f"{value[:1]!r} at {place}", Fate.EITHER, _ready(content))


def _other_formats() -> Iterator[Case]:
    def tar() -> bytes:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as bundle:
            for name, kind in (("../up", tarfile.REGTYPE), ("/abs", tarfile.REGTYPE), ("hard", tarfile.LNKTYPE)):
                member = tarfile.TarInfo(name)
                member.type, member.linkname = kind, "/etc/passwd"
                bundle.addfile(member)
        return file.getvalue()

    for what, content in {
        "nothing": bytes,
        "one byte": lambda: b"P",
        "a signature": lambda: b"PK\x05\x06",
        "zeros": lambda: bytes(4096),
        "tar": tar,
        "tar.gz": lambda: gzip.compress(tar()),
        "tar.xz": lambda: lzma.compress(tar()),
        "7z": lambda: b"7z\xbc\xaf\x27\x1c" + bytes(100),
        "RAR": lambda: b"Rar!\x1a\x07\x01\0" + bytes(100),
        "CAB": lambda: b"MSCF" + bytes(100),
        "PDF": lambda: b"%PDF-1.7\n" + bytes(100),
        "ELF": lambda: b"\x7fELF" + bytes(100),
        "HTML": lambda: b"<!doctype html><title>404 Not Found</title>",
        "JSON": lambda: b'{"message":"Forbidden"}',
        "Git LFS pointer": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    }.items():
        yield Case(f"not a .zip: {what}", Fate.REFUSED, content)
