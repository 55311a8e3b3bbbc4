"""The temporary directory of an execution environment that is a plain process, which sees the host's /tmp."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime_api.sandbox import Launch

__all__ = ["OwnTmp", "new_prefix", "remove_all"]

TMPDIR = "TMPDIR"  # mktemp, Python's tempfile, Node's os.tmpdir() and many others look at it; /tmp/NAME does not

_existing: set[str] = set()  # of every environment, for a command that ends before they are closed


class OwnTmp:
    """Makes a directory with the first process of the environment; it lasts as long as the environment.

    Two environments that run at once then share only those files that a function puts under /tmp by name. The
    directory's path begins with `prefix`, by which the guardian finds it after a server that was killed.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._folder = ""

    def given(self, launch: Launch) -> Launch:
        """Name the directory to a process, unless its user has chosen one, or none can be made here."""
        if TMPDIR in launch.variables or not (self._folder or self._made()):
            return launch
        return launch._replace(variables={**launch.variables, TMPDIR: self._folder})

    async def remove(self) -> None:
        """Remove the directory and what is in it, as far as this user may."""
        folder, self._folder = self._folder, ""
        if not folder:
            return
        try:
            os.rmdir(folder)  # noqa: PTH106 - most functions leave nothing, and shutil is slow to import
        except OSError:
            import shutil

            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        _existing.discard(folder)

    def _made(self) -> bool:
        folder = self._prefix + os.urandom(4).hex()
        try:
            os.mkdir(folder, 0o700)  # noqa: PTH102 - fails if somebody else has taken the name
        except OSError:
            return False
        self._folder = folder
        _existing.add(folder)
        return True


def new_prefix() -> str:
    """Return how the paths of this process's directories begin: absolute, and unlike any other process's."""
    place = os.path.abspath(os.environ.get(TMPDIR) or "/tmp")  # noqa: PTH100 - functions have other working directories
    return f"{place}/bootjack-{os.urandom(8).hex()}-"


def remove_all() -> None:
    """Remove the directories of environments that nobody is going to close; their processes have been killed."""
    import shutil

    for folder in tuple(_existing):
        shutil.rmtree(folder, ignore_errors=True)
