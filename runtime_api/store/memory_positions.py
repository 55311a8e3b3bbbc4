"""Positions of shards for as long as the server lives."""

from __future__ import annotations

from itertools import count

from runtime_api.service.seams.positions import HeldShard, Position

__all__ = ["MemoryPositions"]


class MemoryPositions:
    """Implements the seam for one server: its readers lease shards from one another."""

    def __init__(self) -> None:
        self._positions: dict[str, dict[str, Position]] = {}  # by mapping and shard
        self._leases: dict[tuple[str, str], int] = {}
        self._numbers = count(1)

    def put(self, mapping: str, shard: str, position: Position) -> None:
        """Keep a position that was written before."""
        self._positions.setdefault(mapping, {})[shard] = position

    async def all(self, mapping: str) -> dict[str, Position]:
        """Return the position of every shard of a mapping, by its id."""
        return dict(self._positions.get(mapping, {}))

    async def take(self, mapping: str, shard: str) -> HeldShard | None:
        """Lease a shard; None while it is leased."""
        if (mapping, shard) in self._leases:
            return None
        lease = self._leases[mapping, shard] = next(self._numbers)
        return HeldShard(mapping, shard, self._positions.get(mapping, {}).get(shard), lease)

    async def save(self, held: HeldShard, position: Position) -> bool:
        """Keep how far a shard has been handled; False when the lease was lost."""
        if self._leases.get((held.mapping, held.shard)) != held.lease:
            return False
        self.put(held.mapping, held.shard, position)
        return True

    async def give_back(self, held: HeldShard) -> None:
        """Let others have a shard."""
        if self._leases.get((held.mapping, held.shard)) == held.lease:
            del self._leases[held.mapping, held.shard]

    async def forget(self, mapping: str) -> None:
        """Forget the positions of a mapping, and who has its shards."""
        self._positions.pop(mapping, None)
        for held in [each for each in self._leases if each[0] == mapping]:
            del self._leases[held]
