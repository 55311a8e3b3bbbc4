"""A server with a door: peers that are let in, at once or later, and peers that are refused."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.errors import FORBIDDEN_PEER, Refusal
from runtime_api.web.http1 import doorway
from tests.web.peer import PATIENCE_S
from tests.web.requests import get, post
from tests.web.served import Served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ADMIT, REFUSE, WAIT = "admit", "refuse", "wait"
BODY = b"x" * 300_000  # more than one read


class ScriptedDoor:
    """Does with peers as it is told, and notes whom it has refused."""

    def __init__(self) -> None:
        self.verdict = ADMIT
        self.peers: list[object] = []
        self.told: list[Refusal] = []
        self.waiting: list[asyncio.Future[Refusal | None]] = []

    def refusal(
        self, _own: tuple[object, ...], peer: tuple[object, ...]
    ) -> Refusal | asyncio.Future[Refusal | None] | None:
        self.peers.append(peer[1])
        if self.verdict == WAIT:
            self.waiting.append(asyncio.get_running_loop().create_future())
            return self.waiting[-1]
        return FORBIDDEN_PEER if self.verdict == REFUSE else None

    def refused(self, refusal: Refusal) -> None:
        self.told.append(refusal)


@pytest.fixture
def door() -> ScriptedDoor:
    return ScriptedDoor()


@pytest.fixture
def served(door: ScriptedDoor) -> Iterator[Served]:
    with Served(door=door) as server:
        yield server
    server.judge()


def decide(served: Served, door: ScriptedDoor, refusal: Refusal | None) -> None:
    """Judge the peers that wait, once there is one."""
    until(lambda: bool(door.waiting))
    served.settle()
    for each in door.waiting:
        served.do(partial(each.set_result, refusal))


def until(condition: Callable[[], bool]) -> None:
    """Wait for what the server does on its thread."""
    deadline = time.monotonic() + 6 * PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_peer_is_judged_once_for_all_its_requests(served: Served, door: ScriptedDoor) -> None:
    with served.peer() as peer:
        assert [peer.ask(get("/now")).status for _ in range(3)] == [200, 200, 200]
        assert door.peers == [peer.socket.getsockname()[1]]
        assert served.connections() == 1


def test_a_peer_that_has_to_wait_loses_nothing(served: Served, door: ScriptedDoor) -> None:
    door.verdict = WAIT
    with served.peer() as peer:
        peer.socket.settimeout(None)
        peer.socket.setblocking(False)
        sent = peer.socket.send(post("/now", BODY) + get("/now/2"))
        peer.socket.settimeout(PATIENCE_S)
        served.settle()
        assert not served.handler.stories
        assert served.connections() == 1  # what it has sent may be a response
        decide(served, door, None)
        peer.send((post("/now", BODY) + get("/now/2"))[sent:])
        assert [peer.answer().body, peer.answer().body] == [BODY, b""]


def test_a_peer_that_has_closed_its_side_while_it_had_to_wait_is_answered(served: Served, door: ScriptedDoor) -> None:
    door.verdict = WAIT
    with served.peer() as peer:
        peer.send(post("/now", b"all"))
        peer.finish_sending()
        decide(served, door, None)
        assert peer.answer().body == b"all"
        assert peer.rest() == b""


def test_a_peer_that_has_gone_while_it_had_to_wait_is_forgotten(served: Served, door: ScriptedDoor) -> None:
    door.verdict = WAIT
    with served.peer() as peer:
        until(lambda: bool(door.waiting))
        peer.vanish()
    until(lambda: served.connections() == 0)
    decide(served, door, None)
    assert not served.handler.stories


@pytest.mark.parametrize("verdict", [REFUSE, WAIT])
@pytest.mark.parametrize("asked", [get("/now"), post("/now", b"x"), b"not HTTP"])
def test_a_refused_peer_is_told_why(served: Served, door: ScriptedDoor, verdict: str, asked: bytes) -> None:
    door.verdict = verdict
    with served.peer() as peer:
        peer.send(asked)
        if verdict == WAIT:
            decide(served, door, FORBIDDEN_PEER)
        answer = peer.answer()
        assert (answer.status, answer.headers["connection"]) == (403, "close")
        assert json.loads(answer.body)["errorType"] == FORBIDDEN_PEER.error_type
        assert peer.rest() == b""
    assert not served.handler.stories
    assert door.told == [FORBIDDEN_PEER]


def test_a_refused_peer_is_none_of_the_server_s_connections(served: Served, door: ScriptedDoor) -> None:
    door.verdict = REFUSE
    with served.peer():
        until(lambda: bool(door.peers))
        assert served.connections() == 0


@pytest.mark.parametrize("verdict", [REFUSE, WAIT])
def test_a_refused_peer_that_asks_nothing_is_disconnected(
    served: Served, door: ScriptedDoor, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorway, "REFUSED_S", 0.02)
    door.verdict = verdict
    with served.peer() as peer:
        if verdict == WAIT:
            decide(served, door, FORBIDDEN_PEER)
        assert peer.rest() == b""
    assert not door.told  # nothing was refused to it


@pytest.mark.parametrize(("verdict", "most"), [(REFUSE, doorway.MOST_REFUSED), (WAIT, doorway.MOST_WAITING)])
def test_a_crowd_at_the_door_is_disconnected_without_a_word(
    served: Served, door: ScriptedDoor, verdict: str, most: int
) -> None:
    door.verdict = verdict
    held = [served.peer() for _ in range(most)]
    until(lambda: len(door.peers) == most)
    with served.peer() as one_more:
        assert one_more.rest() == b""
    door.verdict = ADMIT
    with served.peer() as own:
        assert own.ask(get("/now")).status == 200
    for peer in held:
        peer.socket.close()


@pytest.mark.parametrize("verdict", [REFUSE, WAIT])
def test_a_server_ends_while_peers_are_at_its_door(door: ScriptedDoor, verdict: str) -> None:
    door.verdict = verdict
    with Served(door=door) as served:
        peer = served.peer()
        until(lambda: bool(door.peers))
    assert peer.rest() == b""
    peer.socket.close()
    served.judge()


def test_only_what_peers_have_sent_is_unread(served: Served, door: ScriptedDoor) -> None:
    with served.peer() as peer:
        peer.ask(get("/now"))
        assert not served.do(lambda: served.has_unread)  # a connection that waits is none

        def just_sent() -> bool:
            peer.socket.send(get("/now"))
            return served.has_unread  # the loop has had no time to read it

        assert served.do(just_sent)
        assert peer.answer().status == 200
        assert not served.do(lambda: served.has_unread)
        door.verdict = WAIT
        with served.peer():
            until(lambda: bool(door.waiting))
            assert served.do(lambda: served.has_unread)  # a peer that is not let in may have sent something
