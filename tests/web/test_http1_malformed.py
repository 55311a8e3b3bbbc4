"""The HTTP/1.1 server on real sockets: requests that are malformed or ambiguous, and what looks like them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.peer import Ended, Peer
from tests.web.requests import get, in_chunks, request

if TYPE_CHECKING:
    from tests.web.served import Served

HIDDEN = get("/now/hidden")
CHUNKED = "Transfer-Encoding: chunked"
AMBIGUOUS = {
    "a length twice": ("Content-Length: 5", "Content-Length: 5"),
    "two lengths": ("Content-Length: 5", f"Content-Length: {5 + len(HIDDEN)}"),
    "a list of lengths": ("Content-Length: 5, 5",),
    "a negative length": ("Content-Length: -5",),
    "a signed length": ("Content-Length: +5",),
    "a hexadecimal length": ("Content-Length: 0x5",),
    "no length": ("Content-Length:",),
    "a length in two words": ("Content-Length: 5 5",),
    "a length beyond 64 bits": ("Content-Length: 18446744073709551621",),
    "a length of thousands of digits": ("Content-Length: " + "0" * 5000 + "5",),
    "length and chunks": ("Content-Length: 5", CHUNKED),
    "chunks and length": (CHUNKED, "Content-Length: 5"),
    "chunked twice": (CHUNKED, CHUNKED),
    "chunked not last": (f"{CHUNKED}, identity",),
    "another coding": ("Transfer-Encoding: gzip",),
    "identity": ("Transfer-Encoding: identity",),
    "a coding that ends in chunked": ("Transfer-Encoding: xchunked",),
    "a coding with a control character": ("Transfer-Encoding: \x0bchunked",),
    "a space before the colon": ("Content-Length : 5",),
    "a folded line": ("Content-Length: 5", " 5"),
    "a bare line feed": ("X: 1\nContent-Length: 5",),
    "a bare carriage return": ("X: 1\rContent-Length: 5",),
    "a zero byte": ("X: 1\x002",),
    "a header without a name": (": 5",),
}


def in_parts(served: Served, peer: Peer, apart: bool, first: bytes, second: bytes) -> None:
    """Send both, so that the server reads them apart or in one."""
    if apart:
        peer.send(first)
        served.settle()
        peer.send(second)
    else:
        peer.send(first + second)


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_length_that_can_be_read_in_two_ways_is_refused(served: Served, name: str) -> None:
    with served.peer() as peer:
        peer.send(request("POST", "/now", *AMBIGUOUS[name], body=b"0\r\n\r\n" + HIDDEN))
        assert peer.answer().status == 400
        assert peer.rest() == b""
    assert not served.handler.count("answered")


BAD_CHUNKS = {
    "a negative size": b"-1\r\n\r\n",
    "a size beyond 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size with a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "a size with a space": b"5 \r\nhello\r\n0\r\n\r\n",
    "bare line feeds": b"5\nhello\n0\n\n",
    "a bare line feed after an extension": b"5;a\nhello\r\n0\r\n\r\n",
    "more than its size": b"5\r\nhello!\r\n0\r\n\r\n",
    "no line end": b"5\r\nhello0\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
@pytest.mark.parametrize("apart", [False, True])
def test_a_bad_chunk_ends_the_connection(served: Served, name: str, apart: bool) -> None:
    with served.peer() as peer:
        in_parts(served, peer, apart, request("POST", "/now", CHUNKED), BAD_CHUNKS[name] + HIDDEN)
        assert peer.answer().status == 400
        assert peer.rest() == b""
    assert [story.endings for story in served.handler.stories] == [["truncated"]]


@pytest.mark.parametrize("apart", [False, True])
def test_a_handler_that_hears_of_a_garbled_body_has_heard_of_its_head(served: Served, apart: bool) -> None:
    with served.peer() as peer:
        in_parts(served, peer, apart, request("POST", "/now", CHUNKED), b"zz\r\n")
        peer.rest()
    assert [story.words for story in served.handler.stories] == [["started", "truncated"]]


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"hello\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\0",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_answered_with_400(served: Served, garbage: bytes) -> None:
    with served.peer() as peer:
        assert peer.ask(garbage).status == 400
        assert peer.rest() == b""


@pytest.mark.parametrize("apart", [False, True])
def test_requests_before_garbage_are_answered(served: Served, apart: bool) -> None:
    with served.peer() as peer:
        in_parts(served, peer, apart, get("/now/1") + get("/now/2"), b"garbage\r\n\r\n")
        assert [peer.answer().status for _ in range(3)] == [200, 200, 400]
        assert peer.rest() == b""


def test_garbage_behind_a_request_in_hand_ends_the_connection_once(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/never"))
        served.handler.wait_for("finished")
        peer.send(b"garbage\r\n\r\n")
        with pytest.raises(Ended):
            peer.answer()
    assert served.handler.count("dropped") == 1


def test_chunk_extensions_are_read_over(served: Served) -> None:
    with served.peer() as peer:
        answer = peer.ask(request("POST", "/now", CHUNKED, body=b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'))
        assert answer.body == b"hello"


def test_a_request_after_the_end_of_a_chunked_body_is_its_own(served: Served) -> None:
    with served.peer() as peer:
        peer.send(request("POST", "/now/1", CHUNKED, body=in_chunks(get("/now/hidden"))) + get("/now/2"))
        assert [peer.answer().headers["x-asked"] for _ in range(2)] == ["POST /now/1", "GET /now/2"]
