"""Positions of shards on disk, so that the next server goes on where this one stood.

The directory's lock keeps other servers away, so who reads which shard is decided in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runtime_api.service.seams.positions import HeldShard, Position
from runtime_api.store.memory_positions import MemoryPositions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .database import Database

__all__ = ["MIGRATION", "SqlitePositions"]

MIGRATION = """
    CREATE TABLE positions (
        mapping TEXT NOT NULL, shard TEXT NOT NULL, document BLOB NOT NULL, PRIMARY KEY (mapping, shard)
    ) WITHOUT ROWID
"""
LOAD = "SELECT mapping, shard, document FROM positions"
SAVE = "INSERT OR REPLACE INTO positions (mapping, shard, document) VALUES (?, ?, ?)"
DROP = "DELETE FROM positions WHERE mapping = ? AND shard = ?"
FORGET = "DELETE FROM positions WHERE mapping = ?"


class SqlitePositions:
    """Implements the seam; `note` takes lines about what goes wrong."""

    def __init__(self, database: Database, note: Callable[[str], None]) -> None:
        self._database = database
        self._note = note
        self._memory = MemoryPositions()
        for mapping, shard, document in database.read(LOAD):
            try:
                self._memory.put(mapping, shard, msgspec.json.decode(document, type=Position))
            except msgspec.DecodeError as error:
                note(f"where shard {shard} of mapping {mapping} stands cannot be read, so it begins anew: {error}")

    async def all(self, mapping: str) -> dict[str, Position]:
        """Return the position of every shard of a mapping, by its id."""
        return await self._memory.all(mapping)

    async def take(self, mapping: str, shard: str) -> HeldShard | None:
        """Lease a shard; None while it is leased."""
        return await self._memory.take(mapping, shard)

    async def save(self, held: HeldShard, position: Position) -> bool:
        """Write how far a shard has been handled, soon; False when the lease was lost."""
        if not await self._memory.save(held, position):
            return False
        document = msgspec.json.encode(position)
        self._database.post([(SAVE, (held.mapping, held.shard, document))], self._failed)
        return True

    async def renew(self, held: HeldShard) -> bool:
        """Keep a lease; False when it was lost."""
        return await self._memory.renew(held)

    async def give_back(self, held: HeldShard) -> None:
        """Let others have a shard."""
        await self._memory.give_back(held)

    async def drop(self, mapping: str, shards: Collection[str]) -> None:
        """Forget the positions of shards that the stream has no more."""
        await self._memory.drop(mapping, shards)
        self._database.post([(DROP, (mapping, shard)) for shard in shards], self._failed)

    async def forget(self, mapping: str) -> None:
        """Forget the positions of a mapping, and who has its shards."""
        await self._memory.forget(mapping)
        self._database.post([(FORGET, (mapping,))], self._failed)

    async def keep_only(self, mappings: Collection[str]) -> None:
        """Forget the positions of all mappings but these."""
        for mapping in self._memory.others(mappings):
            await self.forget(mapping)

    def _failed(self, error: Exception) -> None:
        self._note(f"a position in a stream could not be written, so records may be handled once more: {error}")
