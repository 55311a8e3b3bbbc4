"""Invoke and other requests on one connection of the public port: each is read to its end, and no further."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.in_process import Fuzz
from tests.web.answers import final, received
from tests.web.corpus.case import HIDDEN
from tests.web.peer import Peer
from tests.web.requests import chunked, get, in_chunks, post, request
from tests.web.ways import INVOKE, Listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.answers import Received

HEALTH = get("/_bootjack/health")
CHUNKED = ("POST", INVOKE, "Transfer-Encoding: chunked", "Connection: close")
OTHER = "/2025-11-30/capacity-providers"
INVOCATION = post(INVOKE, b'"invoked"')
GARBAGE = b"GET / HTTP/9.9\r\n\r\n"


@pytest.fixture(scope="module")
def ports() -> Iterator[Listening]:
    with Listening() as listening:
        yield listening
    assert not listening.problems, listening.problems[:5]


def statuses(ports: Listening, sent: bytes, *, half_closed: bool = False) -> list[int]:
    """The answers that come until the server ends the connection."""
    with Peer(ports.ports.public) as peer:
        peer.send(sent)
        if half_closed:
            peer.finish_sending()
        return [answer.status for answer in final(received(peer.rest()))]


def test_a_chunked_body_that_is_on_its_way_behind_another_request_comes_to_its_end(ports: Listening) -> None:
    ran = ports.ports.dispatch.payloads = []
    first, last = b'"', HIDDEN.replace(b"\r\n", b" ") + b'"'
    for before in (HEALTH, post(OTHER, b"{}")):
        with Peer(ports.ports.public) as peer:
            peer.send(before + request(*CHUNKED, body=in_chunks(first)[:-5] + b"%x\r\n" % len(last)))
            ports.settle()
            peer.send(last)
            ports.settle()
            peer.send(b"\r\n0\r\n\r\n")
            answers = final(received(peer.rest()))
        assert [answer.body for answer in answers[1:]] == [first + last]
    assert ran == [first + last] * 2


def test_a_head_that_is_on_its_way_behind_another_request_comes_to_its_end(ports: Listening) -> None:
    for cut in (1, 20, len(INVOCATION) - 12, len(INVOCATION) - 3):
        with Peer(ports.ports.public) as peer:
            peer.send(HEALTH + INVOCATION[:cut])
            assert peer.answer().status == 200
            peer.send(INVOCATION[cut:])
            assert peer.answer().body == b'"invoked"'
            assert peer.ask(HEALTH).status == 200, "the connection goes on"


FAULTS = {
    "no request": GARBAGE,
    "no request, and more": GARBAGE + INVOCATION,
    "a head without an end": b"GET / HTTP/1.1\r\nHost: localhost\r\nno field\r\n",
    "a chunk of no size": request(*CHUNKED, body=b"2\r\n12\r\nxx\r\n"),
    "two hosts": get("/_bootjack/health", "Host: other"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_good_requests_are_answered_before_a_fault_behind_them(ports: Listening, fault: bytes) -> None:
    ran = ports.ports.dispatch.payloads = []
    assert statuses(ports, HEALTH + fault) == [200, 400]
    assert statuses(ports, post(OTHER, b"{}") + fault) == [501, 400]
    assert statuses(ports, chunked(OTHER, b"{}") + fault) == [501, 400]
    assert statuses(ports, HEALTH + INVOCATION + HEALTH + fault) == [200, 200, 200, 400]
    assert ran == [b'"invoked"'], "what is behind a fault is no request"


def test_what_follows_the_last_request_is_ignored(ports: Listening) -> None:
    last = get("/_bootjack/health", "Connection: close")
    for behind in (GARBAGE, INVOCATION, b"GET /", b"\r\n"):
        assert statuses(ports, last + behind) == [200]


def test_a_half_closed_peer_gets_every_answer(ports: Listening) -> None:
    for sent in ([HEALTH], [HEALTH] * 2, [HEALTH, INVOCATION], [INVOCATION, HEALTH], [HEALTH, *[INVOCATION] * 40]):
        with Peer(ports.ports.public) as peer:
            peer.send(b"".join(sent))
            peer.finish_sending()
            answers = final(received(peer.rest()))
        assert [answer.status for answer in answers] == [200] * len(sent)


def test_an_answer_to_a_half_closed_peer_says_that_the_connection_ends() -> None:
    with Fuzz() as fuzz:
        answers = in_memory(fuzz, HEALTH)
    assert [answer.headers.get(b"connection") for answer in answers] == [b"close"]


def test_a_peer_that_half_closes_later_gets_the_answer_that_is_due(ports: Listening) -> None:
    with Peer(ports.ports.public) as peer:
        assert peer.ask(HEALTH).status == 200
        peer.finish_sending()
        assert peer.rest() == b"", "an idle connection is closed"
    with Peer(ports.ports.public) as peer:
        assert peer.ask(HEALTH).status == 200
        peer.send(INVOCATION)
        peer.finish_sending()
        assert peer.answer().body == b'"invoked"'
        assert peer.rest() == b""


def test_what_a_half_closed_peer_has_cut_short_is_refused_or_ignored(ports: Listening) -> None:
    for sent in (post(OTHER, b"{}")[:-1], post(OTHER, b"{}")[:-2]):
        assert statuses(ports, sent, half_closed=True) == [400]
        assert statuses(ports, HEALTH + sent, half_closed=True) == [200, 400]
    refused = post(OTHER, b"{}", "Origin: http://evil.example")[:-1]
    assert statuses(ports, HEALTH + refused, half_closed=True) == [200, 403], (
        "one answer, though it is cut short, too"
    )
    assert statuses(ports, HEALTH + request(*CHUNKED, body=b"9\r\n123"), half_closed=True) == [200, 400]
    for part in (b"\r\n", b"GET", HEALTH[:-2]):
        assert statuses(ports, HEALTH + part, half_closed=True) == [200]


BIG = b'"%b"' % (b"x" * 50_000)
STREAMS = {
    "at the first": [HEALTH, INVOCATION, HEALTH],
    "at the second": [INVOCATION, HEALTH, INVOCATION],
    "with a body": [post(OTHER, b"{}"), INVOCATION, chunked(INVOKE, b'"', b'chunks"')],
    "with chunks": [chunked(OTHER, b"{", b"}"), post(INVOKE, b'"behind"', "Connection: close")],
    "with many chunks": [chunked(OTHER, *[b"x" * 7000] * 3), post(INVOKE, BIG), HEALTH, post(INVOKE, BIG)],
}


@pytest.mark.parametrize("sent", STREAMS.values(), ids=STREAMS)
def test_it_makes_no_difference_how_requests_are_cut(sent: list[bytes]) -> None:
    """Each has its own answer, also of a peer that half-closes."""
    stream, ends = b"".join(sent), list(accumulate(map(len, sent)))
    with Fuzz() as fuzz:
        expected = told(in_memory(fuzz, *sent))
        assert len(expected) == len(sent)
        for cut in range(0, len(stream), max(1, len(stream) // 150)):
            end = next(end for end in ends if end > cut)  # of the request that is cut
            assert told(in_memory(fuzz, stream[:cut], stream[cut:])) == expected, cut
            assert told(in_memory(fuzz, stream[:cut], stream[cut:end], stream[end:])) == expected, cut


def in_memory(fuzz: Fuzz, *pieces: bytes) -> list[Received]:
    """What a peer gets that sends these pieces, each as one read, and half-closes with the last one."""

    async def answers() -> bytes:
        peer = fuzz._loop.connect(fuzz._ports.public[1])
        for piece in pieces[:-1]:
            peer.send(piece)
            await fuzz._loop.quiet()
        peer.send(pieces[-1])
        peer.finish_sending()
        await fuzz._loop.quiet()
        assert peer.ended
        return bytes(peer.received)

    return final(received(fuzz._loop.run_until_complete(answers())))


def told(answers: list[Received]) -> list[tuple[int, bytes]]:
    return [(answer.status, answer.body) for answer in answers]
