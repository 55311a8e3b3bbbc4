"""Archives on this disk: each content is unpacked once, and removed with its last user.

An archive is not copied: its bytes are read where the user keeps them, once for the hash and once to unpack. A file
that changes in between is refused. `bootjack_layers` is imported on first use: most functions are directories.
"""

from __future__ import annotations

import errno
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.service.seams.archives import Unpacked

if TYPE_CHECKING:
    from pathlib import Path

    from .trees import Trees

__all__ = ["DirectoryArchives"]

# A file system's clock may tick only every second or two, so a file written to within its last tick can change again
# and keep its time. The hash of a file is remembered only when its time is older than this.
SETTLED_NS = 2_000_000_000


class DirectoryArchives:
    """Unpacks archives into trees."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._hashes: dict[_Stamp, str] = {}
        self._files: dict[str, tuple[Path, _Stamp]] = {}  # where the bytes with a hash were seen last
        self._sizes: dict[str, int] = {}

    def add(self, archive: Path) -> str:
        stamp = _stamp(archive)
        sha256 = self._hashes.get(stamp)
        if sha256 is None:
            import hashlib

            with archive.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if time.time_ns() - stamp.written_ns > SETTLED_NS:
                self._hashes[stamp] = sha256
        self._files[sha256] = archive, stamp
        return sha256

    def unpack(self, sha256: str, most_bytes: int) -> Unpacked:
        from bootjack_layers.archive import ArchiveError, Ceilings, TooLargeError, extract

        archive, stamp = self._files[sha256]

        def make(path: Path) -> None:
            self._sizes[sha256] = extract(archive, path, Ceilings(unzipped_bytes=most_bytes)).unzipped_bytes
            if _stamp(archive) != stamp:
                raise ArchiveError(f"{archive}: changed while it was being read; try again")

        lease = self._trees.hold(sha256, make)
        size = self._sizes[sha256]
        if size > most_bytes:  # it was unpacked already, for a function with more room
            lease.release()
            error = TooLargeError(f"{archive}: takes {size} bytes unzipped, over {most_bytes}")
            error.declared = size
            raise error
        return Unpacked(lease, size)


class _Stamp(NamedTuple):
    """What tells one state of a file from another without reading it."""

    device: int
    inode: int
    size: int
    written_ns: int


def _stamp(archive: Path) -> _Stamp:
    found = archive.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is a device, pipe or socket; name a .zip file")
    return _Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
