"""A head that came before is not parsed again; what is read is the same with and without this cache."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime_api.web.http1.connection import Connection
from runtime_api.web.http1.heads import HeadCache
from runtime_api.web.http1.outbox import Outbox

if TYPE_CHECKING:
    import asyncio

    from runtime_api.web.http1.exchange import Channel, Exchange

LIMIT = 64


class Read(NamedTuple):
    """What a handler learned of one request."""

    what: str
    method: bytes
    path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    close: bool
    trailers: Any


class Recorder:
    """A handler that answers every request at once and keeps what it was told."""

    body_bytes = LIMIT

    def __init__(self) -> None:
        self.reads: list[Read] = []

    def started(self, exchange: Exchange) -> None:
        pass

    def received(self, exchange: Exchange, piece: bytes) -> None:
        raise AssertionError("bodies are taken whole")

    def finished(self, exchange: Exchange) -> None:
        self._record("finished", exchange, exchange.body)

    def overflowed(self, exchange: Exchange) -> None:
        self._record("overflowed", exchange, b"")

    def truncated(self, exchange: Exchange) -> None:
        self._record("truncated", exchange, b"")

    def half_closed(self, exchange: Exchange) -> bool:
        return True

    def dropped(self, exchange: Exchange) -> None:
        pass

    def _record(self, what: str, exchange: Exchange, body: bytes) -> None:
        headers = dict(exchange.headers)
        self.reads.append(
            Read(
                what, exchange.method, exchange.path, exchange.query, headers, body, exchange.close, exchange.trailers
            )
        )
        exchange.reply(200)


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class NoCache(HeadCache):
    """Knows no head, so that each is parsed."""

    def find(self, data: bytes, channel: Channel) -> Exchange | None:
        return None


def serve(pieces: list[bytes], heads: HeadCache) -> tuple[list[Read], bytes, bool]:
    """Feed pieces, one read each: what the handler was told, what was written, whether the connection was closed."""
    recorder, transport = Recorder(), Transport()
    connection = Connection(recorder, Outbox(), lambda _: None, lambda _: None, heads)
    connection.connection_made(cast("asyncio.Transport", transport))
    for piece in pieces:
        if not transport.closed:
            connection.data_received(piece)
    return recorder.reads, transport.written, transport.closed


def knows(heads: HeadCache, data: bytes) -> bool:
    connection = Connection(Recorder(), Outbox(), lambda _: None, lambda _: None, heads)
    return heads.find(data, connection) is not None


def bodies_of(pieces: list[bytes]) -> list[bytes]:
    return [read.body for read in serve(pieces, HeadCache())[0]]


bodies = st.sampled_from([b"", b"{}", b"GET / HTTP/1.1\r\n\r\n", b"x" * LIMIT, b"y" * (LIMIT + 1)])
paths = st.sampled_from([b"/next", b"/a?q=1", b"/a?q=2", b"http://host/next", b"/a b", b"*"])
extra = st.sampled_from(
    [b"", b"A: 1\r\n", b"A: 2\r\nA: 3\r\n", b"Connection: keep-alive\r\n", b"Connection: close\r\n",
     b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\nConnection: Upgrade\r\n", b"no header\r\n"]
)  # fmt: skip
hosts = st.sampled_from(
    [b"Host: x\r\n", b"Host: x\r\n", b"Host: x\r\n", b"Host: y:1\r\n", b"", b"Host: x\r\nHost: x\r\n",
     b"Host: x y\r\n", b"Host:\r\n", b"host: x\r\nHOST: y\r\n"]
)  # fmt: skip
versions = st.sampled_from([b"HTTP/1.1"] * 5 + [b"HTTP/1.0", b"HTTP/2.0"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    path, body, version = draw(paths), draw(bodies), draw(versions)
    header = draw(hosts) + draw(extra)
    if draw(st.integers(0, 3)) == 0:
        return b"GET %b %b\r\n%b\r\n" % (path, version, header)
    if draw(st.integers(0, 5)) == 0:
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        trailer = draw(st.sampled_from([b"", b"T: 1\r\n"]))
        head = b"POST %b %b\r\n%bTransfer-Encoding: chunked\r\n\r\n" % (path, version, header)
        return head + chunk + b"0\r\n" + trailer + b"\r\n"
    return b"POST %b %b\r\n%bContent-Length: %d\r\n\r\n%b" % (path, version, header, len(body), body)


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, *(cut % (len(stream) + 1) for cut in cuts), len(stream)})
    return [stream[start:end] for start, end in itertools.pairwise(places)]


@given(st.lists(requests(), max_size=12))
def test_whole_requests_are_read_as_a_parser_reads_them(sent: list[bytes]) -> None:
    assert serve(sent, HeadCache()) == serve(sent, NoCache())


@given(st.lists(requests() | st.binary(max_size=20), max_size=10), st.lists(st.integers(0, 2000), max_size=12))
@example([b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n11"] * 3, [50, 100, 101])
def test_any_bytes_in_any_pieces_are_read_as_a_parser_reads_them(sent: list[bytes], cuts: list[int]) -> None:
    pieces = split(b"".join(sent), cuts)
    assert serve(pieces, HeadCache()) == serve(pieces, NoCache())


@given(st.lists(requests(), min_size=1, max_size=3), st.lists(st.integers(0, 2), max_size=12), st.data())
def test_heads_that_come_again_are_read_as_a_parser_reads_them(
    few: list[bytes], order: list[int], data: st.DataObject
) -> None:
    pieces: list[bytes] = []
    for number in order:
        one = few[number % len(few)]
        cut = data.draw(st.sampled_from([0, 0, 0, len(one) // 3, one.find(b"\r\n\r\n")]))
        pieces += [one[:cut], one[cut:]] if cut > 0 else [one]
    assert serve(pieces, HeadCache()) == serve(pieces, NoCache())


GET = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n11"
BIG = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (LIMIT + 1) + b"x" * (LIMIT + 1)
HTTP_1_0 = b"GET /next HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
CONVERSATIONS = {
    "a known head that goes on": [GET, GET[:-4], b"yz\r\n\r\n", GET],
    "a known request inside another head": [GET, b"GET /a HTTP/1.1\r\nX: ", GET, GET],
    "a known request inside a body": [
        GET,
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n",
        GET,
        b"x" * 10,
        GET,
    ],
    "a target that is no path": [GET, GET.replace(b"/next", b"http://x/next"), GET.replace(b"/next", b"next"), GET],
    "another method": [POST, POST.replace(b"POST /a", b"PUT /b"), POST],
    "empty lines before": [b"\r\n\r\n" + GET, GET, b"\r\n" + GET, b"\r\n" + GET, GET],
    "empty lines behind": [GET + b"\r\n\r\n", GET, POST + b"\r\n\r\n\r\n", POST],
    "a body that is too large": [BIG, BIG, BIG],
    "a known head without its host": [GET, GET.replace(b"Host: x\r\n", b"")],
    "a known head with another host": [GET, GET.replace(b"Host: x\r\n", b"Host: x\r\nHost: x\r\n")],
    "a known head and target with a version of its own": [GET, GET.replace(b"HTTP/1.1", b"HTTP/2.0")],
    "a target that brings a version": [GET, GET.replace(b"/next", b"/next HTTP/1.1\r\nHost: y\r\nX: ")],
    "a target behind two spaces": [GET.replace(b"GET ", b"GET  "), GET.replace(b"GET ", b"GET /a ")],
    "HTTP/1.0 that goes on": [HTTP_1_0, HTTP_1_0, HTTP_1_0.replace(b"/next", b"/a")],
    "an upgrade": [GET.replace(b"\r\n\r\n", b"\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")] * 3,
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_is_read_as_a_parser_reads_it(name: str) -> None:
    pieces = CONVERSATIONS[name]
    assert serve(pieces, HeadCache()) == serve(pieces, NoCache())


@pytest.mark.parametrize("byte", range(256))
def test_a_new_target_with_any_byte_in_it_is_read_as_a_parser_reads_it(byte: int) -> None:
    pieces = [GET, GET, GET.replace(b"ext", b"ex" + bytes([byte])), GET]
    assert serve(pieces, HeadCache()) == serve(pieces, NoCache())


def test_a_request_with_a_known_head_is_not_parsed() -> None:
    heads, post = HeadCache(), b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
    serve([post + b"11"], heads)
    assert knows(heads, post + b"22")
    assert knows(heads, b"POST /b?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n22")
    assert not knows(heads, post + b"333")


def test_the_body_of_a_request_with_a_known_head_is_its_own() -> None:
    post = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
    assert bodies_of([post + b"11", post + b"22", post + b"33"]) == [b"11", b"22", b"33"]
    assert bodies_of([post + b"11", post + b"2", b"2", post, b"33"]) == [b"11", b"22", b"33"]


def test_a_client_whose_heads_all_differ_is_not_remembered_for_ever() -> None:
    heads = HeadCache()
    sent = [b"GET /a HTTP/1.1\r\nHost: x\r\nDate: %d\r\n\r\n" % number for number in range(100)]
    serve(sent, heads)
    serve([b"GET /a HTTP/1.1\r\nHost: x\r\nDate: new\r\n\r\n"], heads)
    assert not knows(heads, b"GET /a HTTP/1.1\r\nHost: x\r\nDate: new\r\n\r\n")
