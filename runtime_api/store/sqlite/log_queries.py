"""What is asked of the store of logs: groups, streams and pages of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runtime_api.service.logs.chunks import EVENT_BITS, events_in
from runtime_api.service.logs.queries import END_OF_TIME, Place
from runtime_api.service.logs.records import Group, KeptEvent, Page, Stream

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from runtime_api.service.logs.queries import EventQuery

__all__ = ["GroupRow", "find_group", "groups", "has_stream", "page_of_group", "page_of_stream", "streams"]

PAGE_BYTES = 1_048_576  # of a page of events, each counted with 26 bytes on top, as CloudWatch does
EVENT_BYTES = 26
SCANNED_BYTES = 8 * PAGE_BYTES  # of events for one page: a search that finds little returns with a token
SCANNED_CHUNKS = 20_000

GROUPS = """
    SELECT g.name, g.created, g.retention, COALESCE(SUM(p.size), 0)
    FROM log_groups g LEFT JOIN log_streams s ON s.log_group = g.id LEFT JOIN log_places p ON p.stream = s.id
    WHERE g.account = ? AND g.region = ? GROUP BY g.id ORDER BY g.name
"""
STREAMS = """
    SELECT s.name, s.created, MIN(p.first), MAX(p.last), MAX(p.written), COALESCE(SUM(p.size), 0)
    FROM log_streams s LEFT JOIN log_places p ON p.stream = s.id
    WHERE s.log_group = ? GROUP BY s.id ORDER BY s.name
"""
CHUNKS = """
    SELECT id, written FROM log_chunks WHERE id {since} ? AND id >= ? AND last >= ? AND first <= ? ORDER BY id {order}
"""
CHUNKS_OF_STREAM = """
    SELECT c.id, c.written FROM log_places p JOIN log_chunks c ON c.id = p.chunk
    WHERE p.stream = ? AND p.chunk {since} ? AND p.last >= ? AND p.first <= ? ORDER BY p.chunk {order}
"""
# Without the hint SQLite walks through all chunks in the order of their ids.
EARLIEST = "SELECT MIN(id) FROM log_chunks INDEXED BY log_chunks_by_last WHERE last >= ?"
STREAM = "SELECT id FROM log_streams WHERE log_group = ? AND name = ?"
NUMBERS = """
    SELECT p.number, s.name FROM log_places p JOIN log_streams s ON s.id = p.stream
    WHERE p.chunk = ? AND s.log_group = ?
"""
DATA = "SELECT data FROM log_chunks WHERE id = ?"
DIRECTIONS = {True: {"since": ">=", "order": "ASC"}, False: {"since": "<=", "order": "DESC"}}


class GroupRow(NamedTuple):
    """Where a group is, and for how long its events are kept."""

    id: int
    retention_days: int | None


class _Candidate(NamedTuple):
    """A chunk that may hold events, with the numbers of the streams that are asked for."""

    id: int
    written_ms: int
    streams: dict[int, str]


def find_group(connection: sqlite3.Connection, account: str, region: str, name: str) -> GroupRow | None:
    """Return a group by its name."""
    query = "SELECT id, retention FROM log_groups WHERE account = ? AND region = ? AND name = ?"
    row = connection.execute(query, (account, region, name)).fetchone()
    return None if row is None else GroupRow(*row)


def groups(connection: sqlite3.Connection, account: str, region: str) -> list[Group]:
    """Return an owner's groups, in the order of their names."""
    return [Group(*row) for row in connection.execute(GROUPS, (account, region))]


def streams(connection: sqlite3.Connection, group: int) -> list[Stream]:
    """Return the streams of a group, in the order of their names."""
    return [Stream(*row) for row in connection.execute(STREAMS, (group,))]


def has_stream(connection: sqlite3.Connection, group: int, name: str) -> bool:
    """Whether a group has a stream of this name."""
    return connection.execute(STREAM, (group, name)).fetchone() is not None


