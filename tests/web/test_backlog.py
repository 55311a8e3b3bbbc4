"""What is parsed in slices is read as if it were parsed at once, and no peer has more than its share of a turn."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.web.http1.backlog import SLICE_BYTES, WORK, Backlog
from runtime_api.web.http1.connection import Connection
from runtime_api.web.http1.events import Broken, Data, End, Head
from runtime_api.web.http1.outbox import Outbox
from runtime_api.web.http1.parser import HEAD_LINES, RequestParser
from runtime_api.web.replies import BAD_FRAMING, HEAD_TOO_LARGE
from tests.web.requests import chunked, get, in_chunks, post, request
from tests.web.test_heads import Recorder, Transport
from tests.web.test_parser import joined

if TYPE_CHECKING:
    from runtime_api.web.http1.events import Event

READ_BYTES = 256_000  # what uvloop reads at once
CHUNKED = "Transfer-Encoding: chunked"
ONE_BYTE = b"1\r\nx\r\n"
MOST_AT_ONCE = 5000  # in header lines: 2 ms
MOST_IN_A_TURN = 6000
FLOODS = {
    "chunks of one byte": request("POST", "/a", CHUNKED) + ONE_BYTE * (READ_BYTES // len(ONE_BYTE)),
    "requests": get("/a") * (READ_BYTES // len(get("/a"))),
    "empty lines": b"\r\n" * (READ_BYTES // 2),
    "header lines": request("GET", "/a", *["x:"] * (HEAD_LINES - 1)) * 30,
    "trailers": b"".join(chunked("/a", trailers="x:y\r\n" * (HEAD_LINES - 1)) for _ in range(25)),
    "chunk extensions": request("POST", "/a", CHUNKED) + (b"1;" + b"a" * 100 + b"\r\nx\r\n") * 2400,
    "empty bodies": post("/a", b"") * 3000,
}


def in_slices(pieces: list[bytes]) -> list[Event]:
    parser, backlog = RequestParser(), Backlog()
    events: list[Event] = []
    for piece in pieces:
        backlog.add(piece)
        while backlog:
            events += backlog.feed(parser)[0]
    return events


def at_once(pieces: list[bytes]) -> list[Event]:
    parser = RequestParser()
    return [event for piece in pieces for event in parser.feed(piece)]


big = st.integers(0, 3 * SLICE_BYTES).map(lambda size: b"z" * size)
requests = st.one_of(
    st.builds(post, st.just("/a"), big),
    st.builds(lambda body, size: chunked("/b", *[body[at : at + size] for at in range(0, len(body), size)]), big,
              st.sampled_from([1, 7, 5000])),
    st.builds(lambda body: get("/c", "X: " + body.decode()), big),
    st.builds(lambda body: post("/d", body, "Connection: Upgrade", "Upgrade: h2c"), big),
    st.sampled_from([get("/e"), b"\r\n\r\n\r\n" + get("/f"), b"garbage\r\n\r\n", chunked("/g", trailers="T: 1\r\n")]),
)  # fmt: skip


@given(st.lists(requests, max_size=6), st.lists(st.integers(0, 100_000), max_size=4))
def test_slices_make_no_difference(sent: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(sent)
    places = sorted({0, *(cut % (len(stream) + 1) for cut in cuts), len(stream)})
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    assert joined(in_slices(pieces)) == joined(at_once(pieces))


def test_a_body_of_known_length_is_one_piece() -> None:
    head, data, end = in_slices([post("/a", bytes(READ_BYTES))])
    assert (type(head), type(data), type(end)) == (Head, Data, End)


@pytest.mark.parametrize("name", FLOODS)
def test_a_slice_is_a_small_piece_of_work(name: str) -> None:
    parser, backlog = RequestParser(), Backlog()
    backlog.add(FLOODS[name])
    while backlog:
        before = parser.work
        backlog.feed(parser)
        assert parser.work - before <= MOST_AT_ONCE


def test_slices_grow_while_chunks_are_large() -> None:
    large = chunked("/a", *[bytes(60_000)] * 8)
    assert len(sliced(large)) < len(large) / 40_000
    assert max(sliced(large[:-5] + ONE_BYTE * 50_000)) < 2 * WORK, "small chunks may follow"


def sliced(data: bytes) -> list[int]:
    """What each slice of this data is worth."""
    parser, backlog, work = RequestParser(), Backlog(), [0]
    backlog.add(data)
    while backlog:
        backlog.feed(parser)
        work.append(parser.work)
    return [after - before for before, after in itertools.pairwise(work)]


class Turns:
    """A connection on an event loop of its own, and how much it parses in each turn."""

    def __init__(self) -> None:
        self.handler, self.transport = Recorder(), Transport()
        self._connection = Connection(self.handler, Outbox(), lambda _: None, lambda _: None)
        self._connection.connection_made(cast("asyncio.Transport", self.transport))

    async def work_of(self, data: bytes) -> list[int]:
        """Read this data at once; returns what each turn of the loop was worth."""
        parser = self._connection._parser
        turns: list[int] = []
        before = parser.work
        self._connection.data_received(data)
        while True:
            turns.append(parser.work - before)
            before = parser.work
            if not self._connection.is_parsing:
                return turns
            await asyncio.sleep(0)


@pytest.mark.parametrize("name", FLOODS)
def test_no_turn_of_the_event_loop_does_more_than_its_share(name: str) -> None:
    turns = asyncio.run(Turns().work_of(FLOODS[name]))
    assert max(turns) <= MOST_IN_A_TURN
    assert len(turns) > sum(turns) / MOST_IN_A_TURN


def test_every_request_of_a_flood_is_served() -> None:
    turns = Turns()
    asyncio.run(turns.work_of(get("/a") * 6000))
    assert len(turns.handler.reads) == turns.transport.written.count(b"HTTP/1.1 200") == 6000


def test_a_read_of_a_few_large_pieces_takes_one_turn() -> None:
    assert len(asyncio.run(Turns().work_of(chunked("/a", *[bytes(32_768)] * 8)))) == 1
    assert len(asyncio.run(Turns().work_of(post("/a", bytes(READ_BYTES))))) == 1


def fault_of(*pieces: bytes) -> object:
    """What the peer did wrong, None while it may go on."""
    last = at_once(list(pieces))[-1]
    return last.fault if isinstance(last, Broken) else None


def test_framing_may_be_as_much_as_anybody_needs() -> None:
    start = request("POST", "/a", CHUNKED)
    assert fault_of(start, *[ONE_BYTE * 1000] * 200) is None  # 200,000 words of a model, a byte each
    assert fault_of(start, *[b"3\r\nabc\r\n" * 1000] * 1000) is None
    assert fault_of(start, *[b"10;chunk-signature=" + b"f" * 64 + b"\r\n" + b"x" * 16 + b"\r\n"] * 5000) is None


def test_framing_beyond_that_is_refused() -> None:
    start = request("POST", "/a", CHUNKED)
    assert fault_of(start, *[ONE_BYTE * 1000] * 211) is BAD_FRAMING
    assert fault_of(start, b"1;", *[b"a" * 10_000] * 106) is BAD_FRAMING


def test_framing_is_counted_for_each_body() -> None:
    one = in_chunks(*[b"x"] * 150_000)
    sent = request("POST", "/a", CHUNKED) + one + request("POST", "/a", CHUNKED) + one
    pieces = [sent[at : at + READ_BYTES] for at in range(0, len(sent), READ_BYTES)]
    assert [type(event) for event in at_once(pieces)].count(End) == 2


@pytest.mark.parametrize("trailer", [False, True])
def test_lines_of_a_head_and_of_trailers_are_counted(trailer: bool) -> None:
    def sent(lines: int) -> bytes:
        if trailer:
            return chunked("/a", trailers="x:\r\n" * lines)
        return request("GET", "/a", *["x:"] * (lines - 1))

    assert fault_of(sent(HEAD_LINES), sent(HEAD_LINES)) is None
    assert fault_of(sent(HEAD_LINES + 1)) is HEAD_TOO_LARGE
