"""An event queue on disk: a row for each event, which is committed before its caller is told that it is accepted.

Who is next is decided in memory, from an index that is built when the server starts; the directory's lock keeps other
servers away, so a lease is good for as long as its server lives. Events stay in memory too, as far as there is room,
so that one which is run at once is never read back.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from runtime_api.service.queued_event import QueuedEvent
from runtime_api.service.seams.event_queue import BuriedEvent, Full, LeasedEvent, ListedEvent, NothingDue, Queued
from runtime_api.store.event_index import Entry, EventIndex

from .database import Rows
from .positions import MIGRATION as POSITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .database import Database, Statement, StoreError

__all__ = ["MIGRATIONS", "SqliteQueue"]

MIGRATIONS = (
    """
    CREATE TABLE events (
        number INTEGER PRIMARY KEY, due_ms REAL NOT NULL, event_group TEXT NOT NULL, document BLOB NOT NULL
    );
    CREATE TABLE buried_events (
        number INTEGER PRIMARY KEY, buried_ms REAL NOT NULL, reason TEXT NOT NULL, event_group TEXT NOT NULL,
        document BLOB NOT NULL
    );
    CREATE TABLE schedules (name TEXT PRIMARY KEY, began_ms REAL NOT NULL, seen_ms REAL NOT NULL) WITHOUT ROWID
    """,
    POSITIONS,
)
QUEUED = Queued()
BURIED = 1000  # events that are kept for a look at them
KEPT_BYTES = 67_108_864  # of payloads in memory
ROW_BYTES = 500  # of an event in memory, besides its payload

LOAD = "SELECT number, due_ms, event_group FROM events"
LAST = (
    "SELECT max(coalesce((SELECT max(number) FROM events), 0), coalesce((SELECT max(number) FROM buried_events), 0))"
)
INSERT = Rows("INSERT INTO events (number, due_ms, event_group, document) VALUES ", "(?, ?, ?, ?)")
UPDATE = "UPDATE events SET due_ms = ?, event_group = ?, document = ? WHERE number = ?"
DELETE = Rows("DELETE FROM events WHERE number IN (", "?", ")", comes_last=True)
READ = "SELECT document FROM events WHERE number = ?"
BURY = """
    INSERT OR REPLACE INTO buried_events (number, buried_ms, reason, event_group, document) VALUES (?, ?, ?, ?, ?)
"""
BURY_UNREAD = """
    INSERT OR REPLACE INTO buried_events (number, buried_ms, reason, event_group, document)
    SELECT number, ?, ?, event_group, document FROM events WHERE number = ?
"""
TRIM = """
    DELETE FROM buried_events WHERE number IN
    (SELECT number FROM buried_events ORDER BY buried_ms DESC, number DESC LIMIT -1 OFFSET ?)
"""
READ_BURIED = "SELECT document FROM buried_events WHERE number = ? AND instr(event_group || ':', ?)"
LAST_BURIED = """
    SELECT number, buried_ms, reason, document FROM buried_events WHERE instr(event_group || ':', ?)
    ORDER BY buried_ms DESC, number DESC LIMIT ?
