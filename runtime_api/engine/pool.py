"""Which execution environment takes which invocation. There is one environment; who comes second waits."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from runtime_api.service.errors import TooManyRequestsException

if TYPE_CHECKING:
    from runtime_api.protocol.events import Invocation
    from runtime_api.protocol.limits import Limits

    from .environment import ExecutionEnvironment, InvokeResult

__all__ = ["Pool"]


class Pool:
    """The environments of one function version, and the invocations that wait for one."""

    def __init__(self, environment: ExecutionEnvironment, limits: Limits) -> None:
        self._environment = environment
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._running: asyncio.Future[InvokeResult] = self._loop.create_future()
        self._waiting: deque[tuple[Invocation, bool, asyncio.Future[InvokeResult]]] = deque()

    def submit(self, invocation: Invocation, wants_tail: bool) -> asyncio.Future[InvokeResult]:
        """Run this as soon as an environment is free. TooManyRequestsException when too many wait already."""
        future = self._loop.create_future()
        if self._environment.is_free and not self._waiting:
            self._running = future
            self._environment.invoke(invocation, wants_tail, future)
        elif len(self._waiting) >= self._limits.waiting_invocations:
            raise TooManyRequestsException(
                f"Rate Exceeded: {len(self._waiting)} invocations wait for one execution environment",
                reason="ConcurrentInvocationLimitExceeded",
            )
        else:
            if not self._waiting:
                self._running.add_done_callback(self._next)
            self._waiting.append((invocation, wants_tail, future))
        return future

    def _next(self, _done: asyncio.Future[InvokeResult]) -> None:
        """The invocation in hand has its result: take the one that waits longest."""
        if self._waiting:
            invocation, wants_tail, self._running = self._waiting.popleft()
            if self._waiting:
                self._running.add_done_callback(self._next)
            self._environment.invoke(invocation, wants_tail, self._running)

    async def close(self) -> None:
        """End the environment; whoever waits is told that it will not come to anything."""
        waiting, self._waiting = self._waiting, deque()
        for _, _, future in waiting:
            future.cancel()
        await self._environment.close()
