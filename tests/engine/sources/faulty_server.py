"""What servers that stand in for a service of AWS have in common: they note each call, and misbehave when told to."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["CUT", "Fault", "FaultyServer", "refusal"]

CUT = 0  # in place of a status: the connection is closed without an answer


class Fault(NamedTuple):
    """What one call is answered with in place of the truth."""

    status: int = CUT
    body: bytes = b""


def refusal(code: str, status: int = 400) -> Fault:
    """A refusal with this code."""
    return Fault(status, json.dumps({"__type": f"com.amazonaws#{code}", "message": "no"}).encode())


class FaultyServer:
    """Answers operations of JSON protocols."""

    def __init__(self) -> None:
        self.faults: dict[str, list[Fault]] = defaultdict(list)  # of the next calls, by operation
        self.calls: list[tuple[str, dict[str, Any]]] = []  # operations with their parameters
        self.url = ""
        self._called = asyncio.Event()

    async def perform(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        """Return what an operation is answered with."""
        raise NotImplementedError

    def called(self, operation: str) -> list[dict[str, Any]]:
        """Return the parameters of each call of an operation."""
        return [parameters for each, parameters in self.calls if each == operation]

    async def until_called(self, operation: str) -> None:
        """Wait for a call of an operation."""
        while not self.called(operation):
            await self.until_called_again()

    async def until_called_again(self) -> None:
        """Wait for the next call."""
        self._called.clear()
        await self._called.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
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
        service, _, operation = request.headers["X-Amz-Target"].partition(".")
        parameters = json.loads(await request.read())
        self.calls.append((operation, parameters))
        self._called.set()
        if self.faults[operation]:
            fault = self.faults[operation].pop(0)
            if fault.status == CUT:
                assert request.transport is not None
                request.transport.close()
            return web.Response(status=fault.status or 500, body=fault.body)
        answer = await self.perform(service, operation, parameters)
        return web.Response(body=json.dumps(answer).encode(), content_type="application/x-amz-json-1.0")
