"""Takes packages in, and makes of them what can be run on this machine."""

from __future__ import annotations

import asyncio
import shutil
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.sandbox.entrypoint import Program, bootstrap_program
from runtime_api.service.errors import InvalidParameterValueException
from runtime_api.service.function_record import Code
from runtime_api.service.rules import Uploaded
from runtime_api.store.archives import DirectoryArchives

from .installations import Installation

if TYPE_CHECKING:
    from runtime_api.protocol.limits import Limits
    from runtime_api.service.function_record import Configuration, Version
    from runtime_api.service.records import CodeRef
    from runtime_api.service.seams.archives import Unpacked
    from runtime_api.store.trees import Trees

    from .installations import Address, Installations

__all__ = ["Installer"]

ANY_PORT: Address = ("127.0.0.1", 0)
BAD_ARCHIVE = "Could not unzip uploaded file. Please check your file, then try to upload again."


class Installer:
    """Keeps packages among `trees`, unpacks them, and installs them in `installations`."""

    def __init__(self, trees: Trees, installations: Installations, limits: Limits) -> None:
        self._trees = trees
        self._archives = DirectoryArchives(trees)
        self._installations = installations
        self._limits = limits

    async def take_in(self, package: bytes) -> Uploaded:
        """Keep a package; InvalidParameterValueException for one that cannot be run."""
        return await asyncio.get_running_loop().run_in_executor(None, self._take_in, package)

    async def install(self, version: Version, known: CodeRef | None) -> CodeRef:
        """Make a version's code ready to be run. Code that is no package is taken from where it is known already."""
        if known is not None and not version.code.sha256:
            return self._installations.copy(known)
        unpacked = await asyncio.get_running_loop().run_in_executor(None, self._unpack, version.code.sha256)
        program = _program(version.configuration, unpacked.lease.path)
        try:
            return self._installations.add(Installation(program, ANY_PORT, leases=(unpacked.lease,)))
        finally:
            unpacked.lease.release()

    def remove(self, code: CodeRef) -> None:
        """Give up what was installed."""
        self._installations.remove(code)

    def _take_in(self, package: bytes) -> Uploaded:
        digest = sha256(package).hexdigest()
        folder = self._trees.hold("packages", Path.mkdir).path
        path = folder / digest
        if not path.exists():
            path.write_bytes(package)
        self._archives.add(path)
        unpacked = self._unpack(digest)
        unpacked.lease.release()
        return Uploaded(Code(digest, len(package)), unpacked.unzipped_bytes)

    def _unpack(self, digest: str) -> Unpacked:
        from bootjack_layers.archive import ArchiveError, TooLargeError

        most = self._limits.unzipped_bytes
        try:
            return self._archives.unpack(digest, most)
        except TooLargeError:
            raise InvalidParameterValueException(f"Unzipped size must be smaller than {most} bytes") from None
        except ArchiveError as error:
            reason = str(error).rpartition(f"{digest}: ")[2]
            raise InvalidParameterValueException(f"{BAD_ARCHIVE} ({reason})") from error


def _program(configuration: Configuration, task_root: Path) -> Program:
    """How a runtime starts: its own bootstrap, or the package's."""
    if not configuration.runtime.startswith("python3."):
        return bootstrap_program(task_root)
    import bootjack_bootstrap

    bootstrap = Path(bootjack_bootstrap.__file__).with_name("bootstrap")
    interpreter = shutil.which(configuration.runtime) or sys.executable
    command = (interpreter, str(bootstrap), configuration.handler)
    return Program(task_root, command=command, mounts=(bootstrap.parent,))
