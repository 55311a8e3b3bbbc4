"""The HTTP/1.1 server on real sockets: more connections than there may be, and which of them go."""

from __future__ import annotations

import errno
import os
import resource
import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from runtime_api.web.http1.patience import Patience
from runtime_api.web.http1.roster import PUBLIC, RUNTIME_API, Bounds
from runtime_api.web.http1.server import ACCEPTED_AT_ONCE
from tests.web.peer import PATIENCE_S
from tests.web.requests import get, request
from tests.web.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.peer import Peer

MOST = 8


@pytest.fixture
def served() -> Iterator[Served]:
    """A server for eight connections."""
    with Served(bounds=Bounds(connections=MOST)) as server:
        yield server
    server.judge()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def peers(served: Served, stack: ExitStack, count: int, asking: str) -> list[Peer]:
    """Connections that have asked one after another."""
    found = [stack.enter_context(served.peer()) for _ in range(count)]
    for number, peer in enumerate(found, 1):
        peer.send(get(asking))
        if asking in ("/now", "/keep"):
            assert peer.answer().status == 200
        else:
            served.handler.wait_for("finished", number)
    return found


def is_open(peer: Peer) -> bool:
    try:
        return peer.ask(get("/now")).status == 200
    except Exception:
        return False


def test_one_too_many_takes_the_place_of_the_oldest_idle_one(served: Served, stack: ExitStack) -> None:
    idle = peers(served, stack, MOST, "/now")
    assert is_open(idle[0])  # so the second has been idle for longest
    one_more = stack.enter_context(served.peer())
    assert is_open(one_more)
    assert idle[1].rest() == b""
    assert all(is_open(peer) for peer in (idle[0], *idle[2:]))


def test_each_new_one_takes_the_place_of_the_next(served: Served, stack: ExitStack) -> None:
    idle = peers(served, stack, MOST, "/now")
    more = peers(served, stack, MOST - 1, "/now")
    assert [peer.rest() for peer in idle[: MOST - 1]] == [b""] * (MOST - 1)
    assert is_open(idle[-1])
    assert all(is_open(peer) for peer in more)


def test_a_connection_that_waits_for_its_answer_is_not_idle(served: Served, stack: ExitStack) -> None:
    waiting = peers(served, stack, MOST - 1, "/late")
    silent = stack.enter_context(served.peer())
    served.settle()
    assert is_open(stack.enter_context(served.peer()))
    assert silent.rest() == b""
    served.release_all()
    assert [peer.answer().status for peer in waiting] == [200] * (MOST - 1)


@pytest.mark.parametrize("busy", ["/late", "half a head", "half a body"])
def test_one_too_many_is_turned_away_when_nobody_is_idle(served: Served, stack: ExitStack, busy: str) -> None:
    if busy == "/late":
        peers(served, stack, MOST, busy)
    else:
        sent = get("/now")[:20] if busy == "half a head" else request("POST", "/now", "Content-Length: 5", body=b"he")
        for _ in range(MOST):
            stack.enter_context(served.peer()).send(sent)
        served.settle()
    answer = stack.enter_context(served.peer()).answer()
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    served.release_all()


def test_the_log_says_once_that_there_are_too_many(served: Served, stack: ExitStack) -> None:
    waiting = peers(served, stack, MOST, "/late")
    for _ in range(5):
        assert stack.enter_context(served.peer()).answer().status == 503
    served.release_all()
    assert all(peer.answer().status == 200 for peer in waiting)
    assert len(served.notes) == 1
    assert f"127.0.0.1:{served.address[1]}: {MOST} connections are in use" in served.notes[0]


def test_a_kept_connection_goes_after_all_others(served: Served, stack: ExitStack) -> None:
    kept = peers(served, stack, 1, "/keep")[0]
    idle = peers(served, stack, MOST - 1, "/now")
    more = [stack.enter_context(served.peer()) for _ in range(MOST - 1)]
    assert [peer.rest() for peer in idle] == [b""] * (MOST - 1)
    assert all(is_open(peer) for peer in (kept, *more))


def test_a_kept_connection_stays_when_there_is_nobody_else_to_close(served: Served, stack: ExitStack) -> None:
    kept = peers(served, stack, MOST // 2, "/keep")
    for _ in range(MOST - len(kept)):
        stack.enter_context(served.peer()).send(b"GET /")
    served.settle()
    assert stack.enter_context(served.peer()).answer().status == 503
    assert all(is_open(peer) for peer in kept)


def test_a_runtime_that_leaks_connections_loses_its_oldest(served: Served, stack: ExitStack) -> None:
    kept = [peer for _ in range(3 * MOST) for peer in peers(served, stack, 1, "/keep")]
    assert all(is_open(peer) for peer in kept[-MOST // 2 :])
    assert [peer.rest() for peer in kept[: 2 * MOST]] == [b""] * (2 * MOST)


def test_places_are_free_again_when_connections_end(served: Served, stack: ExitStack) -> None:
    for _ in range(3):
        waiting = peers(served, stack, MOST, "/never") if not served.handler.stories else []
        for peer in waiting:
            peer.vanish()
        served.wait_until_alone()
        with served.peer() as peer:
            assert is_open(peer)
        served.wait_until_alone()


@pytest.mark.parametrize(
    ("descriptors", "public", "runtime_api"),
    [(20, 10, 8), (256, 128, 32), (1024, 512, 128), (65_536, 16_384, 1024), (1 << 20, 16_384, 1024)],
)
def test_the_number_of_connections_follows_from_the_descriptors(
    descriptors: int, public: int, runtime_api: int
) -> None:
    assert Bounds(share=PUBLIC).most(descriptors) == public
    assert Bounds(share=RUNTIME_API).most(descriptors) == runtime_api
    assert Bounds(Patience(), PUBLIC, 3).most(descriptors) == 3


def test_without_a_descriptor_asyncio_does_not_try_without_end(stack: ExitStack) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Served(loop="asyncio") as served:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3 * ACCEPTED_AT_ONCE)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (sockets[-1].fileno() + 1, hard))
        try:
            with suppress(OSError):
                while True:
                    stack.callback(os.close, os.open("/dev/null", os.O_RDONLY))
            for each in sockets:
                each.settimeout(PATIENCE_S)
                each.connect(served.address)
                each.sendall(get("/now"))
            served.wait_for_problem()
            served.settle()
            problems = list(served.problems)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert all(each.recv(12) == b"HTTP/1.1 200" for each in sockets)
    assert {problem["exception"].errno for problem in problems} == {errno.EMFILE}
    assert len(problems) <= 2 * ACCEPTED_AT_ONCE
