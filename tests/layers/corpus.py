"""Hostile archives, one for each refusal of the extractor, written byte by byte since zipfile cannot write most."""

from __future__ import annotations

import bz2
import lzma
import stat
import struct
import zlib
from dataclasses import dataclass

STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
LINK = stat.S_IFLNK | 0o777


@dataclass(frozen=True)
class Member:
    """One entry; fields that are None get the value of an honest archive."""

    name: str | bytes = "file"
    data: bytes = b"hello"
    method: int = STORED
    mode: int = stat.S_IFREG | 0o644
    flags: int = 0x0800
    size: int | None = None
    crc: int | None = None
    stored: bytes | None = None
    local_name: bytes | None = None
    offset: int | None = None


def packed(*members: Member, comment: bytes = b"") -> bytes:
    """An archive of members; a member with an offset gets no local header or content of its own."""
    body, directory = b"", b""
    for member in members:
        name = member.name.encode() if isinstance(member.name, str) else member.name
        stored = compressed(member.data, member.method) if member.stored is None else member.stored
        size = len(member.data) if member.size is None else member.size
        crc = zlib.crc32(member.data) if member.crc is None else member.crc
        common = (20, member.flags, member.method, 0, 0x21, crc, len(stored), size)
        offset = len(body) if member.offset is None else member.offset
        if member.offset is None:
            local = name if member.local_name is None else member.local_name
            body += struct.pack("<4s5H3L2H", b"PK\x03\x04", *common, len(local), 0) + local + stored
        tail = (len(name), 0, 0, 0, 0, member.mode << 16, offset)
        directory += struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 0x0314, *common, *tail) + name
    end = (0, 0, len(members) & 0xFFFF, len(members) & 0xFFFF, len(directory), len(body), len(comment))
    return body + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", *end) + comment


def compressed(data: bytes, method: int) -> bytes:
    if method == DEFLATED:
        return zlib.compress(data, 9, -zlib.MAX_WBITS)
    if method == BZIP2:
        return bz2.compress(data)
    if method == LZMA:
        return lzma_stream(data, 1 << 16)
    return data


def lzma_stream(data: bytes, claimed_window: int) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    stream = lzma.compress(data, lzma.FORMAT_RAW, filters=filters)
    return struct.pack("<BBHBI", 9, 4, 5, 0x5D, claimed_window) + stream


def link(name: str, destination: str) -> Member:
    return Member(name, destination.encode(), mode=LINK)


ZEROS = bytes(30_000_000)
LONG = bytes(1_000_000)  # enough here, and quick to compress wherever this module is imported

