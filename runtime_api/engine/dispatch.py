"""Dispatch to execution environments of this process: a pool for each function version, by its ARN."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runtime_api.protocol.limits import CURRENT
from runtime_api.protocol.provisioning import Allocation
from runtime_api.service.owners import Owner
from runtime_api.service.resolving import resolved_version
from runtime_api.service.seams.dispatch import Unavailable
from runtime_api.store.fingerprints import fingerprint

from .allotments import Allotments
from .closing import close_in_turn, close_together
from .pool import Pool
from .promise import Promise
from .tracebacks import traceback_lines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runtime_api.protocol.events import Invocation
    from runtime_api.service.records import CodeRef
    from runtime_api.service.seams.catalog import FunctionRecord, ResolvedVersion
    from runtime_api.service.seams.dispatch import Pending, RunResult

    from .environment import ExecutionEnvironment
    from .installations import Installations
    from .pool import EnvironmentFactory

__all__ = ["LocalDispatch"]

REMOVED = "The function was removed before this invocation could be run"


class LocalDispatch:
    """Implements `Dispatch`. An environment that is free for `idle_s` is closed; None: never."""

    def __init__(
        self,
        factory: EnvironmentFactory,
        installations: Installations,
        idle_s: float | None = None,
        install: Callable[[CodeRef], Awaitable[None]] | None = None,
        account_concurrency: int = CURRENT.concurrency_max,
    ) -> None:
        """`install` makes code that is in use ready to be run."""
        self._allotments = Allotments(account_concurrency)
        self._install = install
        self._factory = factory
        self._installations = installations
        self._idle_s = idle_s
        self._pools: dict[str, Pool] = {}
        self._retiring: dict[tuple[str, int], Pool] = {}  # by ARN and revision: a name may be given again
        self._seen: dict[str, bytes] = {}  # fingerprints of directories, by the ARN that was run from them
        self._retirements: set[asyncio.Task[None]] = set()

    def run(self, version: ResolvedVersion, invocation: Invocation, wants_tail: bool = False) -> Pending[RunResult]:
        if version.directories:
            return asyncio.ensure_future(self._run_fresh(version, invocation, wants_tail))
        pool = self._pools.get(version.arn)
        if pool is None or pool.revision < version.revision:
            if (version.arn, version.revision) in self._retiring:
                return _done(Unavailable(REMOVED))
            if version.code not in self._installations:
                return self._run_later(version, invocation, wants_tail)
            pool = self.prepare(version)
        return pool.run(invocation, wants_tail, version.max_queued)

    def prepare(self, version: ResolvedVersion) -> Pool:
        """Run this version's ARN from this snapshot from now on; what runs may finish on the one before."""
        pool = self._pools.get(version.arn)
        if pool is None:
            allotment = self._allotments.of(_function_arn(version), Owner(version.spec.account, version.spec.region))
            pool = self._pools[version.arn] = Pool(version, self._factory, allotment, self._idle_s)
        else:
            pool.replace(version)
        return pool

    def allot(self, before: FunctionRecord | None, after: FunctionRecord | None) -> None:
        """Hold a function, and what the account has besides, to the concurrency that has been configured now."""
        record = after or before
        assert record is not None
        function = record.function
        functions = (None if each is None else each.function for each in (before, after))
        self._allotments.change(function.owner, function.arn(), *functions)
        allotment = self._allotments.of(function.arn(), function.owner)
        for number in record.versions:
            pool = self._pools.get(function.arn(number))
            if pool is not None:
                pool.limit(resolved_version(record, number).concurrency, allotment)
        for idle_only in (True, False):
            for pool in tuple(self._pools.values()):
                pool.shed(idle_only=idle_only)

    async def keep(self, version: ResolvedVersion, count: int) -> None:
        """Keep this many environments of a version initialised from now on."""
        pool = self._pools.get(version.arn)
        if pool is None or pool.revision < version.revision:
            if version.code not in self._installations and self._install is not None:
                await self._install(version.code)
            pool = self.prepare(version)
        pool.keep(count)

    def keep_at_most(self, arn: str, count: int) -> None:
        """Close provisioned environments of a version that are not wanted any more."""
        pool = self._pools.get(arn)
        if pool is not None and pool.allocation.wanted > count:
            pool.keep(count)

    def allocation(self, arn: str) -> Allocation:
        """Return how far the provisioned environments of a version have come."""
        pool = self._pools.get(arn)
        return Allocation() if pool is None else pool.allocation

    async def start_ahead(self, version: ResolvedVersion) -> ExecutionEnvironment | None:
        """Open an environment before there is an invocation for it; None when there are as many as may be.

        OSError when it cannot be opened.
        """
        pool = self._pools.get(version.arn) or self.prepare(version)
        return await pool.start_ahead()

    def retire(self, version: ResolvedVersion) -> None:
        """Run this version no more: what was accepted may finish, then its environments and its code are given up."""
        self._seen.pop(version.arn, None)
        pool = self._pools.pop(version.arn, None)
        if pool is None:
            self._installations.remove(version.code)
            return
        self._retiring[version.arn, version.revision] = pool
        task = asyncio.get_running_loop().create_task(self._retire(version, pool))
        self._retirements.add(task)
        task.add_done_callback(self._retirements.discard)

    async def _run_fresh(self, version: ResolvedVersion, invocation: Invocation, wants_tail: bool) -> RunResult:
        """Run it in an environment that has started since its directories changed last.

        They are looked at for each invocation, on a thread, so that saving a file is enough to invoke the new code.
        """
        loop = asyncio.get_running_loop()
        seen = await loop.run_in_executor(None, fingerprint, version.directories)
        known, pool = self._seen.get(version.arn, seen), self._pools.get(version.arn)
        if known != seen and pool is not None and pool.revision == version.revision:
            self.prepare(version)
        self._seen[version.arn] = seen
        return await self.run(replace(version, directories=()), invocation, wants_tail)

    def _run_later(self, version: ResolvedVersion, invocation: Invocation, wants_tail: bool) -> Pending[RunResult]:
        """Run it when its code, which nobody has asked for since the server was started, is installed."""
        if self._install is None or not self._installations.is_used(version.code):
            return _done(Unavailable(REMOVED))
        return asyncio.ensure_future(self._installed(version, invocation, wants_tail, self._install(version.code)))

    async def _installed(
        self, version: ResolvedVersion, invocation: Invocation, wants_tail: bool, installation: Awaitable[None]
    ) -> RunResult:
        try:
            await installation
        except Exception as error:
            return Unavailable(f"The package cannot be unpacked: {error}")
        if version.code not in self._installations:
            return Unavailable(REMOVED)
        return await self.run(version, invocation, wants_tail)

    async def _retire(self, version: ResolvedVersion, pool: Pool) -> None:
        try:
            await pool.finished()
            await pool.close()
        except Exception as error:
            self._factory.write(pool.version, traceback_lines("a removed function could not be closed", error))
        finally:
            del self._retiring[version.arn, version.revision]
            self._installations.remove(version.code)

    @property
    def running(self) -> int:
        """How many invocations run now."""
        return sum(pool.running for pool in (*self._pools.values(), *self._retiring.values()))

    async def finished(self) -> None:
        """Wait until every invocation that was accepted has its result."""
        await asyncio.gather(*(pool.finished() for pool in (*self._pools.values(), *self._retiring.values())))

    async def close(self) -> None:
        """Close every pool; raise the first error at the end."""
        pools = (*self._pools.values(), *self._retiring.values())
        await close_in_turn(
            lambda: close_together(pool.close() for pool in pools),
            lambda: close_together(self._retirements),
        )


def _function_arn(version: ResolvedVersion) -> str:
    return version.arn.removesuffix(f":{version.spec.version}")


def _done(result: Unavailable) -> Promise[RunResult]:
    promise: Promise[RunResult] = Promise()
    promise.set_result(result)
    return promise
