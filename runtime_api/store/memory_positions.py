"""Positions of shards for as long as the server lives."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.service.seams.positions import LEASE_S, HeldShard, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["MemoryPositions"]


class _Lease(NamedTuple):
    number: int
    until_s: float


class MemoryPositions:
    """Implements the seam for one server: its readers lease shards from one another."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells seconds."""
        self._clock = clock
        self._positions: dict[str, dict[str, Position]] = {}  # by mapping and shard
        self._leases: dict[tuple[str, str], _Lease] = {}
        self._numbers = count(1)

    def put(self, mapping: str, shard: str, position: Position) -> None:
        """Keep a position that was written before."""
        self._positions.setdefault(mapping, {})[shard] = position

    async def all(self, mapping: str) -> dict[str, Position]:
        """Return the position of every shard of a mapping, by its id."""
        return dict(self._positions.get(mapping, {}))

    async def take(self, mapping: str, shard: str) -> HeldShard | None:
        """Lease a shard; None while it is leased."""
        lease = self._leases.get((mapping, shard))
        if lease is not None and self._clock() < lease.until_s:
            return None
        held = HeldShard(mapping, shard, self._positions.get(mapping, {}).get(shard), next(self._numbers))
        self._extend(held)
        return held

    async def save(self, held: HeldShard, position: Position) -> bool:
        """Keep how far a shard has been handled; False when the lease was lost."""
        if not await self.renew(held):
            return False
        self.put(held.mapping, held.shard, position)
        return True

    async def renew(self, held: HeldShard) -> bool:
        """Keep a lease; False when it was lost."""
        if not self._has(held):
            return False
        self._extend(held)
        return True

    async def give_back(self, held: HeldShard) -> None:
        """Let others have a shard."""
        if self._has(held):
            del self._leases[held.mapping, held.shard]

    async def drop(self, mapping: str, shards: Collection[str]) -> None:
        """Forget the positions of shards that the stream has no more."""
        for shard in shards:
            self._positions.get(mapping, {}).pop(shard, None)

    async def forget(self, mapping: str) -> None:
        """Forget the positions of a mapping, and who has its shards."""
        self._positions.pop(mapping, None)
        for held in [each for each in self._leases if each[0] == mapping]:
            del self._leases[held]

    async def keep_only(self, mappings: Collection[str]) -> None:
        """Forget the positions of all mappings but these."""
        for mapping in self.others(mappings):
            await self.forget(mapping)

    def others(self, mappings: Collection[str]) -> list[str]:
        """Return the mappings that have positions and are none of these."""
        return [mapping for mapping in self._positions if mapping not in mappings]

    def _has(self, held: HeldShard) -> bool:
        """Whether nobody else has taken it; a lease that has merely run out can still be kept."""
        lease = self._leases.get((held.mapping, held.shard))
        return lease is not None and lease.number == held.lease

    def _extend(self, held: HeldShard) -> None:
        self._leases[held.mapping, held.shard] = _Lease(held.lease, self._clock() + LEASE_S)