HOSTILE: dict[str, tuple[bytes, str]] = {
    "absolute name": (packed(Member("/etc/absolute")), "'/etc/absolute' would be extracted outside"),
    "parent name": (packed(Member("ok"), Member("a/../../up")), "'a/../../up' would be extracted outside"),
    "parent as a directory": (packed(Member("../", b"")), "'../' would be extracted outside"),
    "drive letter": (packed(Member("C:/windows")), "'C:/windows' would be extracted outside"),
    "backslash": (packed(Member("..\\up")), "backslash"),
    "NUL": (packed(Member("a\0.txt")), r"'a\x00.txt' has a NUL"),
    "empty name": (packed(Member("")), "'' has an empty name"),
    "dot as a file": (packed(Member(".")), "'.' has an empty name"),
    "long part": (packed(Member("n" * 256)), "has a name over 1024 bytes, or 255"),
    "long part in bytes": (packed(Member("é" * 128)), "has a name over 1024 bytes, or 255"),
    "long path": (packed(Member("/".join(["n" * 200] * 6))), "has a name over 1024 bytes, or 255"),
    "deep path": (packed(Member("d/" * 101, b"")), "more than 100 directories deep"),
    "character device": (packed(Member("dev", mode=stat.S_IFCHR | 0o666)), "'dev' is a device"),
    "block device": (packed(Member("dev", mode=stat.S_IFBLK | 0o666)), "'dev' is a device"),
    "fifo": (packed(Member("pipe", mode=stat.S_IFIFO | 0o666)), "'pipe' is a device, pipe"),
    "socket": (packed(Member("sock", mode=stat.S_IFSOCK | 0o666)), "'sock' is a device, pipe or socket"),
    "directory with content": (packed(Member("d/", b"content")), "'d/' is a directory with content"),
    "link named as a directory": (packed(link("d/", "..")), "'d/' is a directory with content"),
    "file over directory": (packed(Member("d/x"), Member("d")), "'d' appears twice"),
    "directory over file": (packed(Member("d"), Member("d/", b"")), "'d' appears twice"),
    "file below a file": (packed(Member("d"), Member("d/x")), "'d/x' is below 'd'"),
    "file over link": (packed(link("l", "x"), Member("l")), "'l' appears twice"),
    "link over file": (packed(Member("l"), link("l", "x")), "'l' appears twice"),
    "link over link": (packed(link("l", "x"), link("./l", "y")), "'l' appears twice"),
    "link over directory": (packed(Member("l/x"), link("l", "y")), "'l' appears twice"),
    "file through a link": (packed(link("l", "d"), Member("d/", b""), Member("l/x")), "'l/x' is below 'l'"),
    "link to the parent": (packed(link("l", "..")), "'l' points outside the archive"),
    "link out by a longer way": (packed(link("a/l", "b/../../../etc/passwd")), "'a/l' points outside the archive"),
    "absolute link": (packed(link("l", "/etc/passwd")), "'l' is a link to '/etc/passwd'; make it relative"),
    "link out by an earlier link": (packed(link("d/r", ".."), link("l", "d/r/..")), "'l' points outside the archive"),
    "link out by a later link": (packed(link("l", "d/r/.."), link("d/r", "..")), "'l' points outside the archive"),
    "links in a loop": (packed(link("a", "b"), link("b", "a")), "is in a loop"),
    "link to itself": (packed(link("a", "a/x")), "'a' is in a loop"),
    "links growing": (
        packed(link("a", "b/" + "x/" * 400), link("b", "x/" * 400)),
        "resolves to a path that is too long",
    ),
    "empty link": (packed(link("l", "")), "'l' is a link to a path of 0 bytes"),
    "long link": (packed(link("l", "x" * 1025)), "'l' is a link to a path of 1025 bytes"),
    "link with NUL": (packed(link("l", "a\0b")), "'l' is a link to"),
    "link that is not UTF-8": (packed(Member("l", b"\xff\xfe", mode=LINK)), "'l' is a link to"),
    "link with a wrong CRC": (packed(Member("l", b"x", mode=LINK, crc=1)), "'l' has a wrong CRC"),
    "encrypted": (packed(Member("ok"), Member("secret", flags=0x0801)), "'secret' is encrypted"),
    "strongly encrypted": (packed(Member("secret", flags=0x0841)), "'secret' is encrypted"),
    "patched data": (packed(Member("patch", flags=0x0820)), "'patch' cannot be read"),
    "unknown compression": (packed(Member("ok"), Member("implode", method=6)), "'implode' cannot be read"),
    "deflate64": (packed(Member("d64", method=9)), "compression method 9"),
    "wrong CRC": (packed(Member("ok"), Member("bad", crc=7)), "'bad' has a wrong CRC"),
    "wrong CRC of a directory's file": (packed(Member("d/bad", b"x", DEFLATED, crc=7)), "'d/bad' has a wrong CRC"),
    "stream longer than declared": (packed(Member("liar", LONG, DEFLATED, size=1000)), "'liar' expands to more"),
    "the same, CRC of the part": (
        packed(Member("liar", LONG, DEFLATED, size=1000, crc=zlib.crc32(bytes(1000)))),
        "'liar' expands to more",
    ),
    "bzip2 longer than declared": (packed(Member("liar", LONG, BZIP2, size=1000)), "'liar' expands to more"),
    "lzma longer than declared": (packed(Member("liar", LONG, LZMA, size=1000)), "'liar' expands to more"),
    "stream shorter than declared": (packed(Member("liar", b"x" * 99, DEFLATED, size=100)), "'liar' expands to less"),
    "stored shorter than declared": (packed(Member("liar", b"x", size=100)), "'liar' expands to less"),
    "cut stream": (
        packed(Member("cut", stored=compressed(b"x" * 500, DEFLATED)[:3], method=DEFLATED)),
        "'cut' expands",
    ),
    "cut bzip2": (packed(Member("cut", stored=compressed(b"x" * 500, BZIP2)[:20], method=BZIP2)), "'cut' expands to"),
    "broken deflate": (packed(Member("noise", stored=b"\xff" * 40, method=DEFLATED)), "'noise' cannot be read"),
    "broken bzip2": (packed(Member("noise", stored=b"\xff" * 40, method=BZIP2)), "'noise' cannot be read"),
    "broken lzma": (packed(Member("noise", stored=b"\xff" * 40, method=LZMA)), "'noise' cannot be read"),
    "cut lzma header": (packed(Member("noise", stored=b"\x09", method=LZMA)), "'noise' cannot be read"),
    "over the size declared": (
        packed(Member("ok"), Member("huge", size=262_144_000)),
        "'huge' brings the archive to more than",
    ),
    "one local entry listed twice": (packed(Member("a"), Member("a", offset=0)), "'a' overlaps another entry"),
    "overlap": (packed(Member("a", packed(Member("b"))), Member("b", offset=31)), "'b' overlaps another entry"),
    "entry in the list": (packed(Member("a"), Member("b", offset=40)), "'b' overlaps another entry"),
    "entry past the end": (packed(Member("a"), Member("b", offset=0x7FFFFFFF)), "'b' overlaps another entry"),
    "another name in the local header": (packed(Member("a", local_name=b"b")), "'a' cannot be read"),
    "name that is not UTF-8": (packed(Member(b"\xff\xfe")), "is not a readable .zip file"),
    "not a zip": (b"#!/bin/sh\n" * 100, "is not a readable .zip file"),
    "empty file": (b"", "is not a readable .zip file"),
    "cut file": (packed(Member("a", b"x" * 500))[:-30], "is not a readable .zip file"),
    "head cut off": (packed(Member("a", b"x" * 500), Member("b"))[40:], "overlaps another entry"),
    "list of four gigabytes": (
        struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 0xFFFFFFF0, 0, 0),
        "is not a readable .zip file",
    ),
}
