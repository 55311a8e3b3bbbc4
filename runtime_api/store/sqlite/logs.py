"""Log events on disk, in a database of their own with one thread: what comes in is written in chunks, some a second.

A chunk that was written survives the end of this process, however it ends; a power cut may cost the last ones
(`synchronous = NORMAL`), but damages nothing. Beyond a number of bytes the oldest chunks go.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .database import StoreError, migrate, open_database
from .log_schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from runtime_api.service.logs.chunks import Chunk, StreamKey

__all__ = ["LogStore"]

Result = TypeVar("Result")

EPHEMERAL_PAGE_BYTES = 16_384  # chunks take many pages, and each page some time
TRIMMED = 1 / 16  # of all chunks go at once when there are too many bytes
CHECKS = 64  # for each time that the bound could have been written: how often it is checked

INSERT_GROUP = "INSERT OR IGNORE INTO log_groups (account, region, name, created) VALUES (?, ?, ?, ?)"
SELECT_GROUP = "SELECT id FROM log_groups WHERE account = ? AND region = ? AND name = ?"
INSERT_STREAM = "INSERT OR IGNORE INTO log_streams (log_group, name, created) VALUES (?, ?, ?)"
SELECT_STREAM = "SELECT id FROM log_streams WHERE log_group = ? AND name = ?"
INSERT_CHUNK = "INSERT INTO log_chunks (written, first, last, data) VALUES (?, ?, ?, ?)"
INSERT_PLACE = (
    "INSERT INTO log_places (stream, chunk, number, written, first, last, size) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
OLDEST = "SELECT id FROM log_chunks ORDER BY id LIMIT 1 OFFSET (SELECT CAST(COUNT(*) * ? AS INTEGER) FROM log_chunks)"
USED = (
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)


class LogStore:
    """Keeps log events, at most `most_bytes` of them, in a file; without one they go with this object."""

    def __init__(self, path: Path | None, most_bytes: int) -> None:
        """StoreError when the file is no database of this program, or cannot be written."""
        self._most_bytes = most_bytes
        self._connection = _ephemeral() if path is None else _lasting(path)
        self._stream_ids: dict[StreamKey, int] = {}
        self._unchecked_bytes = 0
        # Everything that touches the connection runs on this thread, one after the other.
        self._thread = ThreadPoolExecutor(1, "logs")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, and close."""
        self._thread.shutdown()
        self._connection.close()

    def append(self, chunk: Chunk) -> asyncio.Future[None]:
        """Write a chunk; StoreError when it cannot be written."""
        return asyncio.get_running_loop().run_in_executor(self._thread, self._append, chunk)

    async def read(self, query: Callable[[sqlite3.Connection], Result]) -> Result:
        """Return what a query finds; it sees everything that was appended before."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, query)

    async def change(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        """Make a change to groups and streams, whole or not at all."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._change, change)

    # -- on the thread

    def _append(self, chunk: Chunk) -> None:
        now = time.time_ns() // 1_000_000
        first = min(extent.first_ms for _, extent in chunk.extents.values())
        last = max(extent.last_ms for _, extent in chunk.extents.values())
        try:
            with self._transaction():
                cursor = self._connection.execute(INSERT_CHUNK, (now, first, last, chunk.data))
                places = [
                    (self._stream_id(key, now), cursor.lastrowid, number, now, *extent)
                    for number, (key, extent) in chunk.extents.items()
                ]
                self._connection.executemany(INSERT_PLACE, places)
        except StoreError:
            self._stream_ids.clear()  # those that were made in this transaction are gone with it
            raise
        self._unchecked_bytes += len(chunk.data)
        if self._unchecked_bytes > self._most_bytes // CHECKS:
            self._unchecked_bytes = 0
            self._trim()

    def _read(self, query: Callable[[sqlite3.Connection], Result]) -> Result:
        with _explained():
            return query(self._connection)

    def _change(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        self._stream_ids.clear()  # streams may go; those that are written to are made again
        with self._transaction():
            return change(self._connection)

    def _stream_id(self, key: StreamKey, now: int) -> int:
        """The stream's id; it and its group are made if they are not there."""
        known = self._stream_ids.get(key)
        if known is None:
            execute = self._connection.execute
            execute(INSERT_GROUP, (*key[:3], now))
            (group,) = execute(SELECT_GROUP, key[:3]).fetchone()
            execute(INSERT_STREAM, (group, key.stream, now))
            (known,) = execute(SELECT_STREAM, (group, key.stream)).fetchone()
            self._stream_ids[key] = known
        return known

    def _trim(self) -> None:
        """Delete the oldest chunks until the rest fits, and the streams that have nothing left."""
        execute = self._connection.execute
        while execute(USED).fetchone()[0] > self._most_bytes:
            with self._transaction():
                (oldest,) = execute(OLDEST, (TRIMMED,)).fetchone()
                places = execute("DELETE FROM log_places WHERE chunk <= ?", (oldest,)).rowcount
                chunks = execute("DELETE FROM log_chunks WHERE id <= ?", (oldest,)).rowcount
                execute("DELETE FROM log_streams WHERE id NOT IN (SELECT stream FROM log_places)")
            self._stream_ids.clear()
            if not places and not chunks:
                return

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"the store of logs cannot be used: {error}") from error


def _lasting(path: Path) -> sqlite3.Connection:
    connection = open_database(path, MIGRATIONS)
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _ephemeral() -> sqlite3.Connection:
    """A database in a file without a name, which the kernel deletes when this process ends."""
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA page_size = {EPHEMERAL_PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = MEMORY")
    connection.execute("PRAGMA synchronous = OFF")
    migrate(connection, Path("logs"), MIGRATIONS)
    return connection
