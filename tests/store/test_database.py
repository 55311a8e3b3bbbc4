"""The database with one writer, the directory with one server, and what older and newer versions have left there."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runtime_api.service.arns import LATEST
from runtime_api.service.owners import Owner
from runtime_api.store.sqlite.database import Database, StoreError
from runtime_api.store.sqlite.directory import MIGRATIONS, DataDirectory
from runtime_api.store.sqlite.functions import StoredFunctions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FIRST = "CREATE TABLE things (name TEXT PRIMARY KEY) WITHOUT ROWID"
SECOND = "ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 7"
THIRD = "CREATE TABLE others (name TEXT); INSERT INTO others SELECT name FROM things"
ADD = "INSERT INTO things (name) VALUES (?)"

# As the first version wrote it: what has been added since has to have a default.
OLDEST_FUNCTION = """
{"name": "f", "account": "123456789012", "region": "us-east-1",
 "latest": {"number": "$LATEST", "configuration": {"Runtime": "python3.11", "Handler": "app.handler", "Role": "r"},
            "code": {"sha256": "", "size": 3, "directory": "/code"}, "revision_id": "1", "last_modified": "then"}}
"""


@contextlib.contextmanager
def opened(path: Path, migrations: Sequence[str]) -> Iterator[Database]:
    database = Database(path, migrations)
    yield database
    database.close()


def fill(path: Path, migrations: Sequence[str], *names: str) -> None:
    with opened(path, migrations) as database:
        for name in names:
            asyncio.run(database.write((ADD, (name,))))


def test_an_older_database_is_brought_up_to_date_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    fill(path, (FIRST,), "a", "b")
    fill(path, (FIRST, SECOND), "c")
    with opened(path, (FIRST, SECOND, THIRD)) as database:
        assert database.read("SELECT name, size FROM things ORDER BY name") == [("a", 7), ("b", 7), ("c", 7)]
        assert database.read("SELECT name FROM others ORDER BY name") == [("a",), ("b",), ("c",)]
        assert database.read("PRAGMA user_version") == [(3,)]
    with opened(path, (FIRST, SECOND, THIRD)) as database:  # no step is taken twice
        assert len(database.read("SELECT name FROM others")) == 3


def test_a_database_that_was_being_made_when_its_server_was_killed_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    (tmp_path / "things.sqlite.new").write_bytes(b"half of it")
    (tmp_path / "things.sqlite.new-wal").write_bytes(b"and half of this")
    fill(path, (FIRST,), "a")
    with opened(path, (FIRST,)) as database:
        assert database.read("SELECT * FROM things") == [("a",)]
    assert [each.name for each in tmp_path.iterdir()] == ["things.sqlite"]


def test_a_step_that_fails_leaves_the_older_database_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    fill(path, (FIRST,), "a")
    with pytest.raises(StoreError, match=r"things\.sqlite"):
        Database(path, (FIRST, f"{SECOND}; INSERT INTO nothing VALUES (1)"))
    with opened(path, (FIRST,)) as database:
        assert database.read("SELECT * FROM things") == [("a",)]


def test_a_newer_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    fill(path, (FIRST, SECOND), "a")
    with pytest.raises(StoreError, match=r"was written by a newer version of bootjack \(schema 2\)"):
        Database(path, (FIRST,))
    with opened(path, (FIRST, SECOND)) as database:
        assert database.read("SELECT * FROM things") == [("a", 7)]


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreError, match="move it away to begin anew"):
        Database(path, (FIRST,))
    assert path.read_bytes() == b"no database at all" * 1000


def test_a_change_that_cannot_be_made_harms_none_that_is_committed_with_it(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"

    async def write_all() -> list[BaseException | None]:
        with opened(path, (FIRST,)) as database:
            changes = [database.write((ADD, (name,)), (ADD, (f"{name}2",))) for name in ("a", "b", "a", "c")]
            return await asyncio.gather(*changes, return_exceptions=True)

    results = asyncio.run(write_all())
    assert [type(result) for result in results] == [type(None), type(None), StoreError, type(None)]
    with opened(path, (FIRST,)) as database:
        names = [name for (name,) in database.read("SELECT name FROM things ORDER BY name")]
        assert names == ["a", "a2", "b", "b2", "c", "c2"]


def test_functions_of_the_first_version_are_read(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "bootjack.sqlite")
    connection.executescript(f"{MIGRATIONS[0]};PRAGMA user_version = 1")
    row = ("123456789012", "us-east-1", "f", OLDEST_FUNCTION.encode())
    connection.execute("INSERT INTO functions VALUES (?, ?, ?, ?)", row)
    connection.execute("INSERT INTO next_numbers VALUES ('123456789012', 'us-east-1', 'gone', 4)")
    connection.commit()
    connection.close()
    with DataDirectory(tmp_path) as directory:
        stored = StoredFunctions(directory.database)
        (function,) = stored.load()
        assert (function.name, function.latest.number, function.latest.code.directory) == ("f", LATEST, "/code")
        assert function.latest.configuration.memory_size == 128
        assert list(stored.load_numbers()) == [(Owner("123456789012", "us-east-1"), "gone", 4)]


def test_a_directory_has_one_server_and_the_lock_dies_with_it(tmp_path: Path) -> None:
    hold = (
        "import pathlib, sys, time; from runtime_api.store.sqlite.directory import DataDirectory; "
        "held = DataDirectory(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", hold, tmp_path], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match="is used by another server: stop that one, or name another directory"):
            DataDirectory(tmp_path)
        other.send_signal(signal.SIGKILL)
    with DataDirectory(tmp_path) as directory:
        assert directory.database.read("PRAGMA user_version") == [(len(MIGRATIONS),)]


def test_a_directory_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="name a directory that can be written to"):
        DataDirectory(tmp_path / "file")
