"""A stream that is polled for a function, as a test sees it."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, Any

from runtime_api.engine.aws_clients import AwsClients, AwsSettings
from runtime_api.engine.clock import Clock
from runtime_api.engine.sources import FunctionFacts, SourceContext
from runtime_api.engine.sources.choice import POLLED
from runtime_api.protocol.limits import CURRENT
from runtime_api.service.mapping_record import EventSourceMapping, MappingState, Settings
from runtime_api.service.mapping_sources import SourceKind
from runtime_api.service.seams.dispatch import InvokeResult, RunResult
from runtime_api.store.memory_positions import MemoryPositions
from tests.engine.sources.stream_server import PREFIX, StreamServer
from tests.loops import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping

    from runtime_api.service.seams.positions import Position

STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-01-02T03:04:05.678"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
TO_QUEUE = {"OnFailure": {"Destination": QUEUE}}
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
CONSUMER = f"{STREAM}/consumer/c:1"
KINDS = {STREAM: SourceKind.KINESIS, CONSUMER: SourceKind.KINESIS, TABLE: SourceKind.DYNAMODB}
OK = InvokeResult("r", b"null", None, b"")
FAILED = InvokeResult("r", b"{}", "Unhandled", b"")
SHARD = f"{PREFIX}s"
TIMEOUT_S = 60
LOOK_S, LOOKS = 0.02, 3000


class Function:
    """Notes the texts of the records that it gets; `results` are those of its next invocations."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.results: list[RunResult] = []
        self.news = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def invoke(self, function_arn: str, payload: bytes, trace: str | None = None) -> RunResult:
        self.batches.append([_text(each) for each in json.loads(payload)["Records"]])
        self.news.set()
        await self.may_end.wait()
        return self.results.pop(0) if self.results else OK

    def capacity(self, function_arn: str) -> int:
        return 1

    def about(self, function_arn: str) -> FunctionFacts:
        return FunctionFacts("7", "arn:aws:iam::123456789012:role/r")


def _text(record: dict[str, Any]) -> str:
    if "kinesis" in record:
        return base64.b64decode(record["kinesis"]["data"]).decode()
    text: str = record["dynamodb"]["Keys"]["id"]["S"]
    return text


class World:
    """A poller with what it needs; `positions` may be those of another one."""

    def __init__(self, server: StreamServer, positions: MemoryPositions | None = None) -> None:
        self.server = server
        self.function = Function()
        self.clock = Clock()
        self.positions = positions or MemoryPositions()
        self.results: list[str] = []
        self.notes: list[str] = []
        self._news = asyncio.Event()

    @asynccontextmanager
    async def polling(self, arn: str = STREAM, **settings: Any) -> AsyncIterator[None]:
        """Poll until the block ends, and then until nothing is in hand."""
        clients = AwsClients(AwsSettings({"": self.server.url}))
        settings = {"batch_size": 10, "starting_position": "TRIM_HORIZON", **settings}
        mapping = EventSourceMapping(
            "m",
            "123456789012",
            "us-east-1",
            FUNCTION,
            Settings(arn, **settings),
            MappingState.ENABLED,
            True,
            "2026",
            "No records processed",
        )
        source = POLLED[KINDS[arn]].source(
            SourceContext(
                mapping,
                self.function,
                clients,
                self.clock,
                Random(1),
                CURRENT,
                self.positions,
                self._took(self.results),
                self._took(self.notes),
            )
        )
        task = asyncio.create_task(source.run())
        try:
            yield
            source.stop()
            await asyncio.wait_for(task, TIMEOUT_S)
        finally:
            task.cancel()
            await clients.close()

    def _took(self, lines: list[str]) -> Callable[[str], None]:
        def take(line: str) -> None:
            lines.append(line)
            self._news.set()

        return take

    async def handled(self, *texts: str) -> None:
        """Wait until the function has got exactly these, in this order."""
        async with asyncio.timeout(TIMEOUT_S):
            while sum(map(len, self.function.batches)) < len(texts):
                self.function.news.clear()
                await self.function.news.wait()
        assert [text for batch in self.function.batches for text in batch] == list(texts)

    async def stands(self, condition: Callable[[Mapping[str, Position]], bool]) -> None:
        """Wait until the positions are such."""
        for _ in range(LOOKS):
            if condition(await self.positions.all("m")):
                return
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"positions {await self.positions.all('m')}")

    async def told(self, part: str) -> None:
        """Wait until a result or a line of the log has this part."""
        async with asyncio.timeout(TIMEOUT_S):
            while not any(part in line for line in (*self.results, *self.notes)):
                self._news.clear()
                await self._news.wait()


def with_server(server: StreamServer, test: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        async with server.running():
            await test(World(server))

    run(inside())
