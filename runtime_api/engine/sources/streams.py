"""Polls a stream for one mapping: a reader for each shard, parents before their children."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from runtime_api.engine.pauses import pause
from runtime_api.service.mapping_sources import Position as StartingPosition
from runtime_api.service.seams.positions import Position
from runtime_api.service.streams.policy import policy_of
from runtime_api.store.aws_requests import AwsError

from .back_off import BackOff
from .results import Results
from .shard_reader import ShardReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.service.mapping_record import EventSourceMapping
    from runtime_api.service.streams.policy import StreamPolicy

    from . import SourceContext
    from .stream_api import ListedShard, StreamApi

__all__ = ["StreamSource"]

DISCOVERY_S = 15.0  # between looks for new shards; one that ends is looked behind at once
PART = "the list of shards"


class StreamSource:
    """Implements a source for any stream."""

    def __init__(self, context: SourceContext, api: StreamApi) -> None:
        self._context = context
        self._api = api
        self._results = Results(context)
        self._back_off = BackOff(context.random)
        self._readers: dict[str, ShardReader] = {}  # by shard
        self._finished: set[str] = set()
        self._first_look = False
        self._policy: StreamPolicy | None = None  # until the stream has told how long it keeps records
        self._latest: set[str] = set()  # shards that are read from their end on
        self._stopping = False
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Read every shard until `stop` has been called."""
        uuid = self._context.mapping.uuid
        known = await self._context.positions.all(uuid)
        self._first_look = not known
        self._finished = {shard for shard, position in known.items() if position.is_finished}
        failures = 0
        async with asyncio.TaskGroup() as group:
            while not self._stopping:
                self._news.clear()
                try:
                    listed = await self._api.shards()
                    if self._policy is None:
                        self._policy = policy_of(self._context.mapping.settings, await self._api.retention_ms())
                    self._results.well(PART)
                    failures = 0
                except AwsError as error:
                    failures += 1
                    self._results.problem(PART, str(error))
                else:
                    await self._follow(listed, group)
                wait_s = self._back_off.after(failures) if failures else DISCOVERY_S
                await pause(self._news, wait_s)

    def stop(self) -> None:
        """Take nothing more."""
        self._stopping = True
        for reader in self._readers.values():
            reader.stop()
        self._news.set()

    def adopt(self, mapping: EventSourceMapping) -> bool:
        """Never go on with changed settings: another source begins where this one stands."""
        return False

    async def standing(self) -> Mapping[str, Any]:
        """Return where each shard stands."""
        positions = await self._context.positions.all(self._context.mapping.uuid)
        shards = []
        for shard, position in sorted(positions.items()):
            reader = self._readers.get(shard)
            lag_ms = None if reader is None else reader.lag_ms
            shards.append({"shard": shard, "position": position.sequence_number, "lagMs": lag_ms})
        return {"shards": shards}

    async def _follow(self, listed: list[ListedShard], group: asyncio.TaskGroup) -> None:
        """Begin with the shards whose turn it is."""
        if self._first_look:
            await self._begin_mapping(listed)
            self._first_look = False
        there = {shard.shard_id for shard in listed}
        if gone := self._finished - there:
            await self._context.positions.drop(self._context.mapping.uuid, gone)
            self._finished -= gone
        for shard in listed:
            reader = self._readers.get(shard.shard_id)
            if reader is not None:
                reader.is_closed = shard.is_closed
            elif shard.shard_id not in self._finished and not self._waits(shard, there):
                await self._begin(shard, group)

    async def _begin_mapping(self, listed: list[ListedShard]) -> None:
        """Write where the mapping starts in each shard: shards that come later are read from their beginning."""
        settings, now_ms = self._context.mapping.settings, self._context.clock.now_ms()
        is_latest = settings.starting_position == StartingPosition.LATEST
        timestamp = settings.starting_position_timestamp
        began_ms = now_ms if is_latest else None if timestamp is None else timestamp * 1000
        for shard in listed:
            is_past = is_latest and shard.is_closed
            await self._write(shard.shard_id, Position(began_ms=began_ms, is_finished=is_past))
            if is_past:
                self._finished.add(shard.shard_id)
            elif is_latest:
                self._latest.add(shard.shard_id)

    async def _write(self, shard: str, position: Position) -> None:
        positions = self._context.positions
        held = await positions.take(self._context.mapping.uuid, shard)
        if held is not None:
            await positions.save(held, position)
            await positions.give_back(held)

    def _waits(self, shard: ListedShard, there: set[str]) -> bool:
        """Whether a parent has records that come first."""
        return any(parent in there and parent not in self._finished for parent in shard.parents)

    async def _begin(self, shard: ListedShard, group: asyncio.TaskGroup) -> None:
        assert self._policy is not None
        held = await self._context.positions.take(self._context.mapping.uuid, shard.shard_id)
        if held is None or self._stopping:
            return  # another server reads it
        is_latest = shard.shard_id in self._latest
        self._latest.discard(shard.shard_id)
        reader = ShardReader(self._context, self._api, held, self._results, self._policy, starts_latest=is_latest)
        reader.is_closed = shard.is_closed
        self._readers[shard.shard_id] = reader
        group.create_task(self._read(reader, shard.shard_id))

    async def _read(self, reader: ShardReader, shard: str) -> None:
        try:
            await reader.run()
        finally:
            del self._readers[shard]
            await self._context.positions.give_back(reader.held)
        if reader.is_finished:
            self._finished.add(shard)
            self._news.set()
