"""The HTTP/1.1 server at its limits: heads, bodies, what is read in vain, and peers that do not read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from runtime_api.web.http1.exchange import DRAIN_BYTES
from runtime_api.web.http1.parser import HEAD_BYTES
from tests.web.requests import chunked, get, in_chunks, post, request
from tests.web.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.peer import Peer

LIMIT = 100_000
READ_BYTES = 1 << 19  # more than the server reads at once
KERNEL_BYTES = 64 << 20  # more than the kernel keeps for both ends of a connection
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture
def narrow() -> Iterator[Served]:
    """A server with a small limit for bodies."""
    with Served(LIMIT) as server:
        yield server
    server.judge()


def test_a_head_may_be_as_long_as_the_limit(served: Served) -> None:
    with served.peer() as peer:
        empty = len(get("/now", "X: "))
        answer = peer.ask(get("/now", "X: " + "x" * (HEAD_BYTES - empty)))
        assert answer.status == 200
        assert peer.ask(get("/now")).status == 200


ENDLESS = {
    "a header": b"GET /now HTTP/1.1\r\nX: ",
    "a header's name": b"GET /now HTTP/1.1\r\nX",
    "a target": b"GET /now",
    "headers": b"GET /now HTTP/1.1\r\n",
}


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("piece", [HEAD_BYTES, 50_000])
def test_a_head_over_the_limit_is_refused(served: Served, name: str, piece: int) -> None:
    line = b"Y: " + b"x" * 997 + b"\r\n" if name == "headers" else b"x"
    rest = line * ((HEAD_BYTES + READ_BYTES) // len(line))
    with served.peer() as peer:
        peer.send(ENDLESS[name])
        send_while_open(peer, rest, piece)
        assert peer.rest().startswith(b"HTTP/1.1 431 ")
    assert not served.handler.stories


def test_a_head_over_the_limit_behind_a_request_in_hand_ends_the_connection(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/never"))
        served.handler.wait_for("finished")
        send_while_open(peer, ENDLESS["a header"] + b"x" * (HEAD_BYTES + READ_BYTES), 50_000)
        assert peer.rest() == b""
    assert [story.words for story in served.handler.stories] == [["finished", "dropped"]]


def test_heads_are_counted_one_by_one(served: Served) -> None:
    data = get("/now", "X: " + "x" * 400_000)
    with served.peer() as peer:
        for _ in range(4):
            peer.send(data[:300_000])
            served.settle()
            assert peer.ask(data[300_000:]).status == 200


def test_bodies_do_not_count_as_heads(served: Served) -> None:
    with served.peer() as peer:
        for _ in range(4):
            assert peer.ask(post("/now", bytes(900_000))).status == 200


def test_a_head_of_one_name_takes_no_longer_than_one_of_many(served: Served) -> None:
    many = get("/now", *[f"x{number:05}:" for number in range(100_000)])
    one = get("/now", *["x:"] * 200_000)
    with served.peer() as peer:
        before = time.process_time()
        assert peer.ask(many).status in (200, 431)
        between = time.process_time()
    with served.peer() as peer:
        assert peer.ask(one).status in (200, 431)
        assert time.process_time() - between < 4 * (between - before) + 0.2


def test_trailers_are_limited_as_heads_are(served: Served) -> None:
    line = b"X: " + b"x" * 995 + b"\r\n"
    with served.peer() as peer:
        peer.send(request("POST", "/now", CHUNKED, body=b"0\r\n"))
        sent = send_while_open(peer, line * 8_000, READ_BYTES)
        assert sent < 8_000 * len(line)
        assert b"HTTP/1.1 200" not in peer.rest()


# -- bodies


@pytest.mark.parametrize("data", [post("/now", b"x" * LIMIT), chunked("/now", b"x", b"x" * (LIMIT - 1))])
def test_a_body_may_be_as_long_as_the_limit(narrow: Served, data: bytes) -> None:
    with narrow.peer() as peer:
        assert peer.ask(data).body == b"x" * LIMIT


OVER = {
    "by length": post("/now", b"x" * (LIMIT + 1)),
    "by chunks": chunked("/now", b"x" * LIMIT, b"x"),
    "by far": post("/now", b"x" * 5_000_000),
    "by many chunks": chunked("/now", *[b"x" * 1000] * 5000),
}


@pytest.mark.parametrize("name", OVER)
@pytest.mark.parametrize("late", [False, True])
def test_a_body_over_the_limit_is_refused_and_the_connection_goes_on(narrow: Served, name: str, late: bool) -> None:
    data = OVER[name].replace(b"/now", b"/late") if late else OVER[name]
    with narrow.peer() as peer:
        peer.send(data)
        if late:
            narrow.handler.wait_for("overflowed")
            narrow.release()
        assert peer.answer().status == 413
        assert peer.ask(get("/now")).status == 200
    assert narrow.handler.count("overflowed") == 1


@pytest.mark.parametrize("head", [f"Content-Length: {LIMIT + 1}", CHUNKED])
def test_a_body_over_the_limit_is_refused_before_it_is_whole(narrow: Served, head: str) -> None:
    with narrow.peer() as peer:
        peer.send(request("POST", "/now", head))
        if head == CHUNKED:
            peer.send(in_chunks(b"x" * (LIMIT + 1))[:-5])
        assert peer.answer().status == 413


@pytest.mark.parametrize(
    "data", [post("/refuse", b"x" * 90_000), chunked("/refuse", b"x" * 90_000), post("/refuse", bytes(5_000_000))]
)
def test_a_body_refused_at_the_head_is_read_in_vain(narrow: Served, data: bytes) -> None:
    at = data.index(b"\r\n\r\n") + 4
    with narrow.peer() as peer:
        assert peer.ask(data[:at]).status == 403
        peer.send(data[at:] + get("/now"))
        assert peer.answer().headers["x-asked"] == "GET /now"


def test_what_is_read_in_vain_has_a_bound(served: Served) -> None:
    with served.peer() as peer:
        assert peer.ask(request("POST", "/refuse", f"Content-Length: {10 * DRAIN_BYTES}")).status == 403
        sent = send_while_open(peer, bytes(DRAIN_BYTES + KERNEL_BYTES), 1 << 20)
        assert DRAIN_BYTES <= sent < DRAIN_BYTES + KERNEL_BYTES
        assert peer.rest() == b""


def test_a_refused_body_in_chunks_has_the_same_bound(served: Served) -> None:
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    with served.peer() as peer:
        assert peer.ask(request("POST", "/refuse", CHUNKED)).status == 403
        sent = send_while_open(peer, chunk * ((DRAIN_BYTES + KERNEL_BYTES) >> 20), len(chunk))
        assert DRAIN_BYTES <= sent < DRAIN_BYTES + KERNEL_BYTES


# -- peers that do not read


def test_a_peer_that_does_not_read_its_answers_is_not_served_without_end(served: Served) -> None:
    answers, size = 1000, 100_000
    with served.peer(receive_bytes=65_536) as peer:
        peer.send_until_blocked(get(f"/big?{size}") * answers, served.settle)
        assert served.handler.count("answered") * size < 16 << 20
        for _ in range(answers):
            assert len(peer.answer().body) == size
    assert served.handler.count("answered") == answers


def test_small_answers_that_nobody_reads_are_bounded_too(served: Served) -> None:
    data = get("/big?100") * 200_000
    with served.peer(receive_bytes=65_536) as peer:
        sent = peer.send_until_blocked(data, served.settle)
        assert sent < len(data)
        done = served.handler.count("answered")
        served.settle()
        assert served.handler.count("answered") == done < 150_000
        assert len(peer.answer().body) == 100


def test_requests_behind_one_in_hand_are_not_read_without_end(served: Served) -> None:
    data = get("/now") * (KERNEL_BYTES // len(get("/now")))
    with served.peer() as peer:
        peer.send(get("/never"))
        served.handler.wait_for("finished")
        assert peer.send_until_blocked(data, served.settle) < len(data)
        assert len(served.handler.stories) == 1


def test_one_answer_of_megabytes_waits_for_a_slow_reader(served: Served) -> None:
    with served.peer(receive_bytes=4096) as peer:
        peer.send(get("/big?6291556") + get("/now/behind"))
        served.handler.wait_for("answered")
        served.settle()
        assert served.handler.count("answered") == 1
        assert len(peer.answer().body) == 6_291_556
        assert peer.answer().headers["x-asked"] == "GET /now/behind"


def test_a_slow_reader_that_half_closes_gets_all_of_its_answers(served: Served) -> None:
    with served.peer(receive_bytes=4096) as peer:
        peer.send(get("/big?3000000") * 5)
        peer.finish_sending()
        assert [len(peer.answer().body) for _ in range(5)] == [3_000_000] * 5
        assert peer.rest() == b""


def send_while_open(peer: Peer, data: bytes, piece: int) -> int:
    """Send in pieces until the server has ended the connection; how many bytes it took."""
    for start in range(0, len(data), piece):
        try:
            peer.send(data[start : start + piece])
        except (ConnectionResetError, BrokenPipeError):
            return start
    return len(data)
