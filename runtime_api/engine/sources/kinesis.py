"""Kinesis as an event source: its API, and its records as functions get them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from runtime_api.service.filter_matching import matches
from runtime_api.service.mapping_filters import patterns_of
from runtime_api.service.streams.kinesis import KinesisRecord, kinesis_event, kinesis_view
from runtime_api.service.streams.records import StreamRecord
from runtime_api.store.aws_requests import AwsError

from .stream_api import RETENTION_MS, ListedShard, Page, member
from .streams import StreamSource

if TYPE_CHECKING:
    from runtime_api.service.seams.positions import Position

    from . import SourceContext

__all__ = ["KinesisApi", "kinesis_source"]

CONSUMER = "/consumer/"
HOUR_MS = 3_600_000.0
LEAST_ASKED, MOST_ASKED = 1000, 10_000  # records per read; the API returns no more than the latter


def kinesis_source(context: SourceContext) -> StreamSource:
    """Return what polls the stream of a mapping."""
    return StreamSource(context, KinesisApi(context))


class KinesisApi:
    """Implements the stream of a mapping."""

    idle_s = 1.0  # guide 8313

    def __init__(self, context: SourceContext) -> None:
        arn, _, consumer = (context.mapping.settings.event_source_arn or "").partition(CONSUMER)
        self._arn = arn
        if consumer:
            context.note("consumers are not subscribed to here: their stream is read with GetRecords")
        self._clients = context.clients
        self._functions = context.functions
        self._most = min(max(context.mapping.settings.batch_size, LEAST_ASKED), MOST_ASKED)
        self._function_arn = context.mapping.function_arn
        self._filters = patterns_of(context.mapping.settings)

    async def shards(self) -> list[ListedShard]:
        """Return every shard that still has records."""
        found: list[ListedShard] = []
        more: dict[str, Any] = {"StreamARN": self._arn}
        while more:
            answer = await self._call("ListShards", **more)
            for shard in member(answer, "Shards", "ListShards"):
                parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
                ending = shard.get("SequenceNumberRange", {}).get("EndingSequenceNumber")
                shard_id = member(shard, "ShardId", "ListShards")
                found.append(ListedShard(shard_id, tuple(each for each in parents if each), ending is not None))
            token = answer.get("NextToken")
            more = {"NextToken": token} if token else {}
        return found

    async def retention_ms(self) -> float:
        """Return how long the stream keeps a record; what is usual where the server does not say it."""
        try:
            answer = await self._call("DescribeStreamSummary", StreamARN=self._arn)
        except AwsError:
            return RETENTION_MS
        hours = answer.get("StreamDescriptionSummary", {}).get("RetentionPeriodHours")
        return hours * HOUR_MS if hours else RETENTION_MS

    async def iterator(self, shard: str, position: Position, *, is_latest: bool) -> str:
        """Return an iterator that begins behind a position, or behind everything that is there now."""
        where: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if position.sequence_number is not None:
            where = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "StartingSequenceNumber": position.sequence_number,
            }
        elif is_latest:
            where = {"ShardIteratorType": "LATEST"}
        elif position.began_ms is not None:
            began = datetime.fromtimestamp(position.began_ms / 1000, UTC)
            where = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": began}
        answer = await self._call("GetShardIterator", StreamARN=self._arn, ShardId=shard, **where)
        iterator: str = member(answer, "ShardIterator", "GetShardIterator")
        return iterator

    async def read(self, shard: str, iterator: str, position: Position) -> Page:
        """Read on."""
        answer = await self._call("GetRecords", StreamARN=self._arn, ShardIterator=iterator, Limit=self._most)
        facts = self._functions.about(self._function_arn)
        role = "" if facts is None else facts.role
        records = [self._record(each, shard, role) for each in member(answer, "Records", "GetRecords")]
        behind_ms = answer.get("MillisBehindLatest") or 0
        is_tip = behind_ms == 0 and len(records) < self._most
        return Page(records, answer.get("NextShardIterator"), is_tip, behind_ms)

    def _record(self, found: dict[str, Any], shard: str, role: str) -> StreamRecord:
        record = KinesisRecord(
            member(found, "SequenceNumber", "GetRecords"),
            member(found, "PartitionKey", "GetRecords"),
            member(found, "Data", "GetRecords"),
            member(found, "ApproximateArrivalTimestamp", "GetRecords"),
        )
        event = kinesis_event(record, shard, self._arn, role)
        is_wanted = matches(self._filters, kinesis_view(event, record.data))
        arrived_ms = record.arrived.timestamp() * 1000
        return StreamRecord(record.sequence_number, record.partition_key, arrived_ms, orjson.dumps(event), is_wanted)

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._clients.call("kinesis", operation, self._arn.split(":")[3], **parameters)
