"""A server that speaks what a poller needs of SQS, and misbehaves when it is told to."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["CUT", "NO_QUEUE", "TICK_S", "Fault", "QueueServer", "refusal"]

CUT = 0  # in place of a status: the connection is closed without an answer
TICK_S = 0.02  # what a second of visibility takes here


class Fault(NamedTuple):
    """What one call is answered with in place of the truth."""

    status: int
    body: bytes = b""


def refusal(code: str, status: int = 400) -> Fault:
    """A refusal with this code."""
    return Fault(status, json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "no"}).encode())


NO_QUEUE = refusal("QueueDoesNotExist")


class Stored:
    """A message in the queue."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.receives = 0
        self.visible_s = 0.0


class QueueServer:
    """One queue of messages that are hidden for a tick for each second of their visibility timeout."""

    def __init__(self, visibility_s: int = 30, tick_s: float = TICK_S) -> None:
        self._tick_s = tick_s
        self.visibility_s = visibility_s
        self.messages: dict[str, Stored] = {}  # by id
        self.faults: dict[str, list[Fault]] = defaultdict(list)  # of the next calls, by operation
        self.calls: list[tuple[str, dict[str, Any]]] = []  # operations with their parameters
        self.url = ""
        self._numbers = count()
        self._news = asyncio.Event()

    def send(self, *bodies: str) -> None:
        """Put messages into the queue."""
        for body in bodies:
            self.messages[f"m{next(self._numbers)}"] = Stored(body)
        self._news.set()

    def called(self, operation: str) -> list[dict[str, Any]]:
        """Return the parameters of each call of an operation."""
        return [parameters for each, parameters in self.calls if each == operation]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[QueueServer]:
        """Listen on loopback."""
        app = web.Application()
        app.router.add_post("/{rest:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://{host}:{port}"
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        operation = request.headers["X-Amz-Target"].partition(".")[2]
        parameters = json.loads(await request.read())
        self.calls.append((operation, parameters))
        if self.faults[operation]:
            fault = self.faults[operation].pop(0)
            if fault.status == CUT:
                assert request.transport is not None
                request.transport.close()
            return web.Response(status=fault.status or 500, body=fault.body)
        answer = await getattr(self, f"_{operation}")(parameters)
        return web.Response(body=json.dumps(answer).encode(), content_type="application/x-amz-json-1.0")

    async def _GetQueueUrl(self, parameters: Any) -> Any:  # as AWS names it
        return {"QueueUrl": f"http://elsewhere/{parameters['QueueName']}"}

    async def _GetQueueAttributes(self, _parameters: Any) -> Any:
        visible = len(self._visible())
        return {
            "Attributes": {
                "VisibilityTimeout": str(self.visibility_s),
                "ApproximateNumberOfMessages": str(visible),
                "ApproximateNumberOfMessagesNotVisible": str(len(self.messages) - visible),
            }
        }

    async def _ReceiveMessage(self, parameters: Any) -> Any:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + parameters["WaitTimeSeconds"]
        while not (found := self._visible()[: parameters["MaxNumberOfMessages"]]) and loop.time() < until_s:
            self._news.clear()
            try:
                async with asyncio.timeout(TICK_S):  # one may become visible again
                    await self._news.wait()
            except TimeoutError:
                pass
        return {"Messages": [self._received(name, loop.time()) for name in found]}

    async def _DeleteMessageBatch(self, parameters: Any) -> Any:
        for entry in parameters["Entries"]:
            self.messages.pop(entry["ReceiptHandle"].partition("/")[0], None)
        return {"Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]], "Failed": []}

    async def _ChangeMessageVisibilityBatch(self, parameters: Any) -> Any:
        now_s = asyncio.get_running_loop().time()
        for entry in parameters["Entries"]:
            message = self.messages.get(entry["ReceiptHandle"].partition("/")[0])
            if message is not None:
                message.visible_s = now_s + entry["VisibilityTimeout"] * self._tick_s
        return {"Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]], "Failed": []}

    def _visible(self) -> list[str]:
        now_s = asyncio.get_running_loop().time()
        return [name for name, message in self.messages.items() if message.visible_s <= now_s]

    def _received(self, name: str, now_s: float) -> Any:
        message = self.messages[name]
        message.receives += 1
        message.visible_s = now_s + self.visibility_s * self._tick_s
        return {
            "MessageId": name,
            "ReceiptHandle": f"{name}/{message.receives}",
            "Body": message.body,
            "MD5OfBody": hashlib.md5(message.body.encode()).hexdigest(),
            "Attributes": {"ApproximateReceiveCount": str(message.receives)},
        }
