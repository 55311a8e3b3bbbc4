"""A handler that raises: the bug is reported, its connection ends, and the server closes as ever."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.web.requests import get, post, request
from tests.web.served import Served

HALF = ("Content-Length: 5",)
BUGS = {
    "started": request("POST", "/now?fail-started", *HALF, body=b"he"),
    "finished": get("/now?fail-finished"),
    "overflowed": post("/now?fail-overflowed", bytes(2_000_000)),
    "truncated": request("POST", "/now?fail-truncated", *HALF, body=b"he"),
    "half_closed": get("/never?fail-half_closed"),
    "dropped": get("/never?fail-dropped"),
}
ENDED_BY_US = ("started", "finished", "overflowed")


def reported(served: Served) -> list[str]:
    """What the loop's exception handler was given."""
    return [str(problem["exception"]) for problem in served.problems]


@pytest.mark.parametrize("callback", BUGS)
def test_a_bug_ends_its_connection_and_is_reported(callback: str) -> None:
    with Served() as served:
        with served.peer() as peer, served.peer() as other:
            with suppress(ConnectionError):  # a server that ends it takes nothing more
                peer.send(BUGS[callback])
            served.settle()
            if callback == "half_closed":
                peer.finish_sending()
            elif callback not in ENDED_BY_US:
                peer.vanish()
            served.handler.wait_for(callback)
            assert other.ask(get("/now")).status == 200
        served.wait_until_alone()
    assert f"a bug in {callback}" in reported(served)


@pytest.mark.parametrize("callback", ["truncated", "dropped"])
def test_a_server_closes_although_its_handler_raises_when_connections_end(callback: str) -> None:
    with Served() as served:
        peer = served.peer()
        peer.send(BUGS[callback])
        served.settle()
    peer.socket.close()
    assert reported(served) == [f"a bug in {callback}"]


def test_a_bug_in_the_next_request_does_not_reach_who_answers_this_one() -> None:
    with Served() as served, served.peer() as peer:
        peer.send(get("/late") + get("/now?fail-finished"))
        served.release()  # raises what the reply raises
        assert b"/now" not in peer.rest()
    assert reported(served) == ["a bug in finished"]
