"""The archives that functions are made of: each content is unpacked once, those of one function have a ceiling.

What reads archives is imported when there is one: most functions are directories.
"""

from __future__ import annotations

import errno
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from runtime_api.protocol.limits import CURRENT

from .options import fail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime_api.sandbox.trees import Lease, Trees

__all__ = ["Archives", "Package"]

SETTLED_NS = 2_000_000_000  # what was written before that has a time of its own: the clock of files may be as coarse


class Archives:
    """Unpacks archives into trees; of two with the same bytes the second is there already."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._digests: dict[_Stamp, str] = {}
        self._sizes: dict[str, int] = {}

    @contextmanager
    def package(self) -> Iterator[Package]:
        """For one function's archives; they are given back when it is not made after all."""
        package = Package(self)
        try:
            yield package
        except BaseException:
            for lease in package.leases:
                lease.release()
            raise

    def hold(self, archive: Path, most: int) -> tuple[Lease, int]:
        """The unpacked archive and its bytes; TooLargeError when these are more than `most`."""
        from bootjack_layers.archive import ArchiveError, Ceilings, TooLargeError, extract

        stamp = _stamp(archive)
        digest = self._digest(archive, stamp)

        def make(path: Path) -> None:
            self._sizes[digest] = extract(archive, path, Ceilings(unzipped_bytes=most)).unzipped_bytes
            if _stamp(archive) != stamp:
                raise ArchiveError(f"{archive}: was written to while it was read; try again")

        lease = self._trees.hold(digest, make)
        if self._sizes[digest] > most:
            lease.release()
            error = TooLargeError(f"{archive}: unfolds to more than {most} bytes")
            error.declared = self._sizes[digest]
            raise error
        return lease, self._sizes[digest]

    def _digest(self, archive: Path, stamp: _Stamp) -> str:
        digest = self._digests.get(stamp)
        if digest is None:
            import hashlib

            with archive.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if time.time_ns() - stamp.written_ns > SETTLED_NS:
                self._digests[stamp] = digest
        return digest


class Package:
    """The archives of one function, code and layers: what they hold together is bounded (guide 605)."""

    def __init__(self, archives: Archives) -> None:
        self._archives = archives
        self._parts: list[tuple[Path, int]] = []
        self.leases: list[Lease] = []

    def unpack(self, archive: Path) -> Path:
        """The directory that an archive is unpacked to; a usage error when it cannot be, or is too much."""
        from bootjack_layers.archive import ArchiveError, TooLargeError

        before = sum(size for _, size in self._parts)
        try:
            lease, size = self._archives.hold(archive, CURRENT.unzipped_bytes - before)
        except TooLargeError as error:
            self._refuse(archive, error.declared)
        except ArchiveError as error:
            fail(str(error))
        except OSError as error:
            fail(f"{archive}: {(error.strerror or str(error)).lower()}")
        self.leases.append(lease)
        self._parts.append((archive, size))
        return lease.path

    def _refuse(self, archive: Path, size: int) -> NoReturn:
        parts = [*self._parts, (archive, size)]
        listed = " + ".join(f"{path.name} {part:,}" for path, part in parts)
        total = f"{sum(part for _, part in parts):,} bytes unzipped"
        what = f"unfolds to {total}" if len(parts) == 1 else f"takes the function's archives to {total} ({listed})"
        most = f"{CURRENT.unzipped_bytes:,} that code and layers may have together"
        fail(f"{archive}: {what}, over the {most}; leave something out")


class _Stamp(NamedTuple):
    """Another one means other bytes, most likely."""

    device: int
    inode: int
    size: int
    written_ns: int


def _stamp(archive: Path) -> _Stamp:
    found = archive.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is a device, pipe or socket; name a .zip file")
    return _Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
