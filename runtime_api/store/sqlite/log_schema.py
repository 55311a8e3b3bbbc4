"""The tables that log events are kept in."""

from __future__ import annotations

__all__ = ["MIGRATIONS"]

# A chunk is what was written at one time, by whatever streams; `log_places` says which streams it has something of,
# and which number each of them has in it. Chunk ids are never given twice: events are known by them.
MIGRATIONS = (
    """
    CREATE TABLE log_groups (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
        created INTEGER NOT NULL, retention INTEGER, UNIQUE (account, region, name)
    );
    CREATE TABLE log_streams (
        id INTEGER PRIMARY KEY, log_group INTEGER NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL,
        UNIQUE (log_group, name)
    );
    CREATE TABLE log_chunks (
        id INTEGER PRIMARY KEY AUTOINCREMENT, written INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        data BLOB NOT NULL
    );
    CREATE INDEX log_chunks_by_last ON log_chunks (last);
    CREATE TABLE log_places (
        stream INTEGER NOT NULL, chunk INTEGER NOT NULL, number INTEGER NOT NULL, written INTEGER NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (stream, chunk)
    ) WITHOUT ROWID;
    CREATE INDEX log_places_by_chunk ON log_places (chunk)
    """,
)
