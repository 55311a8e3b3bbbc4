"""A server that speaks what a poller needs of SQS, and misbehaves when it is told to."""

from __future__ import annotations

import asyncio
import hashlib
from itertools import count
from typing import Any

from tests.engine.sources.faulty_server import FaultyServer, refusal

__all__ = ["NO_QUEUE", "TICK_S", "QueueServer"]

TICK_S = 0.02  # what a second of visibility takes here
NO_QUEUE = refusal("QueueDoesNotExist")


class Stored:
    """A message in the queue."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.receives = 0
        self.visible_s = 0.0


class QueueServer(FaultyServer):
    """One queue of messages that are hidden for a tick for each second of their visibility timeout."""

    def __init__(self, visibility_s: int = 30, tick_s: float = TICK_S) -> None:
        super().__init__()
        self._tick_s = tick_s
        self.visibility_s = visibility_s
        self.answers_after_s = 0.0  # it has taken messages out of the queue
        self.messages: dict[str, Stored] = {}  # by id
        self._numbers = count()
        self._news = asyncio.Event()

    def send(self, *bodies: str) -> None:
        """Put messages into the queue."""
        for body in bodies:
            self.messages[f"m{next(self._numbers)}"] = Stored(body)
        self._news.set()

    async def perform(self, _service: str, operation: str, parameters: dict[str, Any]) -> Any:
        """Do what SQS would."""
        return await getattr(self, f"_{operation}")(parameters)

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
        messages = [self._received(name, loop.time()) for name in found]
        await asyncio.sleep(self.answers_after_s)
        return {"Messages": messages}

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
