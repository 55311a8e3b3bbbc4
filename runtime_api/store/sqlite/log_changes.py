"""Changes to log groups and streams; each is made in a transaction of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

__all__ = ["create_group", "create_stream", "delete_group", "delete_stream", "set_retention"]

# Chunks that hold events of these streams only.
OWN_CHUNKS = """
    DELETE FROM log_chunks WHERE id IN (SELECT chunk FROM log_places WHERE stream IN ({streams})) AND NOT EXISTS
    (SELECT 1 FROM log_places WHERE chunk = log_chunks.id AND stream NOT IN ({streams}))
"""
OF_GROUP = "SELECT id FROM log_streams WHERE log_group = :group"
OF_NAME = f"{OF_GROUP} AND name = :name"


def create_group(connection: sqlite3.Connection, account: str, region: str, name: str, now_ms: int) -> bool:
    """Make a group; False when there is one of this name."""
    query = "INSERT OR IGNORE INTO log_groups (account, region, name, created) VALUES (?, ?, ?, ?)"
    return connection.execute(query, (account, region, name, now_ms)).rowcount > 0


def create_stream(connection: sqlite3.Connection, group: int, name: str, now_ms: int) -> bool:
    """Make a stream; False when the group has one of this name."""
    query = "INSERT OR IGNORE INTO log_streams (log_group, name, created) VALUES (?, ?, ?)"
    return connection.execute(query, (group, name, now_ms)).rowcount > 0


def delete_group(connection: sqlite3.Connection, group: int) -> None:
    """Delete a group with everything in it."""
    _delete_streams(connection, OF_GROUP, {"group": group})
    connection.execute("DELETE FROM log_groups WHERE id = ?", (group,))


def delete_stream(connection: sqlite3.Connection, group: int, name: str) -> bool:
    """Delete a stream with its events; False when there is none of this name."""
    return _delete_streams(connection, OF_NAME, {"group": group, "name": name}) > 0


def set_retention(connection: sqlite3.Connection, group: int, days: int | None) -> None:
    """Keep the events of a group for so many days; None: as long as there is room."""
    connection.execute("UPDATE log_groups SET retention = ? WHERE id = ?", (days, group))


def _delete_streams(connection: sqlite3.Connection, streams: str, parameters: dict[str, object]) -> int:
    connection.execute(OWN_CHUNKS.format(streams=streams), parameters)
    connection.execute(f"DELETE FROM log_places WHERE stream IN ({streams})", parameters)
    return connection.execute(f"DELETE FROM log_streams WHERE id IN ({streams})", parameters).rowcount
