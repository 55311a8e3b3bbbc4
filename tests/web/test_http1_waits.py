"""The HTTP/1.1 server on real sockets: peers that take their time, and what they may take it for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from runtime_api.web.http1.patience import LEAST_BYTES_S, Patience
from runtime_api.web.http1.roster import Bounds
from tests.web.peer import PATIENCE_S
from tests.web.requests import get, post, request
from tests.web.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.peer import Peer

LIMIT_S = 0.5
CHUNKED = "Transfer-Encoding: chunked"
KERNEL_BYTES = 16 << 20  # more than the kernel keeps for both ends of a connection


@pytest.fixture
def served() -> Iterator[Served]:
    """A server that has little patience."""
    with Served(bounds=Bounds(Patience(LIMIT_S))) as server:
        yield server
    server.judge()


@pytest.fixture
def keeping() -> Iterator[Served]:
    """The same, where idle connections are kept, as on a Runtime API's port."""
    with Served(bounds=Bounds(Patience(LIMIT_S, ends_idle=False))) as server:
        yield server
    server.judge()


def drip(peer: Peer, data: bytes) -> int:
    """Send a byte now and then until the server ends the connection; returns how many it took."""
    for at in range(len(data)):
        try:
            peer.send(data[at : at + 1])
        except ConnectionError:
            return at
        peer.socket.settimeout(LIMIT_S / 5)
        try:
            if peer._receive() and b"HTTP/1.1 408" in peer._held:
                return at
        except TimeoutError:
            pass
        finally:
            peer.socket.settimeout(PATIENCE_S)
    return len(data)


def wait_out(served: Served, limits: int = 3) -> None:
    """Return when another connection has been closed for its patience's end this many times in a row."""
    for _ in range(limits):
        with served.peer() as peer:
            peer.send(b"GET /now")
            assert peer.rest().startswith(b"HTTP/1.1 408 ")


HEADS = {
    "a method": b"GET",
    "a target": b"GET /now",
    "a header": b"GET /now HTTP/1.1\r\nHost: localhost\r\nX: 1",
    "behind an answer": get("/now") + b"GET /n",
    "behind empty lines": b"\r\n\r\nGET",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_stops_is_answered_408(served: Served, name: str) -> None:
    with served.peer() as peer:
        peer.send(HEADS[name])
        if name == "behind an answer":
            assert peer.answer().status == 200
        assert peer.answer().status == 408
        assert peer.rest() == b""


def test_a_head_that_comes_a_byte_now_and_then_is_given_up(served: Served) -> None:
    head = get("/now", "X: " + "x" * 1000)
    with served.peer() as peer:
        assert drip(peer, head) < len(head)
    assert not served.handler.stories


BODIES = {
    "none of it": request("POST", "/now", "Content-Length: 5"),
    "half of it": request("POST", "/now", "Content-Length: 5", body=b"he"),
    "no chunk": request("POST", "/now", CHUNKED),
    "half a chunk": request("POST", "/now", CHUNKED, body=b"5\r\nhe"),
    "half a trailer": request("POST", "/now", CHUNKED, body=b"0\r\nX: "),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_stops_is_given_up(served: Served, name: str) -> None:
    with served.peer() as peer:
        peer.send(BODIES[name])
        assert b"HTTP/1.1 200" not in peer.rest()
    assert [story.endings for story in served.handler.stories] == [["truncated"]]


def test_a_refused_body_that_stops_is_given_up(served: Served) -> None:
    with served.peer() as peer:
        assert peer.ask(request("POST", "/refuse", "Content-Length: 5")).status == 403
        assert peer.rest() == b""


def test_a_body_that_comes_a_byte_now_and_then_is_given_up(served: Served) -> None:
    with served.peer() as peer:
        peer.send(request("POST", "/now", "Content-Length: 1000"))
        assert drip(peer, b"x" * 1000) < 1000
    assert [story.endings for story in served.handler.stories] == [["truncated"]]


def test_chunk_extensions_are_no_progress(served: Served) -> None:
    with served.peer() as peer:
        peer.send(request("POST", "/now", CHUNKED, body=b"5;"))
        for _ in range(int(PATIENCE_S / LIMIT_S)):
            try:
                peer.send(b"e" * LEAST_BYTES_S)
            except ConnectionError:
                break
            time.sleep(LIMIT_S / 20)
        else:
            pytest.fail("it goes on for ever")


def test_a_slow_and_steady_body_may_take_its_time(served: Served) -> None:
    size = 40 * LEAST_BYTES_S
    step = LEAST_BYTES_S  # in a tenth of the time that it may take
    with served.peer() as peer:
        peer.send(request("POST", "/now", f"Content-Length: {size}"))
        for _ in range(0, size, step):
            peer.send(b"x" * step)
            time.sleep(LIMIT_S / 10)
        assert len(peer.answer().body) == size


def test_an_answer_that_takes_long_is_waited_for(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/late") + get("/now"))
        wait_out(served)
        served.release()
        assert [peer.answer().headers["x-asked"] for _ in range(2)] == ["GET /late", "GET /now"]


def test_a_body_that_was_read_and_waits_for_its_answer_is_waited_for(served: Served) -> None:
    with served.peer() as peer:
        peer.send(post("/late", bytes(500_000)))
        wait_out(served)
        served.release()
        assert peer.answer().status == 200


def test_answers_that_nobody_reads_are_given_up(served: Served) -> None:
    with served.peer(receive_bytes=4096) as peer:
        peer.send(get(f"/big?{KERNEL_BYTES}"))
        served.handler.wait_for("answered")
        served.wait_until_alone()
        assert len(peer.rest()) < KERNEL_BYTES


def test_an_answer_that_is_read_slowly_and_steadily_may_take_its_time(served: Served) -> None:
    """The kernel takes nothing more of the answer meanwhile: its buffer is not empty enough."""
    with served.peer(receive_bytes=65_536) as peer:
        peer.send(request("GET", f"/big?{KERNEL_BYTES}", "Connection: close"))
        for _ in range(30):
            peer.take_some(32_768)
            time.sleep(LIMIT_S / 10)
        whole = len(peer.rest()) > KERNEL_BYTES
        assert whole


def test_an_idle_connection_is_closed_in_the_end(served: Served) -> None:
    with served.peer() as peer, served.peer() as silent:
        assert peer.ask(get("/now")).status == 200
        assert peer.rest() == silent.rest() == b""


def test_empty_lines_do_not_make_a_connection_less_idle(served: Served) -> None:
    with served.peer() as peer:
        for _ in range(int(PATIENCE_S / LIMIT_S)):
            try:
                peer.send(b"\r\n")
            except ConnectionError:
                break
            time.sleep(LIMIT_S)
        else:
            pytest.fail("it goes on for ever")


def test_a_port_that_keeps_idle_connections_ends_no_other_rule(keeping: Served) -> None:
    with keeping.peer() as idle:
        assert idle.ask(get("/now")).status == 200
        wait_out(keeping, limits=25)  # idle connections end after ten limits elsewhere
        assert idle.ask(get("/now")).status == 200


def test_a_kept_connection_may_take_as_long_as_it_likes(served: Served) -> None:
    with served.peer() as peer:
        assert peer.ask(get("/keep")).status == 200
        peer.send(request("POST", "/now", CHUNKED, body=b"2\r\nhe"))
        wait_out(served)
        peer.send(b"\r\n3\r\nllo\r\n0\r\n\r\n")
        assert peer.answer().body == b"hello"
