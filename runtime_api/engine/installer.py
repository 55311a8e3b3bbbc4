"""Takes packages in, and makes of them what can be run on this machine."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.service.errors import InvalidParameterValueException, ServiceException
from runtime_api.service.function_record import Code
from runtime_api.service.records import DIRECTORY, IMAGE
from runtime_api.service.rules import Uploaded
from runtime_api.store.archives import DirectoryArchives

from .installations import Installation
from .programs import plan

if TYPE_CHECKING:
    from collections.abc import Set

    from runtime_api.protocol.limits import Limits
    from runtime_api.service.records import CodeRef
    from runtime_api.service.seams.archives import Lease, Unpacked
    from runtime_api.store.trees import Trees

    from .installations import Address, Installations

__all__ = ["Installer"]

ANY_PORT: Address = ("127.0.0.1", 0)
MAKE_ROOM = "make room on that disk and try again"
NO_ENTRIES = b"PK\5\6"  # the end of a directory, which a .zip file starts with when it holds nothing else
EMPTY_ARCHIVE = "Uploaded file must be a non-empty zip"
BAD_ARCHIVE = "Could not unzip uploaded file. Please check your file, then try to upload again."


class Installer:
    """Keeps packages in a folder, unpacks them to `trees`, and installs them in `installations`."""

    def __init__(
        self, trees: Trees, installations: Installations, limits: Limits, packages: Path | None = None
    ) -> None:
        """`packages`: the folder; None: among the trees, with which it goes."""
        self._packages = packages
        self._trees = trees
        self._archives = DirectoryArchives(trees)
        self._installations = installations
        self._limits = limits
        self._installing: dict[CodeRef, asyncio.Future[None]] = {}

    async def take_in(self, package: bytes) -> Uploaded:
        """Keep a package; InvalidParameterValueException for one that cannot be run."""
        return await asyncio.get_running_loop().run_in_executor(None, self._take_in, package)

    async def discard(self, sha256: str) -> None:
        """Delete a package that no function has any more; what has been unpacked of it may still be in use."""
        await asyncio.get_running_loop().run_in_executor(None, partial(self._path(sha256).unlink, missing_ok=True))

    def sweep(self, used: Set[str]) -> None:
        """Delete what a server that was killed has left in the folder of packages."""
        for path in self._packages.iterdir() if self._packages is not None else ():
            if path.name not in used:
                path.unlink()

    async def install(self, code: CodeRef) -> None:
        """Make a package ready to be run, unless it is already."""
        if code in self._installations:
            return
        installing = self._installing.get(code)
        if installing is None:
            installing = asyncio.ensure_future(self._install(code))
            self._installing[code] = installing
            installing.add_done_callback(lambda _done: self._installing.pop(code))
        await asyncio.shield(installing)

    async def _install(self, code: CodeRef) -> None:
        leases = await asyncio.get_running_loop().run_in_executor(None, self._unpack_all, code)
        unpacked = iter(leases)
        try:
            if self._installations.is_used(code):
                task_root, *layers = (
                    Path(each.removeprefix(DIRECTORY)) if each.startswith(DIRECTORY) else next(unpacked).path
                    for each in (code.id, *code.layers)
                )
                program, note = await plan(code, task_root, tuple(layers))
                self._installations.put(code, Installation(program, ANY_PORT, leases=tuple(leases), note=note))
        finally:
            for lease in leases:
                lease.release()

    def _take_in(self, package: bytes) -> Uploaded:
        if not package or package.startswith(NO_ENTRIES):
            raise InvalidParameterValueException(EMPTY_ARCHIVE)
        digest = sha256(package).hexdigest()
        path = self._path(digest)
        if not path.exists():
            try:
                _write(path, package)
            except OSError as error:
                raise ServiceException(
                    f"{path.parent} cannot keep the package: {error.strerror}; {MAKE_ROOM}"
                ) from error
        unpacked = self._unpack(digest, self._limits.unzipped_bytes)
        unpacked.lease.release()
        return Uploaded(Code(digest, len(package)), unpacked.unzipped_bytes)

    async def package(self, sha256: str) -> bytes | None:
        """Return the bytes of a package; None if it is not here any more."""
        try:
            return await asyncio.get_running_loop().run_in_executor(None, self._path(sha256).read_bytes)
        except FileNotFoundError:
            return None

    def _unpack_all(self, code: CodeRef) -> list[Lease]:
        """Unpack a package and its layers, which together have a limit; directories are used where they are."""
        leases: list[Lease] = []
        left = self._limits.unzipped_bytes
        try:
            for sha256 in (code.id, *code.layers):
                if sha256.startswith(DIRECTORY):
                    continue
                if sha256.startswith(IMAGE):
                    leases.append(self._trees.hold(IMAGE, Path.mkdir))
                    continue
                unpacked = self._unpack(sha256, left)
                leases.append(unpacked.lease)
                left -= unpacked.unzipped_bytes
        except BaseException:
            for lease in leases:
                lease.release()
            raise
        return leases

    def _unpack(self, digest: str, most: int) -> Unpacked:
        from bootjack_layers.archive import ArchiveError, TooLargeError

        try:
            self._archives.add(self._path(digest))
            return self._archives.unpack(digest, most)
        except TooLargeError:
            raise InvalidParameterValueException(
                f"Unzipped size must be smaller than {self._limits.unzipped_bytes} bytes"
            ) from None
        except ArchiveError as error:
            if isinstance(error.__cause__, OSError):  # this machine's fault, not that of the archive
                raise ServiceException(
                    f"The package cannot be unpacked: {error.__cause__.strerror}; {MAKE_ROOM}"
                ) from error
            reason = str(error).rpartition(f"{digest}: ")[2]
            raise InvalidParameterValueException(BAD_ARCHIVE, known=(f"The package {reason}",)) from error

    def _path(self, digest: str) -> Path:
        folder = self._packages or self._trees.hold("packages", Path.mkdir).path
        return folder / digest


def _write(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole, on disk, or not at all."""
    written = path.with_suffix(".part")
    try:
        with written.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        written.rename(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
