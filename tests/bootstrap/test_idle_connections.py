"""The server ends a keep-alive connection while a handler works: the answer goes out on a new connection.

Four ways to run a handler, buffered and streamed answers, an orderly close (FIN) and a reset (RST): all behave alike.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.bootstrap.scripted import CLOSE, RESET, Scripted, event
from tests.bootstrap.starting import finish, start, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bootstrap.scripted import Act

PREFIX = """
    import asyncio
    def wait():
        with open("gate") as gate:
            gate.read()
"""
BLOCKING = "def handler(event, context):\n        if event == 1: wait()\n        "
ASYNC = "async def handler(event, context):\n        if event == 1: await asyncio.to_thread(wait)\n        "
ASYNC_BUSY = "async def handler(event, context):\n        if event == 1: wait()\n        "
WAYS = pytest.mark.parametrize(
    ("handler", "concurrency"),
    [(BLOCKING, "1"), (ASYNC, "1"), (BLOCKING, "2"), (ASYNC, "2"), (ASYNC_BUSY, "2")],
    ids=["blocking", "awaiting", "threads", "tasks", "tasks that hold the loop"],
)
ANSWERS = pytest.mark.parametrize(
    "answer",
    [
        "return event",
        "yield str(event)",
        "yield f'{event}{str()}'\n        yield ' ' * 100_000",
        "raise ValueError(event)",
    ],
    ids=["buffered", "streamed", "large stream", "error"],
)
ACTS = pytest.mark.parametrize("act", [CLOSE, RESET], ids=["FIN", "RST"])


@WAYS
@ANSWERS
@ACTS
def test_an_answer_goes_out_on_a_new_connection(
    tmp_path: Path, handler: str, concurrency: str, answer: str, act: Act
) -> None:
    write(tmp_path, f"{PREFIX}    {handler}{answer}")
    os.mkfifo(tmp_path / "gate")
    with Scripted([[event(b"1"), act]]) as server:
        process = start(tmp_path, server, AWS_LAMBDA_MAX_CONCURRENCY=concurrency)
        try:
            server.wait_for(lambda it: it.closed == 1 or process.poll() is not None)
            (tmp_path / "gate").write_text("the connection is dead")
            server.wait_for(lambda it: it.waiting == int(concurrency) or process.poll() is not None)
            server.give(event(b"2"))
            server.wait_for(
                lambda it: (len(it.posts) == 2 and it.waiting == int(concurrency)) or process.poll() is not None
            )
        finally:
            process.terminate()
            ran = finish(process, server, tmp_path)
    texts = [one.body.decode().strip() for one in ran.posts]
    assert len(texts) == 2
    assert all(number in text for number, text in zip("12", texts, strict=True))
    assert (ran.code, ran.err) == (0, "")
    assert "[WARNING]" not in ran.out
