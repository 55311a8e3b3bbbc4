"""The environments of one function version, alive: what a `Fleet` decides is done here."""

from __future__ import annotations

import asyncio
import time
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from runtime_api.protocol.concurrency import Assign, Close, Fail, Fleet, Start, Throttle, WakeAt
from runtime_api.service.errors import ServiceException, TooManyRequestsException

from .closing import close_together

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.concurrency import Action
    from runtime_api.protocol.events import Invocation

    from .environment import ExecutionEnvironment, InvokeResult, Log

__all__ = ["Builder", "Pool"]


class Builder(Protocol):
    """Makes environments of one function."""

    def build(self, available: Callable[[ExecutionEnvironment], None]) -> ExecutionEnvironment:
        """A new environment, not opened yet."""

    async def open(self, environment: ExecutionEnvironment) -> None:
        """Open it; OSError when this machine has not what it takes."""


class _Job(NamedTuple):
    """An invocation, and who waits for it."""

    invocation: Invocation
    wants_tail: bool
    future: asyncio.Future[InvokeResult]


class Pool:
    """Runs invocations in as many environments as it takes, up to `most`; one that is free for `idle_s` is ended."""

    def __init__(self, builder: Builder, most: int, log: Log, idle_s: float | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._builder = builder
        self._log = log
        self._most = most
        self._fleet: Fleet[_Job, ExecutionEnvironment] = Fleet(most, idle_s and idle_s * 1000)
        self._opening: dict[ExecutionEnvironment, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._failure = ""  # why the last environment could not be opened
        self._shut = False
        self._quiet: asyncio.Event | None = None  # once somebody waits for the last invocation's end
        self._perform: dict[type, Callable[[Any], None]] = {
            Assign: _assign,
            Start: self._start,
            Fail: self._fail,
            Close: self._close,
            WakeAt: self._wake_at,
        }

    def __repr__(self) -> str:
        return f"<Pool {self._fleet!r}>"

    def submit(self, invocation: Invocation, wants_tail: bool, max_queued: int) -> asyncio.Future[InvokeResult]:
        """Run this as soon as an environment is free.

        TooManyRequestsException when none is, none can be started, and more than `max_queued` wait already.
        """
        future: asyncio.Future[InvokeResult] = self._loop.create_future()
        if self._shut:
            raise ServiceException(SHUT_DOWN)
        environment = self._fleet.take()
        if environment is not None:
            environment.invoke(invocation, wants_tail, future)
            return future
        for action in self._fleet.submit(_Job(invocation, wants_tail, future), max_queued):
            if isinstance(action, Throttle):
                raise TooManyRequestsException(
                    f"Rate Exceeded: {self._fleet.running} of {self._most} execution environments are busy, "
                    f"{self._fleet.waiting} invocations wait",
                    reason="ReservedFunctionConcurrentInvocationLimitExceeded",
                )
            self._perform[action.__class__](action)
        return future

    async def provision(self) -> ExecutionEnvironment | None:
        """Open an environment before it is asked for; None when there are as many as there may be.

        OSError when it cannot be opened.
        """
        for _ in self._fleet.provision():
            environment = self._builder.build(self._available)
            self._fleet.started(environment)
            try:
                await self._builder.open(environment)
            except BaseException:
                self._do(self._fleet.failed(environment))
                await environment.close()
                raise
            return environment
        return None

    def replace(self, builder: Builder, most: int) -> None:
        """From now on environments are made by this one; what runs on the old code may finish there."""
        self._builder, self._most = builder, most
        self._do(self._fleet.replace(most))

    def refuse(self) -> None:
        """Take no new invocations."""
        self._shut = True

    async def finished(self) -> None:
        """Wait until everything that was accepted has its outcome."""
        self._quiet = asyncio.Event()
        while self._fleet.running or self._fleet.waiting:
            self._quiet.clear()
            await self._quiet.wait()

    async def close(self) -> None:
        """End every environment; whoever waits is told that it will not come to anything."""
        self._shut = True
        if self._alarm is not None:
            self._alarm.cancel()
        self._do(self._fleet.shut())
        await close_together(self._closing)

    def _available(self, environment: ExecutionEnvironment) -> None:
        self._do(self._fleet.available(environment, time.monotonic() * 1000))

    def _do(self, actions: list[Action[_Job, ExecutionEnvironment]]) -> None:
        for action in actions:
            self._perform[action.__class__](action)
        if self._quiet is not None:
            self._quiet.set()

    # -- actions

    def _start(self, _action: Start) -> None:
        try:
            environment = self._builder.build(self._available)
        except Exception as error:
            self._explain(error)
            # Later, because the fleet's answer has actions of its own and others are being performed now.
            self._loop.call_soon(self._never_started)
            return
        self._fleet.started(environment)
        self._opening[environment] = self._loop.create_task(self._open(self._builder, environment))

    def _never_started(self) -> None:
        self._do(self._fleet.never_started())

    async def _open(self, builder: Builder, environment: ExecutionEnvironment) -> None:
        try:
            await builder.open(environment)
        except Exception as error:
            self._explain(error)
            del self._opening[environment]
            self._do(self._fleet.failed(environment))
            self._end(environment)
        else:
            del self._opening[environment]

    def _explain(self, error: Exception) -> None:
        """Keep the reason for callers. An OSError is the machine's refusal; anything else is a defect of ours."""
        if isinstance(error, OSError):
            self._failure = error.strerror or str(error)
        else:
            self._failure = f"{type(error).__name__}: {error}; {REPORT}"
            self._write_traceback("an execution environment could not be opened", error)

    def _write_traceback(self, what: str, error: BaseException) -> None:
        lines = "".join(traceback.format_exception(error))
        self._log.write(f"bootjack: {what}\n{lines}".encode(errors="replace"))

    def _fail(self, action: Fail[_Job]) -> None:
        reason = SHUT_DOWN if self._shut else f"No execution environment could be opened: {self._failure}"
        future = action.invocation.future
        if not future.done():
            future.set_exception(ServiceException(reason))
            future.exception()  # an Event has nobody who looks at it

    def _close(self, action: Close[ExecutionEnvironment]) -> None:
        self._end(action.environment)

    def _end(self, environment: ExecutionEnvironment) -> None:
        task = self._loop.create_task(self._ended(environment, self._opening.pop(environment, None)))
        self._closing.add(task)
        task.add_done_callback(self._closed)

    async def _ended(self, environment: ExecutionEnvironment, opening: asyncio.Task[None] | None) -> None:
        if opening is not None:
            opening.cancel()
            await asyncio.wait((opening,))
        await environment.close()

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        error = None if self._shut or task.cancelled() else task.exception()
        if error is not None:  # once the pool is shut, `close` reports it
            self._write_traceback("an execution environment could not be closed", error)

    def _wake_at(self, action: WakeAt) -> None:
        self._alarm = self._loop.call_later(max(0, action.at / 1000 - time.monotonic()), self._wake)

    def _wake(self) -> None:
        self._do(self._fleet.expire(time.monotonic() * 1000))


SHUT_DOWN = "The service is being shut down"
REPORT = "this is a defect of bootjack: please report it with the traceback in the log"


def _assign(action: Assign[_Job, ExecutionEnvironment]) -> None:
    job = action.invocation
    action.environment.invoke(job.invocation, job.wants_tail, job.future)
