"""The callers of the load with kills: each request carries a token, and each answer must carry it back."""

import asyncio
import contextlib
import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benchmarks.launching import INVOKE_PATH

LIMIT_S = 90.0  # for one answer; a longer wait is a loss
HEALTH = b"GET /_bootjack/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
# Errors that kills, timeouts, removals and full functions cause.
EXPECTED = frozenset({"Runtime.ExitError", "Sandbox.Timedout", "Runtime.Unknown", "Function.Timedout"})
REFUSALS = frozenset({"TooManyRequestsException", "ResourceNotFoundException"})

Answer = tuple[int, dict[str, str], bytes]  # status, headers with their names in lower case, body
KILLED = re.compile(rb"No execution environment could be opened: the sandbox")


@dataclass
class Ledger:
    """What was asked and what came of it."""

    deployed: dict[str, int]  # the version of each function that new invocations must run
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)  # what must not be, in words
    once: set[str] = field(default_factory=set)  # tokens of requests that wait for their answers
    answered: set[str] = field(default_factory=set)  # those whose answer came from the handler
    events: dict[str, str] = field(default_factory=dict)  # request ids of accepted events, and their tokens
    left: int = 0  # requests that are still to be sent

    def take(self) -> bool:
        """Whether there is one more request to send."""
        self.left -= 1
        return self.left >= 0


class Caller:
    """Sends one request after another on a connection; some of these are no Invoke."""

    def __init__(self, port: int, ledger: Ledger, dice: random.Random, number: int) -> None:
        self._port, self._ledger, self._dice, self._number = port, ledger, dice, number
        self._sent = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send_all(self) -> None:
        """Send until nothing is left; every request has its one answer then."""
        while self._ledger.take():
            function = self._dice.choice(list(self._ledger.deployed))
            token = f"{self._number}-{self._sent}"
            self._sent += 1
            try:
                async with asyncio.timeout(LIMIT_S):
                    await self._one(function, token)
            except TimeoutError:
                self._lose(f"{token}: no answer within {LIMIT_S:.0f} s")
            except (OSError, asyncio.IncompleteReadError) as error:
                self._lose(f"{token}: no answer: {error!r}")
        self._close()

    async def _one(self, function: str, token: str) -> None:
        kind = self._dice.random()
        event = {"token": token, "do": "answer", "seconds": 0.0}
        if kind < 0.01:
            event["do"] = "hang"
        elif kind < 0.03:
            event["do"] = "exit"
        elif kind < 0.15:
            event["seconds"] = self._dice.random() * 0.02
        if kind > 0.97:
            await self._hang_up(function, event)
        elif kind > 0.87:
            await self._queue(function, event)
        else:
            self._ledger.once.add(token)
            least = self._ledger.deployed[function]
            self._judge(function, token, least, *await self._ask(function, event))

    async def _queue(self, function: str, event: dict[str, Any]) -> None:
        """Send an Event invocation."""
        status, headers, body = await self._ask(function, event, "X-Amz-Invocation-Type: Event\r\n")
        if status == 202:
            self._ledger.events[headers["x-amzn-requestid"]] = event["token"]
            self._ledger.seen["events accepted"] += 1
        else:
            self._refused(event["token"], status, headers, body)

    async def _hang_up(self, function: str, event: dict[str, Any]) -> None:
        """Send a request, or a part of it, and leave."""
        _, writer = await self._connected()
        request = _request(function, json.dumps(event).encode())
        writer.write(request[: self._dice.choice((len(request), len(request) - 5, 30))])
        await writer.drain()
        await asyncio.sleep(self._dice.random() * 0.01)
        self._close(at_rest=False)
        self._ledger.seen["callers that hung up"] += 1

    def _judge(
        self, function: str, token: str, least: int, status: int, headers: dict[str, str], body: bytes
    ) -> None:
        ledger = self._ledger
        if status != 200:
            self._refused(token, status, headers, body)
        elif "x-amz-function-error" in headers:
            self._failed(token, headers["x-amzn-requestid"], json.loads(body))
        else:
            answer = json.loads(body)
            if (answer["function"], answer["token"]) != (function, token):
                ledger.seen["MISROUTED"] += 1
                ledger.wrong.append(f"{function} {token} was answered with {answer}")
            if answer["deployed"] < least:
                ledger.seen["STALE"] += 1
                ledger.wrong.append(f"{token} ran {function} {answer['deployed']}, after {least} was deployed")
            if token in ledger.answered:
                ledger.seen["DOUBLED"] += 1
                ledger.wrong.append(f"{token} was answered twice")
            ledger.answered.add(token)
            ledger.seen["answered"] += 1

    def _refused(self, token: str, status: int, headers: dict[str, str], body: bytes) -> None:
        kind = headers.get("x-amzn-errortype", str(status))
        if KILLED.search(body):
            kind = "its sandbox was killed as it was opened"
        elif kind not in REFUSALS:
            self._ledger.wrong.append(f"{token} was refused with {status} {body[:200]!r}")
        self._ledger.seen[f"refused: {kind}"] += 1

    def _failed(self, token: str, request_id: str, document: dict[str, str]) -> None:
        kind = document["errorType"]
        self._ledger.seen[f"failed: {kind}"] += 1
        if kind not in EXPECTED:
            self._ledger.wrong.append(f"{token} failed with {document}")
        named = document["errorMessage"].partition("RequestId: ")[2].partition(" ")[0]
        if named not in ("", request_id):
            self._ledger.seen["MISROUTED"] += 1
            self._ledger.wrong.append(f"{token}, request {request_id}, got the error of {named}")

    def _lose(self, why: str) -> None:
        self._ledger.seen["LOST"] += 1
        self._ledger.wrong.append(why)
        self._close(at_rest=False)

    # -- HTTP

    async def _ask(
        self, function: str, event: dict[str, Any], headers: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await self._connected()
        writer.write(_request(function, json.dumps(event).encode(), headers))
        return await _answer(reader)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            reader, writer = self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            if self._number % 4 == 0:
                writer.write(HEALTH)
                await _answer(reader)
        return self._streams

    def _close(self, at_rest: bool = True) -> None:
        """Close the connection. At rest, when every request has its answer, there must be nothing to read."""
        if self._streams is not None:
            reader, writer = self._streams
            if at_rest and reader._buffer:  # type: ignore[attr-defined]  # looks without waiting
                self._ledger.seen["DOUBLED"] += 1
                self._ledger.wrong.append("an answer came that nobody had asked for")
            with contextlib.suppress(OSError):
                writer.close()
            self._streams = None


def _request(function: str, body: bytes, headers: str = "") -> bytes:
    path = INVOKE_PATH.format(function)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    headers = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    return int(first.split(" ")[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))
