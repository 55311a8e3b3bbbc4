"""The archives that one function is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.protocol.limits import CURRENT, Limits
from runtime_api.service.code_size import ArchiveSize, bytes_left, size_refusal

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from runtime_api.service.seams.archives import Archives, Lease

__all__ = ["Package", "PackageError"]


class PackageError(Exception):
    """One sentence for the user: which archive cannot be used, why, and what to do."""


class Package:
    """Unpacks the code and layers of one function, within Lambda's limit for their size.

    A context manager: when its body raises, the function is not made, and what was unpacked for it is released.
    """

    def __init__(self, archives: Archives, limits: Limits = CURRENT) -> None:
        self._archives = archives
        self._limits = limits
        self._sizes: list[ArchiveSize] = []
        self.leases: list[Lease] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for lease in self.leases:
                lease.release()

    def unpack(self, archive: Path) -> Path:
        """Unpack one archive and return its directory. PackageError says why it cannot be used."""
        from bootjack_layers.archive import ArchiveError, TooLargeError

        try:
            sha256 = self._archives.add(archive)
            lease, size = self._archives.unpack(sha256, bytes_left(self._sizes, self._limits))
        except TooLargeError as error:
            reason = size_refusal([*self._sizes, ArchiveSize(archive.name, error.declared)], self._limits)
            raise PackageError(f"{archive}: {reason}") from error
        except ArchiveError as error:
            raise PackageError(str(error)) from error
        except OSError as error:
            raise PackageError(f"{archive}: {(error.strerror or str(error)).lower()}") from error
        self.leases.append(lease)
        self._sizes.append(ArchiveSize(archive.name, size))
        return lease.path
