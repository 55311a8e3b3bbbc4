"""The execution environments of one function version: performs what a `Fleet` decides."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from runtime_api.protocol.concurrency import Fleet
from runtime_api.protocol.fleet_actions import Assign, Close, Fail, Provision, Start, Throttle, WakeAt
from runtime_api.service.refusals import SHUT_DOWN
from runtime_api.service.running import provisioned_version
from runtime_api.service.seams.dispatch import FUNCTION_CONCURRENCY, Throttled, Unavailable

from .closing import close_together
from .promise import Promise
from .tracebacks import traceback_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.events import Invocation
    from runtime_api.protocol.fleet_actions import Action
    from runtime_api.protocol.provisioning import Allocation
    from runtime_api.service.seams.catalog import ResolvedVersion
    from runtime_api.service.seams.dispatch import RunResult

    from .allotments import Allotment
    from .environment import ExecutionEnvironment

__all__ = ["EnvironmentFactory", "Pool"]

REPORT = "this is a defect of bootjack: please report it with the traceback in the log"


class EnvironmentFactory(Protocol):
    """Makes the environments of function versions."""

    def build(
        self, version: ResolvedVersion, available: Callable[[ExecutionEnvironment], None]
    ) -> ExecutionEnvironment:
        """Return a new environment that is not open yet."""

    async def open(self, version: ResolvedVersion, environment: ExecutionEnvironment) -> None:
        """Open it; OSError when this machine refuses what it needs."""

    def write(self, version: ResolvedVersion, lines: bytes) -> None:
        """Write lines of the server's own to the function's log."""


class _Job(NamedTuple):
    """An invocation, and what its caller waits for."""

    invocation: Invocation
    wants_tail: bool
    promise: Promise[RunResult]


class Pool:
    """Runs invocations in up to `version.concurrency` environments; one that is free for `idle_s` is closed.

    They count towards `allotment`, except for those that are provisioned.
    """

    def __init__(
        self,
        version: ResolvedVersion,
        factory: EnvironmentFactory,
        allotment: Allotment,
        idle_s: float | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.version = version
        self.revision = version.revision
        self._factory = factory
        self._allotment = allotment
        self._most = version.concurrency
        self._fleet: Fleet[_Job, ExecutionEnvironment] = Fleet(
            version.concurrency, idle_s and idle_s * 1000, version.settings.slots, allotment.capacity
        )
        self._opening: dict[ExecutionEnvironment, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._failure = ""  # why the last environment could not be opened
        self._shut = False
        self._quiet: asyncio.Event | None = None  # set at each action once something waits in `finished`
        self._perform: dict[type, Callable[[Any], None]] = {
            Assign: _assign,
            Start: self._start,
            Provision: self._provision,
            Fail: self._fail,
            Close: self._close,
            WakeAt: self._wake_at,
            Throttle: self._throttle,
        }

    def __repr__(self) -> str:
        return f"<Pool {self._fleet!r}>"

    @property
    def running(self) -> int:
        """How many invocations run now."""
        return self._fleet.running

    def run(self, invocation: Invocation, wants_tail: bool, max_queued: int) -> Promise[RunResult]:
        """Run this as soon as an environment is free; throttle it when more than `max_queued` wait already."""
        promise: Promise[RunResult] = Promise()
        tenant = invocation.tenant_id
        if tenant is not None and not self.version.tenancy.isolates:
            tenant = None
        environment = self._fleet.take() if tenant is None else None
        if environment is not None:
            environment.invoke(invocation, wants_tail, promise)
        elif self._shut:
            promise.set_result(Unavailable(SHUT_DOWN))
        else:
            self._do(self._fleet.submit(_Job(invocation, wants_tail, promise), max_queued, tenant))
        return promise

    @property
    def allocation(self) -> Allocation:
        """How far the provisioned environments have come."""
        return self._fleet.allocation._replace(reason=self._failure)

    def keep(self, count: int) -> None:
        """Keep this many environments initialised from now on."""
        self._failure = ""
        self._do(self._fleet.keep(count))

    def limit(self, most: int, allotment: Allotment) -> None:
        """Set how many environments there may be from now on; `shed` closes those that are too many."""
        self._most, self._allotment = most, allotment
        self._fleet.limit(most, allotment.capacity)

    def shed(self, *, idle_only: bool) -> None:
        """Close as many environments as are too many, busy ones when they have finished."""
        self._do(self._fleet.shed_idle() if idle_only else self._fleet.shed())

    async def start_ahead(self) -> ExecutionEnvironment | None:
        """Open an environment before there is an invocation for it; None when there are as many as may be.

        OSError when it cannot be opened.
        """
        for action in self._fleet.start_ahead():
            if action.__class__ is not Start:
                self._do([action])
                continue
            environment = self._factory.build(self.version, self._available)
            self._fleet.started(environment)
            try:
                await self._factory.open(self.version, environment)
            except BaseException:
                self._do(self._fleet.failed(environment))
                await environment.close()
                raise
            return environment
        return None

    def replace(self, version: ResolvedVersion) -> None:
        """Make new environments from this version; invocations that run may finish on the old one."""
        self.version, self.revision = version, version.revision
        self._most = version.concurrency
        self._do(self._fleet.replace(version.concurrency, version.settings.slots))

    async def finished(self) -> None:
        """Wait until every invocation that was accepted has its result."""
        if self._quiet is None:
            self._quiet = asyncio.Event()
        while self._fleet.running or self._fleet.waiting:
            self._quiet.clear()
            await self._quiet.wait()

    async def close(self) -> None:
        """Close every environment; invocations that wait become unavailable."""
        self._shut = True
        if self._alarm is not None:
            self._alarm.cancel()
        self._do(self._fleet.shut())
        await close_together(self._closing)

    def _available(self, environment: ExecutionEnvironment) -> None:
        actions = self._fleet.available(environment, time.monotonic() * 1000)
        if actions or self._quiet is not None:
            self._do(actions)

    def _do(self, actions: list[Action[_Job, ExecutionEnvironment]]) -> None:
        for action in actions:
            self._perform[action.__class__](action)
        if self._quiet is not None:
            self._quiet.set()

    # -- actions

    def _start(self, _action: Start) -> None:
        environment = self._build(self.version, self._fleet.never_started)
        if environment is not None:
            self._fleet.started(environment)

    def _provision(self, _action: Provision) -> None:
        environment = self._build(provisioned_version(self.version), self._fleet.never_provisioned)
        if environment is not None:
            environment.lost = self._lost
            self._fleet.provisioned(environment)

    def _build(
        self, version: ResolvedVersion, never: Callable[[], list[Action[_Job, ExecutionEnvironment]]]
    ) -> ExecutionEnvironment | None:
        """Begin to open an environment; the fleet is told by `never` if it cannot even be made."""
        try:
            environment = self._factory.build(version, self._available)
        except Exception as error:
            self._explain(error)
            # Later, because the fleet's answer has actions of its own and others are being performed now.
            self._loop.call_soon(lambda: self._do(never()))
            return None
        self._opening[environment] = self._loop.create_task(self._open(version, environment))
        return environment

    def _lost(self, environment: ExecutionEnvironment) -> None:
        self._do(self._fleet.lost(environment))

    async def _open(self, version: ResolvedVersion, environment: ExecutionEnvironment) -> None:
        try:
            await self._factory.open(version, environment)
        except Exception as error:
            self._explain(error)
            del self._opening[environment]
            self._do(self._fleet.failed(environment))
            self._end(environment)
        else:
            del self._opening[environment]

    def _explain(self, error: Exception) -> None:
        """Keep the reason for callers. An OSError is the machine's refusal; anything else is a defect."""
        if isinstance(error, OSError):
            self._failure = error.strerror or str(error)
        else:
            self._failure = f"{type(error).__name__}: {error}; {REPORT}"
            self._note("an execution environment could not be opened", error)

    def _note(self, what: str, error: BaseException) -> None:
        self._factory.write(self.version, traceback_lines(what, error))

    def _throttle(self, action: Throttle[_Job]) -> None:
        fleet = self._fleet
        reason = self._allotment.reason if action.shared else FUNCTION_CONCURRENCY
        most = self._most * self.version.settings.slots
        action.invocation.promise.set_result(Throttled(fleet.running, most, fleet.waiting, reason))

    def _fail(self, action: Fail[_Job]) -> None:
        message = SHUT_DOWN if self._shut else f"No execution environment could be opened: {self._failure}"
        action.invocation.promise.set_result(Unavailable(message))

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
            self._note("an execution environment could not be closed", error)

    def _wake_at(self, action: WakeAt) -> None:
        self._alarm = self._loop.call_later(max(0, action.at / 1000 - time.monotonic()), self._wake)

    def _wake(self) -> None:
        self._do(self._fleet.expire(time.monotonic() * 1000))


def _assign(action: Assign[_Job, ExecutionEnvironment]) -> None:
    job = action.invocation
    action.environment.invoke(job.invocation, job.wants_tail, job.promise)
