"""The seam for positions: how far each shard of a mapping's stream has been handled, and which server reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["LEASE_S", "HeldShard", "Position", "Positions"]

LEASE_S: Final = 60.0


class Position(Struct, frozen=True):
    """Where a shard stands: everything up to a record has been handled, or given up."""

    sequence_number: str | None = None  # of that record; None: there has been none yet
    began_ms: float | None = None  # Unix time since which records count while there has been none; None: all count
    window_start_ms: int | None = None  # of the tumbling window that is open
    window_state: bytes = b"{}"  # JSON: what the function has made of the window so far
    is_finished: bool = False  # the shard has ended, and was handled to its end


class HeldShard(Struct, frozen=True):
    """A shard's position, and the proof that this server is the one that reads it."""

    mapping: str  # its UUID
    shard: str
    position: Position | None  # None: nobody has read it yet
    lease: int


class Positions(Protocol):
    """Keeps positions by mapping and shard.

    A lease lasts until it is given back, or for LEASE_S after it was taken, renewed or saved with: others read the
    shards of a server that has gone. A call with a lease that was lost changes nothing. A position that is lost costs
    a repetition: records since the one before are handled once more.
    """

    async def all(self, mapping: str) -> Mapping[str, Position]:
        """Return the position of every shard of a mapping, by its id."""

    async def take(self, mapping: str, shard: str) -> HeldShard | None:
        """Lease a shard; None while another server has it."""

    async def save(self, held: HeldShard, position: Position) -> bool:
        """Write how far a shard has been handled, soon; False when the lease was lost: then stop reading."""

    async def renew(self, held: HeldShard) -> bool:
        """Keep a lease; False when it was lost: then stop reading."""

    async def give_back(self, held: HeldShard) -> None:
        """Let others have a shard."""

    async def drop(self, mapping: str, shards: Collection[str]) -> None:
        """Forget the positions of shards that a mapping's stream no longer has."""

    async def forget(self, mapping: str) -> None:
        """Forget the positions of a mapping that no longer exists."""

    async def keep_only(self, mappings: Collection[str]) -> None:
        """Forget every other mapping: one may have been removed at a moment when its positions could not be."""
