"""Room on the disk that is kept for changes which free more of it: a removal is written on a full disk, too."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Reserve"]

BYTES = 1_048_576  # what a removal writes is a few pages of 4 KB


class Reserve:
    """A file beside a database that holds nothing, and makes room when it is given up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_held = False

    def hold(self) -> None:
        """Take the room, unless it is held already, or the disk has none: then the next call tries again."""
        if self._is_held:
            return
        try:
            self._is_held = self._path.exists() and self._path.stat().st_size == BYTES
            if not self._is_held:
                self._fill()
        except OSError:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _fill(self) -> None:
        with self._path.open("wb") as file:
            file.write(bytes(BYTES))
            file.flush()
            os.fsync(file.fileno())  # some file systems find out only now that there is no room
        self._is_held = True

    def give_up(self) -> bool:
        """Make room; returns whether there is more than before."""
        was_held, self._is_held = self._is_held, False
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        return was_held
