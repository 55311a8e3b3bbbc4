"""The temporary directories of a command, which are removed however it ends, except by SIGKILL."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .signals import deferred, removing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime_api.store.trees import Trees

__all__ = ["temporary_folder", "temporary_trees"]

TMPDIR = "TMPDIR"


@contextmanager
def temporary_trees() -> Iterator[Trees]:
    """Keep trees for the command, and remove them at its end, which a first signal does not cut short."""
    from runtime_api.store.trees import Trees

    trees = Trees()
    try:
        with removing(lambda: trees.folder):
            yield trees
    finally:
        with deferred():
            trees.close()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Keep a directory for the command; programs that it starts have their temporary files below it, too."""
    import shutil  # the verbs that run functions start sooner without these
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="bootjack-"))
    before = os.environ.get(TMPDIR)
    try:
        with removing(lambda: folder):
            own = folder / "tmp"
            own.mkdir()
            os.environ[TMPDIR] = str(own)
            yield folder
    finally:
        os.environ.pop(TMPDIR)
        if before is not None:
            os.environ[TMPDIR] = before
        with deferred():
            shutil.rmtree(folder, ignore_errors=True)
