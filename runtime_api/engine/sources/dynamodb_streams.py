"""DynamoDB streams as an event source: their API, and their records as functions get them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from runtime_api.service.filter_matching import matches
from runtime_api.service.mapping_filters import patterns_of
from runtime_api.service.streams.dynamodb import dynamodb_event, item_key
from runtime_api.service.streams.records import StreamRecord

from .stream_api import RETENTION_MS, ListedShard, Page, member
from .streams import StreamSource

if TYPE_CHECKING:
    from runtime_api.service.seams.positions import Position

    from . import SourceContext

__all__ = ["DynamodbApi", "dynamodb_source"]

MOST_RECORDS = 1000  # that GetRecords returns (AWS API reference)
SECOND_MS = 1000  # the times of records are whole seconds


def dynamodb_source(context: SourceContext) -> StreamSource:
    """Return what polls the stream of a mapping."""
    return StreamSource(context, DynamodbApi(context))


class DynamodbApi:
    """Implements the stream of a mapping."""

    idle_s = 0.25  # guide 7704

    def __init__(self, context: SourceContext) -> None:
        self._arn = context.mapping.settings.event_source_arn or ""
        self._clients = context.clients
        self._filters = patterns_of(context.mapping.settings)

    async def shards(self) -> list[ListedShard]:
        """Return every shard that still has records."""
        found: list[ListedShard] = []
        more: dict[str, Any] | None = {}
        while more is not None:
            answer = await self._call("DescribeStream", StreamArn=self._arn, **more)
            description = member(answer, "StreamDescription", "DescribeStream")
            for shard in description.get("Shards", ()):
                parent = shard.get("ParentShardId")
                ending = shard.get("SequenceNumberRange", {}).get("EndingSequenceNumber")
                shard_id = member(shard, "ShardId", "DescribeStream")
                found.append(ListedShard(shard_id, (parent,) if parent else (), ending is not None))
            last = description.get("LastEvaluatedShardId")
            more = {"ExclusiveStartShardId": last} if last else None
        return found

    async def retention_ms(self) -> float:
        """Return how long the stream keeps a record."""
        return RETENTION_MS

    async def iterator(self, shard: str, position: Position, *, is_latest: bool) -> str:
        """Return an iterator that begins behind a position, or behind everything that is there now."""
        where = {"ShardIteratorType": "TRIM_HORIZON"}  # `read` skips what came before a time
        if position.sequence_number is not None:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": position.sequence_number}
        elif is_latest:
            where = {"ShardIteratorType": "LATEST"}
        answer = await self._call("GetShardIterator", StreamArn=self._arn, ShardId=shard, **where)
        iterator: str = member(answer, "ShardIterator", "GetShardIterator")
        return iterator

    async def read(self, shard: str, iterator: str, position: Position) -> Page:
        """Read on."""
        answer = await self._call("GetRecords", ShardIterator=iterator, Limit=MOST_RECORDS)
        since_ms = (position.began_ms or 0) // SECOND_MS * SECOND_MS
        found = [self._record(each, since_ms) for each in member(answer, "Records", "GetRecords")]
        return Page(found, answer.get("NextShardIterator"), not found)

    def _record(self, found: dict[str, Any], since_ms: float) -> StreamRecord:
        change = member(found, "dynamodb", "GetRecords")
        number: str = member(change, "SequenceNumber", "GetRecords")
        arrived_ms = member(change, "ApproximateCreationDateTime", "GetRecords").timestamp() * 1000
        event = dynamodb_event(found, self._arn)
        is_wanted = arrived_ms >= since_ms and (matches(self._filters, event))
        return StreamRecord(number, item_key(found), arrived_ms, orjson.dumps(event), is_wanted)

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._clients.call("dynamodbstreams", operation, self._arn.split(":")[3], **parameters)
