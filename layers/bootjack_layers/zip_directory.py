"""Read the central directory of an untrusted .zip file, within limits."""

from __future__ import annotations

import contextlib
import importlib
import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile, ZipInfo

from .errors import ArchiveError, entry_error, reason_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CHUNK", "DEFAULT_CEILINGS", "UNREADABLE", "Archive", "Ceilings", "open_zip", "original_name"]

CHUNK = 1 << 18
_LOCAL_HEADER = 30  # bytes of its fixed part: APPNOTE 4.3.7
_UTF8_NAME = 0x0800  # general purpose bit 11: APPNOTE 4.4.4

# What zipfile and the decoders raise on hostile bytes: ValueError includes UnicodeDecodeError, RuntimeError includes
# NotImplementedError, bz2 raises OSError, and a Python built without bz2 or lzma ImportError.
UNREADABLE: tuple[type[Exception], ...] = (BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)
UNREADABLE += (OverflowError, MemoryError, OSError, ImportError)
with contextlib.suppress(ImportError):
    UNREADABLE += (importlib.import_module("lzma").LZMAError,)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Limits on what one archive may cost.

    A compression ratio is not among them: bytes are counted as they are expanded, and that stops a bomb of any ratio.
    """

    unzipped_bytes: int = 262_144_000  # guide 605: 250 MB unzipped, all layers together
    entries: int = 100_000  # includes directories that names imply; zip64 allows more than a plain zip's 65,535
    links: int = 10_000  # each is read and resolved before anything is written
    listing_bytes: int = 64 << 20  # zipfile reads the central directory whole; this is 670 bytes for each entry
    path_bytes: int = 1024  # PATH_MAX of macOS; Linux has 4096, of which the target directory needs a part
    name_bytes: int = 255  # NAME_MAX
    depth: int = 100  # shutil.rmtree holds one descriptor for each level, and macOS gives a process 256


DEFAULT_CEILINGS = Ceilings()


class Archive(io.BufferedReader):
    """The archive's bytes; reading a central directory that exceeds the ceilings raises `ArchiveError`."""

    ceilings = DEFAULT_CEILINGS

    def __init__(self, path: Path, ceilings: Ceilings) -> None:
        super().__init__(io.FileIO(path), CHUNK)
        self.ceilings = ceilings

    def read(self, size: int | None = -1, /) -> bytes:
        # Only the central directory is read in more than a chunk. zipfile parses all of it at once, so an archive
        # of nothing but entries would take many times its size in memory before they could be counted.
        if size is None or size <= CHUNK:
            return super().read(size)
        if size > self.ceilings.listing_bytes:
            limit = self.ceilings.listing_bytes
            raise ArchiveError(f"has a central directory of {size} bytes, over {limit}; put fewer files into it")
        listing = super().read(size)
        if listing.count(b"PK\x01\x02") > self.ceilings.entries:
            raise ArchiveError(f"has more than {self.ceilings.entries} entries; put fewer files into it")
        return listing


def open_zip(file: Archive) -> ZipFile:
    """Parse the central directory; refuse one whose entries overlap."""
    try:
        bundle = ZipFile(file)
    except UNREADABLE as error:
        raise ArchiveError(f"is not a readable .zip file: {reason_of(error)}; create it again") from error
    _refuse_overlaps(bundle)
    return bundle


def _refuse_overlaps(bundle: ZipFile) -> None:
    """Entries that share bytes let a few kilobytes expand to petabytes (Fifield, A better zip bomb, 2019)."""
    free = 0
    for info in sorted(bundle.infolist(), key=lambda info: info.header_offset):
        end = info.header_offset + _LOCAL_HEADER + len(info.orig_filename) + info.compress_size
        if info.header_offset < free or end > bundle.start_dir:
            what = "overlaps another entry or the central directory; create the archive again"
            raise entry_error(original_name(info), what)
        free = end


def original_name(info: ZipInfo) -> str:
    """The name as its creator meant it: zip on Linux writes UTF-8 without setting the flag for it."""
    if info.flag_bits & _UTF8_NAME or info.orig_filename.isascii():
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode()
    except UnicodeDecodeError:
        return info.orig_filename
