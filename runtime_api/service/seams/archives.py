"""The seam for code: an archive is known by the SHA-256 of its bytes, wherever those are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Archives", "Lease", "Unpacked"]


class Lease(Protocol):
    """One user's share in a directory; the directory is removed when the last lease is released."""

    @property
    def path(self) -> Path:
        """The directory."""

    def share(self) -> Lease:
        """Return another lease of the same directory."""

    def release(self) -> None:
        """Give the lease up; a second call does nothing."""


class Unpacked(NamedTuple):
    """The contents of an archive, as a read-only directory."""

    lease: Lease
    unzipped_bytes: int


class Archives(Protocol):
    """Keeps archives and unpacks them. Both methods block, and are safe to call from any thread."""

    def add(self, archive: Path) -> str:
        """Take in the bytes of this file, and return their SHA-256 in hexadecimal digits."""

    def unpack(self, sha256: str, most_bytes: int) -> Unpacked:
        """Unpack an archive that was added, unless somebody still holds it unpacked.

        Raises ArchiveError for an archive that cannot be used, and its subclass TooLargeError for one that takes more
        than `most_bytes` unzipped (both from `bootjack_layers.archive`).
        """
