"""A streamed response between its two sides: what is read when, and who has to wait for whom."""

from __future__ import annotations

import asyncio
import random

from runtime_api.engine.streams import HIGH_BYTES, LOW_BYTES, ResponseStream
from runtime_api.protocol.streaming import Shaper
from runtime_api.service.seams.dispatch import InvokeResult
from tests.loops import run

RESULT = InvokeResult("r", b"", None, b"")


class Runtime:
    """A flow that notes whether it may send."""

    def __init__(self) -> None:
        self.may_send = True
        self.calls: list[str] = []

    def hold(self) -> None:
        assert self.may_send
        self.may_send = False
        self.calls.append("hold")

    def resume(self) -> None:
        assert not self.may_send
        self.may_send = True
        self.calls.append("resume")


def test_what_has_come_is_read_at_once_and_the_end_behind_it() -> None:
    async def main() -> None:
        stream = ResponseStream(Runtime(), "text/plain")
        stream.put(b"a")
        stream.put(b"b")
        assert await stream.read() == b"ab"
        waits = asyncio.ensure_future(stream.read())
        await asyncio.sleep(0)
        assert not waits.done()
        stream.put(b"c")
        assert await waits == b"c"
        stream.put(b"d")
        stream.finish(RESULT)
        assert (await stream.read(), await stream.read(), await stream.read()) == (b"d", b"", b"")
        assert (stream.result, stream.content_type) == (RESULT, "text/plain")

    run(main())


def test_a_reader_that_waits_learns_of_the_end() -> None:
    async def main() -> None:
        stream = ResponseStream(Runtime(), None)
        waits = asyncio.ensure_future(stream.read())
        await asyncio.sleep(0)
        stream.finish(RESULT)
        assert await waits == b""

    run(main())


def test_the_runtime_waits_for_the_reader() -> None:
    async def main() -> None:
        dice, runtime = random.Random(5), Runtime()
        stream = ResponseStream(runtime, None)
        sent = received = 0
        for _ in range(2000):
            if runtime.may_send and dice.random() < 0.7:
                size = dice.randrange(1, 60_000)
                stream.put(bytes(size))
                sent += size
            elif sent > received:
                received += len(await stream.read())
                assert runtime.may_send
            assert runtime.may_send is (sent - received < HIGH_BYTES)
            assert sent - received < HIGH_BYTES + 60_000
        assert LOW_BYTES < HIGH_BYTES < sent

    run(main())


def test_a_reader_who_has_gone_holds_up_nobody() -> None:
    async def main() -> None:
        runtime = Runtime()
        stream = ResponseStream(runtime, None)
        stream.put(bytes(HIGH_BYTES))
        stream.leave()
        assert runtime.calls == ["hold", "resume"]
        stream.put(bytes(10 * HIGH_BYTES))
        assert runtime.may_send
        stream.finish(RESULT)
        stream.leave()

    run(main())


def test_what_a_runtime_has_sent_before_it_exits_is_taken() -> None:
    async def main() -> None:
        runtime = Runtime()
        stream = ResponseStream(runtime, None)
        stream.put(bytes(HIGH_BYTES))
        stream.run_out()
        assert runtime.may_send
        stream.put(bytes(HIGH_BYTES))
        assert runtime.may_send
        assert len(await stream.read()) == 2 * HIGH_BYTES

    run(main())


def test_a_rate_holds_bytes_back_and_loses_none() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        stream = ResponseStream(Runtime(), None, Shaper(800_000, loop.time(), burst=50_000))
        data = random.Random(3).randbytes(200_000)
        began = loop.time()
        for at in range(0, len(data), 9000):
            stream.put(data[at : at + 9000])
        stream.finish(RESULT)
        pieces = []
        while piece := await stream.read():
            pieces.append(piece)
        assert b"".join(pieces) == data
        assert [len(piece) for piece in pieces[:2]] == [
            50_000,
            50_000,
        ]  # the burst, then what one refill holds at most
        assert loop.time() - began >= 0.12

    run(main())
