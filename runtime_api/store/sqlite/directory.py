"""The directory that outlives the server, and the lock that keeps a second server out of it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from .database import Database, StoreError
from .event_queue import MIGRATIONS as EVENT_MIGRATIONS
from .reserve import Reserve

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

__all__ = ["DataDirectory"]

MIGRATIONS = (
    """
    CREATE TABLE functions (
        account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, document BLOB NOT NULL,
        PRIMARY KEY (account, region, name)
    ) WITHOUT ROWID;
    CREATE TABLE resources (
        account TEXT NOT NULL, region TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, document BLOB NOT NULL,
        PRIMARY KEY (account, region, kind, name)
    ) WITHOUT ROWID;
    CREATE TABLE next_numbers (
        account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL,
        PRIMARY KEY (account, region, name)
    ) WITHOUT ROWID
    """,
)


class DataDirectory:
    """Holds the directory while a server uses it; a context manager."""

    def __init__(self, path: Path) -> None:
        """Take the directory, and make it if there is none. StoreError when it cannot be used."""
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self.packages = path / "packages"
            self.packages.mkdir(exist_ok=True)
            # The kernel lets go of the lock when this process ends, however it ends. Functions do not inherit it.
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}; name a directory that can be written to") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.database = Database(path / "bootjack.sqlite", MIGRATIONS, Reserve(path / "reserve"))
            try:
                self.events = Database(path / "events.sqlite", EVENT_MIGRATIONS)
            except BaseException:
                self.database.close()
                raise
        except BlockingIOError:
            os.close(self._lock)
            raise StoreError(f"{path} is used by another server: stop that one, or name another directory") from None
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, and let the next server have the directory."""
        self.events.close()
        self.database.close()
        os.close(self._lock)
