"""A connection that goes from Invoke's lane to aiohttp takes nothing with it that is not a request."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.web.answers import final, received
from tests.web.corpus.case import HIDDEN
from tests.web.peer import Peer
from tests.web.requests import get, post, request
from tests.web.ways import INVOKE, Listening

if TYPE_CHECKING:
    from collections.abc import Iterator

HEALTH = get("/_bootjack/health")
CHUNKED = ("POST", INVOKE, "Transfer-Encoding: chunked", "Connection: close")


@pytest.fixture
def ports() -> Iterator[Listening]:
    with Listening() as listening:
        yield listening
    assert not listening.problems, listening.problems[:5]


@pytest.mark.parametrize("first", [HEALTH, post("/2015-03-31/functions", b"{}")], ids=["health", "with a body"])
@pytest.mark.parametrize("known", [False, True], ids=["first", "again"])
def test_the_rest_of_a_chunked_body_is_no_request(ports: Listening, first: bytes, known: bool) -> None:
    """The part that has arrived was read by one parser; the rest must not begin anew in another."""
    if known:  # aiohttp has been imported, so the connection goes over at once
        with Peer(ports.ports.public) as other:
            other.ask(HEALTH)
    ran = ports.ports.dispatch.payloads = []
    with Peer(ports.ports.public) as peer:
        peer.send(first + request(*CHUNKED, body=b"%x\r\n12345" % (5 + len(HIDDEN))))
        ports.settle()
        with contextlib.suppress(OSError):  # the server may have had enough of it
            peer.send(HIDDEN)
            ports.settle()
            peer.send(b"\r\n0\r\n\r\n")
        answers = final(received(peer.rest(), cut=True))
    assert not ran, "the first part of a payload was run"
    assert b"smuggled" not in b"".join(answer.body for answer in answers)
    assert len(answers) <= 2