"""
UNBURY = "DELETE FROM buried_events WHERE number = ?"
UNREADABLE = "it cannot be read: {}"


class SqliteQueue:
    """Implements `EventQueue`. At most `most` events of one group wait; `note` takes lines about what goes wrong."""

    is_durable = True

    def __init__(self, database: Database, most: int, note: Callable[[str], None]) -> None:
        """Take over the events that the server before has left."""
        self._database = database
        self._most = most
        self._note = note
        self._left_bytes = KEPT_BYTES
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(QueuedEvent).decode
        self._wakes: list[Callable[[], None]] = []
        self._index = EventIndex()
        for number, due_ms, group in database.read(LOAD):
            self._index.add(Entry(due_ms, number, group, None))
        self._numbers = count(database.read(LAST)[0][0] + 1)
        self._choosing = asyncio.Lock()  # of two callers who want an event that was given up, one gets it

    def watch(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    def put(self, event: QueuedEvent, due_ms: float) -> asyncio.Future[Queued | Full]:
        future: asyncio.Future[Queued | Full] = asyncio.get_running_loop().create_future()
        group = event.group
        waiting = self._index.length(group)
        if waiting >= self._most:
            future.set_result(Full(waiting))
            return future
        number = next(self._numbers)
        row = (number, due_ms, group, self._encode(event))
        accepted = partial(self._accepted, future, number, event, due_ms, group)
        self._database.submit(((INSERT, row),), accepted)
        return future

    async def settled(self) -> None:
        await self._database.flush()

    async def lease(self, now_ms: float, busy: Collection[str] = ()) -> LeasedEvent | NothingDue:
        while True:
            found = self._index.lease(now_ms, busy)
            if isinstance(found, NothingDue):
                return found
            lease, entry = found
            if entry.event is not None:
                self._left_bytes += entry.size
                return LeasedEvent(entry.event, lease, entry.number, entry.group)
            event = await self._read(entry, lease, now_ms)
            if event is not None:
                return LeasedEvent(event, lease, entry.number, entry.group)

    def done(self, leased: LeasedEvent) -> None:
        if self._index.end(leased.number, leased.lease):
            self._post((DELETE, (leased.number,)))

    def put_back(self, leased: LeasedEvent, event: QueuedEvent, due_ms: float) -> None:
        if self._index.end(leased.number, leased.lease):
            group = event.group
            self._post((UPDATE, (due_ms, group, self._encode(event), leased.number)))
            self._add(leased.number, event, due_ms, group)

    def bury(self, leased: LeasedEvent, event: QueuedEvent, reason: str, now_ms: float) -> None:
        if self._index.end(leased.number, leased.lease):
            row = (leased.number, now_ms, reason, event.group, self._encode(event))
            self._post((BURY, row), (DELETE, (leased.number,)), (TRIM, (BURIED,)))

    async def waiting(self, most: int, arn_part: str = "") -> list[ListedEvent]:
        await self._database.flush()
        listed = []
        for entry, is_leased in self._index.first(most, arn_part):
            event = entry.event or await self._stored(READ, entry.number)
            if event is not None:
                listed.append(ListedEvent(entry.number, event, entry.due_ms, is_leased))
        return listed

    async def buried(self, most: int, arn_part: str = "") -> list[BuriedEvent]:
        await self._database.flush()
        rows = await self._query(LAST_BURIED, arn_part, most)
        return [BuriedEvent(number, self._decoded(document), reason, at) for number, at, reason, document in rows]

    async def revive(self, number: int, now_ms: float, arn_part: str = "") -> bool:
        async with self._choosing:
            await self._database.flush()
            found = await self._stored(READ_BURIED, number, arn_part)
            if found is None:
                return False
            event = found.anew(now_ms)
            group = event.group
            await self._database.write((INSERT, (number, now_ms, group, self._encode(event))), (UNBURY, (number,)))
            self._add(number, event, now_ms, group)
            return True

    async def discard(self, number: int, arn_part: str = "") -> bool:
        async with self._choosing:
            await self._database.flush()
            entry = self._index.remove(number, arn_part)
            if entry is None and not await self._query(READ_BURIED, number, arn_part):
                return False
            if entry is not None and entry.event is not None:
                self._left_bytes += entry.size
            await self._database.write((DELETE, (number,)) if entry is not None else (UNBURY, (number,)))
            return True

    def _accepted(
        self,
        future: asyncio.Future[Queued | Full],
        number: int,
        event: QueuedEvent,
        due_ms: float,
        group: str,
        error: StoreError | None,
    ) -> None:
        if error is None:
            self._add(number, event, due_ms, group)
        if not future.done():  # its caller may have gone
            future.set_result(QUEUED) if error is None else future.set_exception(error)

    def _add(self, number: int, event: QueuedEvent, due_ms: float, group: str) -> None:
        size = _bytes(event)
        is_kept = size <= self._left_bytes
        if is_kept:
            self._left_bytes -= size
        self._index.add(Entry(due_ms, number, group, event if is_kept else None, size))
        for wake in self._wakes:
            wake()

    async def _read(self, entry: Entry, lease: int, now_ms: float) -> QueuedEvent | None:
        """Read an event that is leased now; one that cannot be read is buried, so that it never blocks the others."""
        await self._database.flush()
        rows = await self._query(READ, entry.number)
        try:
            if rows:
                return self._decode(rows[0][0])
            reason = UNREADABLE.format("its row is gone")
        except msgspec.DecodeError as error:
            reason = UNREADABLE.format(error)
        self._note(f"event {entry.number} of {entry.group} is given up: {reason}")
        self._index.end(entry.number, lease)
        self._post((BURY_UNREAD, (now_ms, reason, entry.number)), (DELETE, (entry.number,)), (TRIM, (BURIED,)))
        return None

    async def _stored(self, query: str, *parameters: object) -> QueuedEvent | None:
        rows = await self._query(query, *parameters)
        return self._decoded(rows[0][0]) if rows else None

    def _decoded(self, document: bytes) -> QueuedEvent | None:
        try:
            return self._decode(document)
        except msgspec.DecodeError:
            return None

    async def _query(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return await asyncio.get_running_loop().run_in_executor(None, self._database.read, query, parameters)

    def _post(self, *statements: Statement) -> None:
        self._database.post(statements, self._failed)

    def _failed(self, error: Exception) -> None:
        self._note(f"the end of an event could not be written, so it may run once more: {error}")


def _bytes(event: QueuedEvent) -> int:
    return ROW_BYTES + len(event.invocation.payload) + (len(event.verdict.response) if event.verdict else 0)
