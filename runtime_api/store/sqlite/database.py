"""One SQLite database with one writer: a thread that commits everything that has come in meanwhile at once.

A commit waits for the disk, which takes about as long for one change as for a hundred. So the thread takes all
changes that wait, makes one transaction of them, and tells every one of them when that is on disk.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections import deque
from contextlib import suppress
from functools import cache
from itertools import chain, repeat
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from .reserve import Reserve

__all__ = ["Database", "Rows", "Statement", "StoreError", "migrate", "open_database"]

Statement = tuple["str | Rows", tuple[Any, ...]]
Migration = str

BUSY_S = 10.0
MOST_ROWS = 64  # at once
PREPARED = 256  # statements that stay so: those for each number of rows, above all
CROWD = 8  # changes of one commit, after which the next one waits for others to come
GATHER_S = 0.001
REST_S = 0.05  # for changes that nobody waits for to gather: a commit costs as much as writing a hundred rows


class StoreError(Exception):
    """The store cannot be used or written to; the text says why and what to do."""


class Rows(NamedTuple):
    """A statement that can do for many rows at once what it does for one, such as `VALUES (?, ?)` with more of them.

    One run of it costs less than a run for each row, above all because a thread of Python's that runs a statement has
    to get the interpreter back from the others. In a transaction rows with `comes_last` are written after everything
    else, and other rows before; so a change must not rely on the order of rows and other statements.
    """

    head: str
    row: str
    tail: str = ""
    comes_last: bool = False

    def text(self, count: int) -> str:
        """Return the statement for so many rows."""
        return f"{self.head}{', '.join([self.row] * count)}{self.tail}"


class _Change(NamedTuple):
    statements: Sequence[Statement]
    loop: asyncio.AbstractEventLoop  # on which `settle` is called
    settle: Callable[..., object]
    wants_success: bool  # `settle` is called in any case, and not only with an error
    makes_room: bool = False  # it may use what is reserved for a full disk


class Database:
    """Opens the database, brings its schema up to date, and writes to it from a thread of its own."""

    def __init__(self, path: Path, migrations: Sequence[Migration], reserve: Reserve | None = None) -> None:
        """Open it. StoreError when it is no database of this program, or of a newer one.

        `reserve`: room for changes that free more of it.
        """
        self._path = path
        self._connection = open_database(path, migrations)
        self._reserve = reserve
        self._waiting: deque[_Change] = deque()
        self._signals: SimpleQueue[bool] = SimpleQueue()  # that wake the writer: whether somebody waits for a change
        self._is_urgent = self._is_posted = False  # such a signal is on its way, or was given
        self._closed = False
        self._writer = threading.Thread(target=self._write, name="store", daemon=True)
        self._writer.start()

    def read(self, query: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
        """Return the rows of a query; before the first `write`, or from a connection of its own."""
        with sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S) as connection:
            rows = connection.execute(query, parameters).fetchall()
        connection.close()
        return rows

    async def write(self, *statements: Statement, makes_room: bool = False) -> None:
        """Make a change, whole or not at all, and return when it is on disk. StoreError when it cannot be.

        One that `makes_room`, because packages go with it, is made on a full disk, too.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def settle(error: StoreError | None) -> None:
            if not future.done():
                future.set_result(None) if error is None else future.set_exception(error)

        self._add(_Change(statements, asyncio.get_running_loop(), settle, True, makes_room))
        await future

    def submit(self, statements: Sequence[Statement], settle: Callable[[StoreError | None], object]) -> None:
        """Make a change as `write` does; `settle` is called when it is on disk, or with what keeps it from being."""
        self._add(_Change(statements, asyncio.get_running_loop(), settle, True))

    def post(self, statements: Sequence[Statement], failed: Callable[[StoreError], object]) -> None:
        """Make a change, whole or not at all, after all changes before it; nobody waits for it.

        It is made together with the next one that somebody waits for, or soon. `failed` is called with the reason if
        it cannot be made.
        """

        self._add(_Change(statements, asyncio.get_running_loop(), failed, False))

    async def flush(self) -> None:
        """Return when every change that was asked for before has been made."""
        await self.write()

    def close(self) -> None:
        """Write what waits, and close."""
        self._closed = True
        self._signals.put(True)
        self._writer.join()
        self._connection.close()

    def _add(self, change: _Change) -> None:
        if self._closed:
            raise StoreError("the store is closed")
        self._waiting.append(change)
        if change.wants_success:
            if not self._is_urgent:
                self._is_urgent = True
                self._signals.put(True)
        elif not self._is_posted and not self._is_urgent:
            self._is_posted = True
            self._signals.put(False)

    def _write(self) -> None:
        last = 0  # changes of the commit before
        self._hold_reserve()
        while not self._closed or self._waiting:
            if self._signals.get():
                if last > CROWD:
                    time.sleep(GATHER_S)
            else:
                with suppress(Empty):  # an urgent change ends the rest
                    self._signals.get(timeout=REST_S)
            # First the flags: a change that comes now is taken, or gives a signal.
            self._is_urgent = self._is_posted = False
            take = self._waiting.popleft
            changes = [take() for _ in range(len(self._waiting))]
            if not changes:
                continue
            last = len(changes)
            error = self._commit(changes)
            if error is None:
                self._hold_reserve()
                _settle(changes, repeat(None))
            else:  # one of them cannot be written: find out which, the others must not suffer for it
                _settle(changes, [self._commit_alone(change) for change in changes])

    def _commit_alone(self, change: _Change) -> StoreError | None:
        error = self._commit([change])
        if error is None or not change.makes_room or self._reserve is None or not self._reserve.give_up():
            return error
        return self._commit([change])

    def _hold_reserve(self) -> None:
        if self._reserve is not None:
            self._reserve.hold()

    def _commit(self, changes: Sequence[_Change]) -> StoreError | None:
        """Write all of these or none; returns the error that has kept them from being written."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            _execute(connection, changes)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return StoreError(f"{self._path} cannot be written: {error}; make room on that disk and try again")
        return None


def _execute(connection: sqlite3.Connection, changes: Iterable[_Change]) -> None:
    """Run the statements of changes in order, and rows together: first or last."""
    rows: dict[Rows, list[tuple[Any, ...]]] = {}
    others: list[tuple[str, tuple[Any, ...]]] = []
    for change in changes:
        for statement, parameters in change.statements:
            if isinstance(statement, str):
                others.append((statement, parameters))
            elif (same := rows.get(statement)) is None:
                rows[statement] = [parameters]
            else:
                same.append(parameters)
    for kind in rows:
        if not kind.comes_last:
            _execute_rows(connection, kind, rows[kind])
    for text, parameters in others:
        connection.execute(text, parameters)
    for kind in rows:
        if kind.comes_last:
            _execute_rows(connection, kind, rows[kind])


def _execute_rows(connection: sqlite3.Connection, kind: Rows, rows: list[tuple[Any, ...]]) -> None:
    for start in range(0, len(rows), MOST_ROWS):
        some = rows[start : start + MOST_ROWS]
        connection.execute(_text(kind, len(some)), tuple(chain.from_iterable(some)))


_text = cache(Rows.text)


def _settle(changes: Sequence[_Change], errors: Iterable[StoreError | None]) -> None:
    """Tell who waits what has become of the changes: each event loop once, since every call wakes it."""
    told: dict[asyncio.AbstractEventLoop, list[tuple[Callable[..., object], StoreError | None]]] = {}
    for change, error in zip(changes, errors, strict=False):
        if change.wants_success or error is not None:
            told.setdefault(change.loop, []).append((change.settle, error))
    for loop, ended in told.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_call, ended)


def _call(ended: list[tuple[Callable[..., object], StoreError | None]]) -> None:
    for settle, error in ended:
        settle(error)


def open_database(path: Path, migrations: Sequence[Migration]) -> sqlite3.Connection:
    """Open a database and bring its schema up to date. StoreError when it is no database of this program."""
    if not path.exists():
        try:
            _create(path, migrations)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path} cannot be made: {error}; make room on that disk, or name another") from error
    connection = _open(path)
    try:
        migrate(connection, path, migrations)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreError(f"{path}: {error}; move it away to begin anew") from error
    except StoreError:
        connection.close()
        raise
    return connection


def _create(path: Path, migrations: Sequence[Migration]) -> None:
    """Make a database under another name, and put it in its place as a whole.

    So it waits for the disk twice, where each step of a schema would wait on its own.
    """
    new = path.with_name(f"{path.name}.new")
    for left in (new, *(new.with_name(new.name + end) for end in ("-wal", "-shm", "-journal"))):
        left.unlink(missing_ok=True)  # by a server that was killed here
    connection = _open(new, "OFF")
    try:
        migrate(connection, new, migrations)
    finally:
        connection.close()  # which puts everything into the one file
    _sync(new)
    new.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    """Return when a file, or the names in a directory, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path, synchronous: str = "FULL") -> sqlite3.Connection:
    """A connection; a commit is on disk when it returns, unless `synchronous` says otherwise."""
    connection = None
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=PREPARED
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise StoreError(f"{path}: {error}; move it away to begin anew") from error
    return connection


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Apply the migrations that this database has not seen."""
    (seen,) = connection.execute("PRAGMA user_version").fetchone()
    if seen > len(migrations):
        raise StoreError(f"{path} was written by a newer version of bootjack (schema {seen}): use that one")
    for number, migration in enumerate(migrations[seen:], seen + 1):
        connection.executescript(f"BEGIN;{migration};PRAGMA user_version = {number};COMMIT")
