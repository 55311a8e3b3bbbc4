"""The packer: the same files give the same archive, on any machine and at any time.

Names are sorted, times are fixed (SOURCE_DATE_EPOCH, or the earliest that a .zip can hold), modes are 644 or 755, and
there are no extra fields and no entries for directories that hold something. One variable remains: another release of
zlib may compress differently. Files are compressed on threads, since zlib releases the GIL.
"""

from __future__ import annotations

import os
import stat
import struct
import time
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, NamedTuple

from .errors import LayerError, os_reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from .entries import Entry

__all__ = ["EARLIEST", "Packed", "pack", "packing", "time_of"]

EARLIEST = 315_532_800  # 1980-01-01, the first second that a .zip can hold
_LATEST = 4_354_819_198  # 2107-12-31 23:59:58, the last
_UTF8, _STORED, _DEFLATED = 0x0800, 0, 8  # APPNOTE 4.4.4, 4.4.5
_UNIX, _VERSION = 3 << 8 | 20, 20  # made on Unix; version 2.0 of the format has directories and deflate
_BATCH = 32  # files for each task, since starting a task costs as much as compressing a small file
_AHEAD = 8  # batches that may wait to be written
_MOST_BYTES = 0xFFFF_FFFE  # more would need zip64 fields


class Packed(NamedTuple):
    """The sizes of one packed entry; `zipped` includes its headers."""

    name: str
    unzipped: int
    zipped: int


def time_of(source_date_epoch: str | None) -> int:
    """The time for all entries, in seconds since 1970, from the text of SOURCE_DATE_EPOCH."""
    if not source_date_epoch:
        return EARLIEST
    if not source_date_epoch.isdecimal() or not source_date_epoch.isascii():
        raise LayerError(
            f"SOURCE_DATE_EPOCH is {source_date_epoch!r}: set it to whole seconds since 1970, or unset it"
        )
    return min(max(int(source_date_epoch), EARLIEST), _LATEST)


def pack(entries: Sequence[Entry], archive: Path, seconds: int = EARLIEST) -> list[Packed]:
    """Write the whole archive, or leave what is there untouched; return the size of each entry."""
    return list(packing(entries, archive, seconds))


def packing(entries: Sequence[Entry], archive: Path, seconds: int = EARLIEST) -> Iterator[Packed]:
    """Do the same an entry at a time, to show progress; the archive is in place at the end of the iteration."""
    draft = archive.with_name(f".{archive.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file:
            yield from _write(file, entries, seconds)
        draft.replace(archive)
    except OSError as error:
        where = error.filename if error.filename not in (None, str(draft)) else archive
        raise LayerError(f"{where}: {os_reason(error)}") from error
    finally:
        draft.unlink(missing_ok=True)


def _write(file: IO[bytes], entries: Sequence[Entry], seconds: int) -> Iterator[Packed]:
    moment = _dos_time(seconds)
    directory: list[bytes] = []
    at = 0
    for entry, content in zip(entries, _contents(entries), strict=True):
        name = entry.name.encode()
        fields = (_UTF8 if not name.isascii() else 0, content.method, *moment, content.crc, len(content.data))
        local = struct.pack("<4s5H3L2H", b"PK\x03\x04", _VERSION, *fields, content.size, len(name), 0)
        attributes = entry.mode << 16 | (0x10 if stat.S_ISDIR(entry.mode) else 0)  # 0x10: a directory in MS-DOS
        directory.append(
            struct.pack("<4s6H3L", b"PK\x01\x02", _UNIX, _VERSION, *fields, content.size)
            + struct.pack("<5H2L", len(name), 0, 0, 0, 0, attributes, at)
            + name
        )
        file.write(local + name + content.data)
        at += len(local) + len(name) + len(content.data)
        if at > _MOST_BYTES or content.size > _MOST_BYTES:
            raise LayerError(f"{entry.name} brings the archive to more than 4 GB: a layer has at most 250 MB")
        yield Packed(entry.name, content.size, len(local) + len(directory[-1]) + len(name) + len(content.data))
    file.write(b"".join(directory) + _end(len(directory), sum(map(len, directory)), at))


def _end(count: int, size: int, at: int) -> bytes:
    """The end of central directory; preceded by zip64's where there are more entries than it can count."""
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), size, at, 0)
    if count < 0xFFFF:
        return end
    large = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, _UNIX, 45, 0, 0, count, count, size, at)
    return large + struct.pack("<4sLQL", b"PK\x06\x07", 0, at + size, 1) + end


def _dos_time(seconds: int) -> tuple[int, int]:
    """MS-DOS time and date, with a resolution of two seconds, in UTC."""
    at = time.gmtime(seconds)
    return at.tm_hour << 11 | at.tm_min << 5 | at.tm_sec // 2, at.tm_year - 1980 << 9 | at.tm_mon << 5 | at.tm_mday


class _Content(NamedTuple):
    """An entry's content as the archive stores it."""

    method: int
    crc: int
    size: int
    data: bytes


def _contents(entries: Sequence[Entry]) -> Iterator[_Content]:
    """The contents in the order of the entries; at most a few batches wait in memory."""
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
    return [_content(_read(entry)) for entry in entries]


def _read(entry: Entry) -> bytes:
    if stat.S_ISDIR(entry.mode):
        return b""
    return bytes(entry.path.readlink()) if stat.S_ISLNK(entry.mode) else entry.path.read_bytes()


def _content(data: bytes) -> _Content:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = compressor.compress(data) + compressor.flush()
    if len(deflated) < len(data):
        return _Content(_DEFLATED, zlib.crc32(data), len(data), deflated)
    return _Content(_STORED, zlib.crc32(data), len(data), data)
