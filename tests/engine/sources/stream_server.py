"""A server that speaks what pollers need of Kinesis, DynamoDB streams and SQS, and misbehaves when it is told to."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from tests.engine.sources.faulty_server import FaultyServer

__all__ = ["PREFIX", "Shard", "StreamServer"]

PREFIX = "shardId-00000000000000000000-"  # botocore knows how long an id is


class Shard:
    """Records, and where they come from."""

    def __init__(self, *texts: str, parent: str | None = None, is_closed: bool = False) -> None:
        self.records: list[tuple[str, str, float]] = []  # texts, keys and times
        self.parent = parent
        self.is_closed = is_closed
        self.put(*texts)

    def put(self, *texts: str, at: float | None = None, key: str = "key") -> None:
        """Add records that arrive at this time; None: now."""
        arrived = time.time() if at is None else at
        self.records += [(text, key, arrived) for text in texts]


class StreamServer(FaultyServer):
    """A stream by each of its APIs; sequence numbers count from 101."""

    def __init__(self, **shards: Shard) -> None:
        super().__init__()
        self.shards = shards
        self.messages: list[dict[str, Any]] = []  # to the queue
        self.says_end = True  # of closed shards
        self.hours = 24  # for which records are kept

    async def perform(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        """Do what the service would."""
        return getattr(self, f"_{operation}")(parameters, service.startswith("DynamoDB"))

    def _ListShards(self, _parameters: Any, _is_table: bool) -> Any:  # as AWS names it
        return {"Shards": self._listed()}

    def _DescribeStreamSummary(self, _parameters: Any, _is_table: bool) -> Any:
        return {"StreamDescriptionSummary": {"RetentionPeriodHours": self.hours}}

    def _DescribeStream(self, _parameters: Any, _is_table: bool) -> Any:
        return {"StreamDescription": {"Shards": self._listed()}}

    def _listed(self) -> list[dict[str, Any]]:
        return [
            {
                "ShardId": PREFIX + name,
                **({"ParentShardId": PREFIX + shard.parent} if shard.parent else {}),
                "SequenceNumberRange": {
                    "StartingSequenceNumber": "101",
                    **({"EndingSequenceNumber": "999"} if shard.is_closed else {}),
                },
            }
            for name, shard in self.shards.items()
        ]

    def _GetShardIterator(self, parameters: Any, _is_table: bool) -> Any:
        name = parameters["ShardId"].removeprefix(PREFIX)
        records = self.shards[name].records
        number = parameters.get("StartingSequenceNumber") or parameters.get("SequenceNumber")
        at = parameters.get("Timestamp", 0)
        begin = {
            "TRIM_HORIZON": 0,
            "LATEST": len(records),
            "AT_TIMESTAMP": sum(time < at for _, _, time in records),
            "AFTER_SEQUENCE_NUMBER": int(number or 0) - 100,
        }[parameters["ShardIteratorType"]]
        return {"ShardIterator": f"{name}/{begin}"}

    def _GetRecords(self, parameters: Any, is_table: bool) -> Any:
        name, _, text = parameters["ShardIterator"].partition("/")
        shard, begin = self.shards[name], int(text)
        shown = self._change if is_table else self._record
        found = [shown(101 + begin + at, *each) for at, each in enumerate(shard.records[begin:])]
        answer: dict[str, Any] = {"Records": found, "MillisBehindLatest": 0}
        return (
            answer
            if shard.is_closed and self.says_end
            else answer | {"NextShardIterator": f"{name}/{len(shard.records)}"}
        )

    def _record(self, number: int, text: str, key: str, at: float) -> Any:
        data = base64.b64encode(text.encode()).decode()
        return {
            "SequenceNumber": str(number),
            "Data": data,
            "PartitionKey": key,
            "ApproximateArrivalTimestamp": at,
        }

    def _change(self, number: int, text: str, _key: str, at: float) -> Any:
        change = {
            "Keys": {"id": {"S": text}},
            "SequenceNumber": str(number).zfill(21),
            "ApproximateCreationDateTime": at,
        }
        return {"eventID": str(number), "eventName": "INSERT", "dynamodb": change}

    def _GetQueueUrl(self, _parameters: Any, _is_table: bool) -> Any:
        return {"QueueUrl": f"{self.url}/queue"}

    def _SendMessage(self, parameters: Any, _is_table: bool) -> Any:
        self.messages.append(json.loads(parameters["MessageBody"]))
        return {"MessageId": "m"}
