"""Bodies that a handler takes piece by piece: as they come, of any size, and held up when the handler says so."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest

from tests.web.requests import chunked, get, post

if TYPE_CHECKING:
    from tests.web.served import Served

HEAD = b"POST /pieces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
HELD = HEAD.replace(b"pieces", b"hold")
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_each_piece_is_told_when_it_comes(served: Served) -> None:
    with served.peer() as peer:
        peer.send(HEAD)
        for number in range(1, 6):
            peer.send(chunk(b"%d" % number))
            served.handler.wait_for("received", number)
        assert peer.ask(END).status == 200
    assert served.handler.pieces == [b"1", b"2", b"3", b"4", b"5", b""]
    assert served.handler.stories[0].words == ["started", *["received"] * 5, "finished", "answered"]


@pytest.mark.parametrize("size", [1, 5, 1000, 400_000, 70_000_000])
def test_a_body_of_any_size_and_any_framing_comes_whole(served: Served, size: int) -> None:
    body = random.Random(size).randbytes(max(size, 900_000) if size > 5 else 20_000)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    with served.peer() as peer:
        for request in (chunked("/pieces", *pieces), post("/pieces", body)):
            served.handler.pieces.clear()
            assert peer.ask(request).status == 200
            assert b"".join(served.handler.pieces) == body
        assert peer.ask(get("/now")).status == 200


def test_trailers_come_with_the_end(served: Served) -> None:
    with served.peer() as peer:
        peer.send(HEAD + chunk(b"a"))
        served.handler.wait_for("received")
        answer = peer.ask(b"0\r\nX-Sum: 1\r\n\r\n")
        assert answer.headers["x-trailers"] == "[(b'x-sum', b'1')]"


def test_a_body_that_breaks_off_is_told_after_its_pieces(served: Served) -> None:
    with served.peer() as peer:
        peer.send(HEAD + chunk(b"half"))
        peer.finish_sending()
        peer.rest()
    assert served.handler.pieces == [b"half"]
    assert served.handler.stories[0].words[:3] == ["started", "received", "truncated"]


def test_a_peer_whose_body_is_held_up_has_to_wait_and_others_have_not(served: Served) -> None:
    body = bytes(64_000_000)
    with served.peer(receive_bytes=65_536) as peer, served.peer() as other:
        peer.send(HELD + b"%x\r\n" % len(body))
        taken = peer.send_until_blocked(body, served.settle)
        assert taken < len(body) / 2
        kept = sum(map(len, served.handler.pieces))
        assert kept < 1_000_000, "what is read while nobody wants it"
        assert other.ask(get("/now")).status == 200
        rest = body[taken:]
        received = 1
        while not peer.send_until_blocked(rest, served.settle):  # until much is read, the kernel lets nothing more in
            served.resume()
            received += 1
            served.handler.wait_for("received", received)
        peer.vanish()
        while served.handler.held:
            served.resume()


def test_a_body_goes_on_where_it_was_held_up(served: Served) -> None:
    body = random.Random(1).randbytes(3_000_000)
    with served.peer() as peer:
        sender = threading.Thread(target=peer.send, args=(HELD + chunk(body) + END,))
        sender.start()
        resumed = 0
        while sum(map(len, served.handler.pieces)) < len(body):
            served.handler.wait_for("received", resumed + 1)
            served.resume()
            resumed += 1
        sender.join()
        while served.handler.held:
            served.resume()
        assert peer.answer().status == 200
    assert b"".join(served.handler.pieces) == body
    assert resumed > 1


def test_an_answer_before_the_end_drops_the_rest_and_holds_nothing_up(served: Served) -> None:
    with served.peer() as peer:
        peer.send(HELD + chunk(b"refuse"))
        assert peer.answer().status == 413
        peer.send(chunk(bytes(2_000_000)) + END)
        assert peer.ask(get("/now")).status == 200
    assert served.handler.pieces == [b"refuse"]


def test_a_held_body_of_a_peer_that_has_gone_ends(served: Served) -> None:
    with served.peer() as peer:
        peer.send(HELD + chunk(b"a"))
        served.handler.wait_for("received")
    served.resume()
    served.handler.wait_for("truncated")
    served.wait_until_alone()
