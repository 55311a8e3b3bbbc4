"""The HTTP/1.1 server under random input: whatever comes, it goes on serving, and forgets nobody."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.web.requests import chunked, get, post, request
from tests.web.served import Served

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.web.peer import Peer

Dice = random.Random

LIMIT = 5000
WORDS = ("now", "late", "never", "refuse", "nowhere")
HEADERS = (
    "Connection: close",
    "Connection: keep-alive",
    "Expect: 100-continue",
    "Connection: Upgrade\r\nUpgrade: h2c",
    "Content-Length: 3",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "X: " + "x" * 3000,
    "Content-Type: application/json",
)


def valid(dice: Dice) -> bytes:
    """A request as a client may send it."""
    target = f"/{dice.choice(WORDS)}{dice.choice(('', '?leave', '/a?b=c'))}"
    headers = dice.sample(HEADERS, dice.choice((0, 0, 1)))
    body = dice.randbytes(dice.choice((0, 1, 50, LIMIT, LIMIT + 1, 40_000)))
    match dice.randrange(5):
        case 0:
            return get(target, *headers)
        case 1:
            return post(target, body, *headers)
        case 2:
            at = dice.randrange(len(body) + 1)
            chunks = [chunk for chunk in (body[:at], body[at:]) if chunk]
            return chunked(target, *chunks, trailers=dice.choice(("", "A: b\r\n")), headers=tuple(headers))
        case 3:
            return get(f"/big?{dice.choice((0, 10, 70_000, 500_000))}", *headers)
        case _:
            return request(dice.choice(("HEAD", "PUT", "OPTIONS")), target, *headers, version="HTTP/1.0")


def mutated(dice: Dice) -> bytes:
    """A request with some bytes changed, lost or repeated."""
    data = bytearray(valid(dice))
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0:
                data[at : at + 1] = dice.randbytes(1)
            case 1:
                del data[at : at + dice.randint(1, 20)]
            case 2:
                data[at:at] = data[at : at + dice.randint(1, 20)]
            case _:
                data[at:at] = dice.choice((b"\r\n", b"\n", b"\0", b" ", b":", b"\r\n\r\n", b"Host: x\r\n"))
    return bytes(data)


def garbage(dice: Dice) -> bytes:
    """No HTTP at all."""
    return dice.randbytes(dice.randint(1, 400))


def huge(dice: Dice) -> bytes:
    """A head that may be over the limit."""
    return get("/now", "X: " + "x" * dice.randint(900_000, 1_400_000))


KINDS: tuple[Callable[[Dice], bytes], ...] = (valid, valid, valid, mutated, mutated, garbage)


def stream(dice: Dice) -> bytes:
    """What one connection sends in its life."""
    if dice.random() < 0.01:
        return huge(dice)
    return b"".join(dice.choice(KINDS)(dice) for _ in range(dice.choice((1, 1, 2, 5, 30))))


def talk(dice: Dice, served: Served, peer: Peer) -> None:
    """Send a stream in pieces, read now and then, and leave in some way."""
    data = memoryview(stream(dice))
    peer.socket.settimeout(0.01)
    try:
        while data and dice.random() > 0.02:
            sent = peer.socket.send(data[: dice.choice((1, 7, 100, 5000, 1 << 20))])
            data = data[sent:]
            if dice.random() < 0.3:
                peer.socket.recv(1 << 16)
            if dice.random() < 0.1:
                served.settle()
        if dice.random() < 0.3:
            peer.finish_sending()
            served.settle()
    except OSError:
        pass  # the server may end it, and may take its time: what counts is what it does with the others
    dice.choice((peer.vanish, peer.socket.close))()


def play(seed: int, connections: int) -> None:
    """Talk over many connections, then look at what is left."""
    dice = Dice(seed)
    with Served(LIMIT):
        pass  # whatever a process opens once, is open now
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with Served(LIMIT) as served:
        for _ in range(connections):
            talk(dice, served, served.peer())
            if dice.random() < 0.2:
                served.release_all()
        with served.peer() as peer:
            assert peer.ask(post("/now", b"still here")).body == b"still here"
        served.release_all()
    served.judge()
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def play_and_name_the_seed(seed: int, connections: int) -> None:
    """Play; a failure names the seed with which it comes again."""
    try:
        play(seed, connections)
    except BaseException as error:
        error.add_note(f"seed {seed}, {connections} connections")
        raise


@pytest.mark.parametrize("seed", range(4))
def test_random_input_for_a_short_while(seed: int) -> None:
    play_and_name_the_seed(seed, 150)


@pytest.mark.slow
@pytest.mark.parametrize("_run", range(4))
def test_random_input_for_a_long_while(_run: int) -> None:
    play_and_name_the_seed(random.SystemRandom().getrandbits(32), 1000)
