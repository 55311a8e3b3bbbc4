"""Fill a directory completely or not at all."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["all_or_nothing"]


@contextlib.contextmanager
def all_or_nothing(target: Path) -> Iterator[None]:
    """Let the caller fill a new or empty directory. If that fails, empty it again, or delete it if it was new."""
    created = not target.is_dir()
    if created:
        target.mkdir(0o700)  # other users see the content only once it is complete
    try:
        yield
        if created:
            target.chmod(0o755)
    except BaseException:
        for child in target.iterdir():
            shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
        if created:
            target.rmdir()
        raise
