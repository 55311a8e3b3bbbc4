"""Replies whose body comes in pieces: how they are framed, where they end, and who waits for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.answers import received
from tests.web.requests import get, request
from tests.web.served import FLOOD

if TYPE_CHECKING:
    from tests.web.served import Served

LAST = "Connection: close"


def test_a_body_comes_in_chunks_and_the_connection_goes_on(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/stream") + get("/now") + get("/stream", LAST))
        streamed, plain, last = received(peer.rest())
    assert streamed.headers[b"transfer-encoding"] == b"chunked"
    assert streamed.body == last.body == b"onetwothree"
    assert plain.status == 200


def test_http_1_0_reads_to_the_end_of_the_connection(served: Served) -> None:
    with served.peer() as peer:
        peer.send(request("GET", "/stream", "Connection: keep-alive", version="HTTP/1.0"))
        head, _, body = peer.rest().partition(b"\r\n\r\n")
    assert body == b"onetwothree"
    assert b"Connection: close" in head
    assert b"chunked" not in head


def test_an_answer_to_head_has_no_body(served: Served) -> None:
    with served.peer() as peer:
        peer.send(request("HEAD", "/stream", LAST))
        head, _, body = peer.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""


def test_a_body_that_breaks_off_has_no_last_chunk(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/break"))
        assert peer.rest().endswith(b"\r\n3\r\none\r\n")


def test_a_peer_that_does_not_read_holds_up_the_body(served: Served) -> None:
    with served.peer(receive_bytes=4096) as peer:
        peer.send(get("/flood", LAST))
        served.handler.wait_for("full")
        assert served.handler.count("answered") == 0
        (answer,) = received(peer.rest())
    assert answer.body == b"".join(FLOOD)


def test_a_peer_that_goes_ends_the_wait_for_it(served: Served) -> None:
    with served.peer(receive_bytes=4096) as peer:
        peer.send(get("/flood"))
        served.handler.wait_for("full")
        peer.vanish()
    served.handler.wait_for("gone")
    served.handler.wait_for("dropped")
