"""Large bodies of known length: read straight into their place, whatever comes before and behind them."""

from __future__ import annotations

import random
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from runtime_api.web.http1.bodies import BEGUN_BYTES, LARGE_BYTES
from runtime_api.web.http1.server import HttpServer
from tests.fuzz.memory import MemoryLoop
from tests.web.requests import get, post
from tests.web.served import Echo, Served

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any


BODY = random.Random(1).randbytes(700_000)
REQUEST = post("/now", BODY)
HEAD_BYTES = len(REQUEST) - len(BODY)
APART = HEAD_BYTES + BEGUN_BYTES  # from here on the body is read apart


def run(main: Coroutine[Any, Any, None], loop: MemoryLoop) -> None:
    try:
        loop.run_until_complete(main)
    finally:
        loop.close()
    assert (loop.problems, loop.tracebacks) == ([], [])


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_large_bodies_come_whole_and_what_is_behind_them_is_read(loop: str) -> None:
    with Served(loop=loop) as served, served.peer() as peer:
        for cut in (0, HEAD_BYTES, HEAD_BYTES + 5, APART, 300_000, len(REQUEST) - 1, len(REQUEST)):
            stream = REQUEST + get("/now/behind") + REQUEST
            peer.send(stream[:cut])
            served.settle()
            peer.send(stream[cut:])
            answers = [peer.answer() for _ in range(3)]
            assert [answer.status for answer in answers] == [200] * 3
            assert [answer.body for answer in answers] == [BODY, b"", BODY]
    assert served.problems == []


@pytest.mark.parametrize("missing", [1, LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1, 500_000])
def test_a_large_body_that_breaks_off_is_told_as_any_other(missing: int) -> None:
    with Served() as served, served.peer() as peer:
        peer.send(REQUEST[:-missing])
        served.settle()
        peer.finish_sending()
        answer = peer.answer()
        assert (answer.status, answer.body) == (400, b"cut short")
    assert served.handler.stories[0].endings == ["truncated"]


def test_a_peer_that_leaves_in_a_large_body_is_told_of() -> None:
    with Served() as served:
        with served.peer() as peer:
            peer.send(REQUEST[:-1])
            served.handler.wait_for("started")
        served.handler.wait_for("truncated")
    assert served.problems == []


def test_an_announcement_alone_gets_no_memory() -> None:
    loop, size = MemoryLoop(), 50_000_000

    async def main() -> None:
        server = HttpServer(Echo(size))
        _, port = await server.listen("127.0.0.1", 0)
        peer = loop.connect(port)
        tracemalloc.start()
        try:
            peer.send(b"POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * 1000)
            assert tracemalloc.get_traced_memory()[1] < 1_000_000
            peer.send(b"x" * BEGUN_BYTES)
            assert tracemalloc.get_traced_memory()[1] > size
        finally:
            tracemalloc.stop()
        await server.close()

    run(main(), loop)
