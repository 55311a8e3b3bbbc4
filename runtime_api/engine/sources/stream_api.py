"""What Kinesis and DynamoDB streams have in common, for their poller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from runtime_api.store.aws_requests import AwsError

if TYPE_CHECKING:
    from runtime_api.service.seams.positions import Position
    from runtime_api.service.streams.records import StreamRecord

__all__ = ["RETENTION_MS", "ListedShard", "Page", "StreamApi", "member"]


RETENTION_MS = 86_400_000.0  # of DynamoDB always, of Kinesis unless it was changed


class ListedShard(NamedTuple):
    """A shard, as the stream lists it."""

    shard_id: str
    parents: tuple[str, ...]  # shards whose records come before those of this one
    is_closed: bool  # nothing is written to it any more


class Page(NamedTuple):
    """What one read has found."""

    records: list[StreamRecord]
    following: str | None  # the iterator to read on with; None: the shard has ended
    is_tip: bool  # nothing more is there yet
    behind_ms: float | None = None  # of the last record behind the newest one, where the service says it


class StreamApi(Protocol):
    """A stream; AwsError for what is refused or cannot be understood."""

    idle_s: float  # between reads of a shard that bring nothing: the rate at which Lambda polls

    async def shards(self) -> list[ListedShard]:
        """Return every shard that still has records."""

    async def retention_ms(self) -> float:
        """Return how long the stream keeps a record."""

    async def iterator(self, shard: str, position: Position, *, is_latest: bool) -> str:
        """Return an iterator that begins behind a position; `is_latest`: behind everything that is there now."""

    async def read(self, shard: str, iterator: str, position: Position) -> Page:
        """Read on; `position` is where reading began."""


def member(answer: dict[str, Any], name: str, operation: str) -> Any:
    """Return what an answer must have; AwsError when it has not."""
    if answer.get(name) is None:
        raise AwsError(f"{operation} was answered without {name}")
    return answer[name]
