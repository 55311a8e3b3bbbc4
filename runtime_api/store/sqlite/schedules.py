"""When each schedule began and was last due, on disk, so that the next server knows what it has missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .database import Database

__all__ = ["StoredSchedules"]

LOAD = "SELECT name, began_ms, seen_ms FROM schedules"
SAVE = "INSERT OR REPLACE INTO schedules (name, began_ms, seen_ms) VALUES (?, ?, ?)"
FORGET = "DELETE FROM schedules WHERE name = ?"


class StoredSchedules:
    """Keeps two times for each schedule; `note` takes lines about what goes wrong."""

    def __init__(self, database: Database, note: Callable[[str], None]) -> None:
        self._database = database
        self._note = note

    def load(self) -> dict[str, tuple[float, float]]:
        """Read when each schedule began, and up to when its due times have been seen to."""
        return {name: (began_ms, seen_ms) for name, began_ms, seen_ms in self._database.read(LOAD)}

    def save(self, name: str, began_ms: float, seen_ms: float) -> None:
        """Write the times of a schedule, soon."""
        self._database.post([(SAVE, (name, began_ms, seen_ms))], self._failed)

    def forget(self, name: str) -> None:
        """Remove a schedule that there is no more."""
        self._database.post([(FORGET, (name,))], self._failed)

    def _failed(self, error: Exception) -> None:
        self._note(f"a schedule could not be written, so it may run once more: {error}")
