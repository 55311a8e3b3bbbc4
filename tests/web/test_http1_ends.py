"""The HTTP/1.1 server and peers that leave: truncated bodies, half-closed connections, resets in every phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.peer import Ended
from tests.web.requests import get, post, request
from tests.web.served import Served

if TYPE_CHECKING:
    from tests.web.peer import Peer

CHUNKED = "Transfer-Encoding: chunked"
CUT_SHORT = {
    "no body": request("POST", "/now", "Content-Length: 5"),
    "half a body": request("POST", "/now", "Content-Length: 5", body=b"he"),
    "half a chunk": request("POST", "/now", CHUNKED, body=b"5\r\nhe"),
    "no last chunk": request("POST", "/now", CHUNKED, body=b"5\r\nhello\r\n"),
    "half a last chunk": request("POST", "/now", CHUNKED, body=b"5\r\nhello\r\n0\r\n"),
    "half a trailer": request("POST", "/now", CHUNKED, body=b"5\r\nhello\r\n0\r\nX: "),
}


@pytest.mark.parametrize("name", CUT_SHORT)
def test_a_body_cut_short_can_still_be_answered(served: Served, name: str) -> None:
    with served.peer() as peer:
        peer.send(CUT_SHORT[name])
        peer.finish_sending()
        answer = peer.answer()
        assert (answer.status, answer.body, answer.headers["connection"]) == (400, b"cut short", "close")
        assert peer.rest() == b""
    assert [story.endings for story in served.handler.stories] == [["truncated"]]


def test_a_body_cut_short_behind_other_requests_is_told_in_its_turn(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/now") + get("/late") + CUT_SHORT["half a body"])
        peer.finish_sending()
        assert peer.answer().status == 200
        served.release()
        assert [peer.answer().status for _ in range(2)] == [200, 400]
        assert peer.rest() == b""


@pytest.mark.parametrize("data", [b"", b"\r\n", b"GET", b"GET /now HTTP/1.1\r\nHost: "])
def test_a_peer_that_ends_without_a_request_is_told_nothing(served: Served, data: bytes) -> None:
    with served.peer() as peer:
        peer.send(data)
        peer.finish_sending()
        assert peer.rest() == b""
    assert not served.handler.stories


def test_a_half_closed_peer_gets_its_answers(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/now/1") + get("/late/2") + get("/now/3"))
        peer.finish_sending()
        assert peer.answer().headers["x-asked"] == "GET /now/1"
        served.release()
        assert [peer.answer().headers["x-asked"] for _ in range(2)] == ["GET /late/2", "GET /now/3"]
        assert peer.rest() == b""


def test_a_half_closed_peer_gets_a_late_answer_which_is_the_last(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/late"))
        served.handler.wait_for("finished")
        peer.finish_sending()
        served.handler.wait_for("half_closed")
        served.release()
        answer = peer.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert peer.rest() == b""


def test_a_half_closed_peer_is_dropped_where_the_handler_says_so(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/never?leave"))
        served.handler.wait_for("finished")
        peer.finish_sending()
        served.handler.wait_for("dropped")
        with pytest.raises(Ended):
            peer.answer()


# Each phase of an exchange: what has been sent when the peer leaves, the word to wait for, the end that is told.
PHASES = {
    "before a request": (b"", None, []),
    "in a head": (b"GET /now HTTP/1.1\r\nHo", None, []),
    "before a body": (request("POST", "/never", "Content-Length: 5"), "started", ["truncated"]),
    "in a body": (request("POST", "/never", "Content-Length: 5", body=b"he"), "started", ["truncated"]),
    "in a chunk": (request("POST", "/never", CHUNKED, body=b"5\r\nhe"), "started", ["truncated"]),
    "before an answer": (get("/never"), "finished", ["dropped"]),
    "after an answer": (get("/now"), "answered", ["answered"]),
    "in a body refused": (request("POST", "/refuse", "Content-Length: 9", body=b"he"), "answered", ["answered"]),
    "in a body too large": (post("/now", bytes(2_000_000))[:-5], "answered", ["answered"]),
    "before an answer to a body too large": (post("/never", bytes(2_000_000)), "overflowed", ["dropped"]),
    "in a body too large before an answer": (post("/never", bytes(2_000_000))[:-5], "overflowed", ["dropped"]),
    "in an answer": (get("/big?90000000"), "answered", ["answered"]),
    "in answers": (get("/big?4000000") * 3, "answered", ["answered"]),
}


def reach(served: Served, peer: Peer, phase: str) -> list[str]:
    """Bring a connection into a phase; the ends that are to be told when the peer leaves in it."""
    data, word, endings = PHASES[phase]
    peer.send(data)
    served.settle()
    if word:
        served.handler.wait_for(word)
    return endings


@pytest.mark.parametrize("phase", PHASES)
def test_a_peer_that_vanishes_is_told_of_once(served: Served, phase: str) -> None:
    peer = served.peer(receive_bytes=4096)
    endings = reach(served, peer, phase)
    peer.vanish()
    served.wait_until_alone()
    assert [story.endings for story in served.handler.stories] == [endings] * bool(endings)


@pytest.mark.parametrize("phase", PHASES)
def test_a_peer_that_closes_is_told_of_once(served: Served, phase: str) -> None:
    peer = served.peer(receive_bytes=4096)
    endings = reach(served, peer, phase)
    peer.socket.close()
    if endings == ["dropped"] and phase != "in a body too large before an answer":
        # Its end looks as if it were half closed: that it does not read either shows when it is answered.
        served.handler.wait_for("half_closed")
    else:
        served.wait_until_alone()
        assert [story.endings for story in served.handler.stories] == [endings] * bool(endings)


def test_a_request_behind_one_that_is_dropped_is_never_told() -> None:
    with Served() as served:
        peer = served.peer()
        peer.send(get("/never") + post("/now", b"hello"))
        served.handler.wait_for("finished")
        peer.vanish()
    assert [story.words for story in served.handler.stories] == [["finished", "dropped"]]


def test_closing_the_server_ends_every_connection_in_every_phase() -> None:
    with Served() as served:
        peers = [served.peer() for _ in PHASES]
        for peer, (data, _, _) in zip(peers, PHASES.values(), strict=True):
            peer.send(data)
        served.settle()
    for peer in peers:
        peer.rest()
        peer.socket.close()
    served.judge()
