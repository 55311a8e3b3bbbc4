"""The one packer: the same files give the same bytes, whoever packs them, where and when.

Names are sorted, times fixed (SOURCE_DATE_EPOCH, or the first that a .zip can tell), modes are 644 or 755, there are
no extra fields and no entries for directories that hold something. What may vary is the zlib behind Python: another
release of it may compress another way. Files are compressed on threads, since zlib lets go of the interpreter.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import time
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, NamedTuple

from .errors import LayerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["EARLIEST", "Entry", "Packed", "entries_of", "judge", "pack", "packing", "time_of"]

EARLIEST = 315_532_800  # 1980-01-01, the first second that a .zip can tell
_LATEST = 4_354_819_198  # 2107-12-31 23:59:58, the last
_UTF8, _STORED, _DEFLATED = 0x0800, 0, 8  # APPNOTE 4.4.4, 4.4.5
_UNIX, _VERSION = 3 << 8 | 20, 20  # made on Unix, by a program that knows directories and deflate
_BATCH = 32  # files a task: a task costs as much as a small file
_AHEAD = 8  # batches that may wait to be written
_MOST = 0xFFFF_FFFE  # bytes; more would need extra fields


class Entry(NamedTuple):
    """What shall stand in the archive: name, kind and mode (as in stat), and where its bytes are."""

    name: str
    mode: int
    path: Path


class Packed(NamedTuple):
    """What one entry weighs."""

    name: str
    unzipped: int
    zipped: int


def time_of(environment: str | None) -> int:
    """Seconds since 1970 that entries shall bear, from the text of SOURCE_DATE_EPOCH."""
    if not environment:
        return EARLIEST
    if not environment.isdecimal() or not environment.isascii():
        raise LayerError(f"SOURCE_DATE_EPOCH is {environment!r}: make it whole seconds since 1970, or unset it")
    return min(max(int(environment), EARLIEST), _LATEST)


def entries_of(root: Path) -> list[Entry]:
    """Everything under root, in the order of its bytes; what an archive cannot hold is refused by name."""
    found = list(_walk(root, ""))
    return sorted(found, key=lambda entry: entry.name.encode())


def _walk(folder: Path, prefix: str) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as listing:
            children = list(listing)
        if prefix and not children:
            yield Entry(prefix, stat.S_IFDIR | 0o755, folder)
        for child in children:
            name = prefix + child.name
            mode = child.stat(follow_symlinks=False).st_mode
            judge(name, mode, folder / child.name)
            if stat.S_ISDIR(mode):
                yield from _walk(folder / child.name, name + "/")
            elif stat.S_ISLNK(mode):
                yield Entry(name, stat.S_IFLNK | 0o777, folder / child.name)
            else:
                yield Entry(name, stat.S_IFREG | (0o755 if mode & 0o100 else 0o644), folder / child.name)
    except OSError as error:
        raise LayerError(f"{error.filename}: {(error.strerror or 'cannot be read').lower()}") from error


def judge(name: str, mode: int, path: Path) -> None:
    """`LayerError` for what an archive cannot hold, or nobody can take out of one: a name, a link, a kind."""
    _judge_name(name)
    if stat.S_ISLNK(mode):
        _judge_link(name, str(path.readlink()))
    elif not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise LayerError(f"{path} is a device, pipe or socket: leave it out")


def _judge_name(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise LayerError(f"{name!r} is no UTF-8: rename it") from None
    if "\\" in name:
        raise LayerError(f"{name!r} has a backslash in its name, which Lambda does not keep: rename it")
    if re.match("[A-Za-z]:", name):
        raise LayerError(f"{name!r} begins like a drive of Windows, which extractors refuse: rename it")


def _judge_link(name: str, destination: str) -> None:
    """A link must stay inside: the layer is unpacked elsewhere than here."""
    depth = name.count("/")
    for part in destination.split("/"):
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if destination.startswith("/") or depth < 0:
            raise LayerError(f"{name} is a link to {destination}: make it relative, to something inside the layer")


def pack(entries: Sequence[Entry], archive: Path, seconds: int = EARLIEST) -> list[Packed]:
    """Write the archive whole, or not at all; gives what each entry weighs."""
    return list(packing(entries, archive, seconds))


def packing(entries: Sequence[Entry], archive: Path, seconds: int = EARLIEST) -> Iterator[Packed]:
    """The same, an entry at a time for whoever wants to see it go on; the archive is there at the end."""
    draft = archive.with_name(f".{archive.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file:
            yield from _write(file, entries, seconds)
        draft.replace(archive)
    except OSError as error:
        where = error.filename if error.filename not in (None, str(draft)) else archive
        raise LayerError(f"{where}: {(error.strerror or str(error)).lower()}") from error
    finally:
        draft.unlink(missing_ok=True)


def _write(file: IO[bytes], entries: Sequence[Entry], seconds: int) -> Iterator[Packed]:
    moment = _dos(seconds)
    listing: list[bytes] = []
    at = 0
    for entry, content in zip(entries, _contents(entries), strict=True):
        name = entry.name.encode()
        fields = (_UTF8 if not name.isascii() else 0, content.method, *moment, content.crc, len(content.data))
        local = struct.pack("<4s5H3L2H", b"PK\x03\x04", _VERSION, *fields, content.size, len(name), 0)
        attributes = entry.mode << 16 | (0x10 if stat.S_ISDIR(entry.mode) else 0)  # MS-DOS's bit for a directory
        listing.append(
            struct.pack("<4s6H3L", b"PK\x01\x02", _UNIX, _VERSION, *fields, content.size)
            + struct.pack("<5H2L", len(name), 0, 0, 0, 0, attributes, at)
            + name
        )
        file.write(local + name + content.data)
        at += len(local) + len(name) + len(content.data)
        if at > _MOST or content.size > _MOST:
            raise LayerError(f"{entry.name} takes the archive over 4 GB: a layer has at most 250 MB")
        yield Packed(entry.name, content.size, len(local) + len(listing[-1]) + len(name) + len(content.data))
    file.write(b"".join(listing) + _end(len(listing), sum(map(len, listing)), at))


def _end(count: int, size: int, at: int) -> bytes:
    """The end of the list; with that of zip64 before it when there are more entries than it can count."""
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), size, at, 0)
    if count < 0xFFFF:
        return end
    large = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, _UNIX, 45, 0, 0, count, count, size, at)
    return large + struct.pack("<4sLQL", b"PK\x06\x07", 0, at + size, 1) + end


def _dos(seconds: int) -> tuple[int, int]:
    """Time and date as MS-DOS has them: two seconds a step, in UTC."""
    at = time.gmtime(seconds)
    return at.tm_hour << 11 | at.tm_min << 5 | at.tm_sec // 2, at.tm_year - 1980 << 9 | at.tm_mon << 5 | at.tm_mday


class _Content(NamedTuple):
    """An entry's bytes as they stand in the archive."""

    method: int
    crc: int
    size: int
    data: bytes


def _contents(entries: Sequence[Entry]) -> Iterator[_Content]:
    """In the order of the entries; a few batches are ahead of whoever takes them, no more."""
    batches = iter([entries[at : at + _BATCH] for at in range(0, len(entries), _BATCH)])
    waiting: deque[Future[list[_Content]]] = deque()
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, 8), thread_name_prefix="pack")
    try:
        for batch in batches:
            waiting.append(pool.submit(_compressed, batch))
            if len(waiting) >= _AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _compressed(entries: Iterable[Entry]) -> list[_Content]:
    return [_content(_bytes(entry)) for entry in entries]


def _bytes(entry: Entry) -> bytes:
    if stat.S_ISDIR(entry.mode):
        return b""
    return bytes(entry.path.readlink()) if stat.S_ISLNK(entry.mode) else entry.path.read_bytes()


def _content(data: bytes) -> _Content:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    squeezed = squeezer.compress(data) + squeezer.flush()
    if len(squeezed) < len(data):
        return _Content(_DEFLATED, zlib.crc32(data), len(data), squeezed)
    return _Content(_STORED, zlib.crc32(data), len(data), data)