def page_of_stream(connection: sqlite3.Connection, group: int, name: str, query: EventQuery) -> Page | None:
    """Return a page of a stream's events; None when there is no such stream."""
    row = connection.execute(STREAM, (group, name)).fetchone()
    if row is None:
        return None
    found = connection.execute(
        CHUNKS_OF_STREAM.format(**DIRECTIONS[query.place.forward]),
        (row[0], query.place.position >> EVENT_BITS, query.start_ms, query.end_ms),
    )
    return _page(connection, _candidates(connection, found, group, name.__eq__), query)


def page_of_group(
    connection: sqlite3.Connection, group: int, is_wanted: Callable[[str], bool], query: EventQuery
) -> Page:
    """Return a page of a group's events, of the streams whose names are wanted."""
    (earliest,) = connection.execute(EARLIEST, (query.start_ms,)).fetchone() if query.start_ms else (0,)
    found = connection.execute(
        CHUNKS.format(**DIRECTIONS[query.place.forward]),
        (query.place.position >> EVENT_BITS, earliest or 0, query.start_ms, query.end_ms),
    )
    return _page(connection, _candidates(connection, found, group, is_wanted), query)


def _candidates(
    connection: sqlite3.Connection, found: sqlite3.Cursor, group: int, is_wanted: Callable[[str], bool]
) -> Iterator[_Candidate]:
    for chunk, written in found:
        names = dict(connection.execute(NUMBERS, (chunk, group)))
        yield _Candidate(chunk, written, {number: name for number, name in names.items() if is_wanted(name)})


def _page(connection: sqlite3.Connection, candidates: Iterator[_Candidate], query: EventQuery) -> Page:
    forward = query.place.forward
    events: list[KeptEvent] = []
    room, unread = PAGE_BYTES, SCANNED_BYTES
    for looked_at, chunk in enumerate(candidates):
        if unread <= 0 or looked_at >= SCANNED_CHUNKS:
            return _page_of(events, Place(chunk.id << EVENT_BITS if forward else _last_of(chunk), forward))
        if not chunk.streams:
            continue
        (data,) = connection.execute(DATA, (chunk.id,)).fetchone()
        unread -= len(data)
        for event in _wanted(chunk, data, query):
            room -= len(event.message) + EVENT_BYTES
            if len(events) == query.limit or (room < 0 and events):
                return _page_of(events, Place(event.position, forward))
            events.append(event)
    return _last_page_of(events, query.place)


def _last_of(chunk: _Candidate) -> int:
    return (chunk.id + 1 << EVENT_BITS) - 1


def _wanted(chunk: _Candidate, data: bytes, query: EventQuery) -> list[KeptEvent]:
    """The events of a chunk that are asked for, in the direction of the query."""
    place, matches = query.place, query.pattern.matches
    events = [
        KeptEvent(event.position, chunk.streams[event.number], event.at_ms, chunk.written_ms, event.message)
        for event in events_in(chunk.id, data)
        if event.number in chunk.streams
        and query.start_ms <= event.at_ms <= query.end_ms
        and (event.position >= place.position if place.forward else event.position <= place.position)
        and matches(event.message)
    ]
    return events if place.forward else events[::-1]


def _page_of(events: list[KeptEvent], reached: Place) -> Page:
    """A page with more behind it: from `reached` on, which was not looked at. The events are as they were found."""
    seen = events[0].position if events else reached.position
    if reached.forward:
        return Page(events, Place(max(seen - 1, 0), False), reached, at_end=False)
    return Page(events[::-1], reached, Place(seen + 1, True), at_end=False)


def _last_page_of(events: list[KeptEvent], asked: Place) -> Page:
    """The last page in a direction. A caller that asks again at its end gets what has come meanwhile."""
    if events:
        ends = (events[0].position, events[-1].position)
        before, behind = Place(min(ends) - 1, False), Place(max(ends) + 1, True)
        return Page(events if asked.forward else events[::-1], before, behind, at_end=True)
    if asked.forward:
        return Page([], Place(max(asked.position - 1, 0), False), asked, at_end=True)
    return Page([], asked, Place(0 if asked.position == END_OF_TIME else asked.position + 1, True), at_end=True)
