"""Makes true what functions have reserved and provisioned.

Limits hold and environments that are not wanted any more end at once; new ones are made a moment later, as other
changes of a function take a moment, too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runtime_api.service.resolving import resolved_version
from runtime_api.service.shares import claimed, on_demand_share, provisioned_versions

from .tracebacks import traceback_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.provisioning import Allocation
    from runtime_api.service.function_record import Function
    from runtime_api.service.owners import Owner
    from runtime_api.service.seams.catalog import FunctionRecord
    from runtime_api.store.memory_catalog import MemoryCatalog

    from .dispatch import LocalDispatch

__all__ = ["Provisioner"]

DELAY_S = 0.2  # as long as a change of a function's code is InProgress


class Provisioner:
    """Follows the functions of a catalog."""

    def __init__(self, catalog: MemoryCatalog, dispatch: LocalDispatch, write: Callable[[bytes], None]) -> None:
        """`write` writes lines of the server's own to its log."""
        self._catalog = catalog
        self._dispatch = dispatch
        self._write = write
        self._tasks: dict[tuple[Owner, str], asyncio.Task[None]] = {}

    def allocation(self, arn: str) -> Allocation:
        """Return how far the provisioned environments of a version have come."""
        return self._dispatch.allocation(arn)

    def changed(self, before: FunctionRecord | None, after: FunctionRecord | None) -> None:
        """Follow a change of a function; None: it is not there."""
        old, new = (None if each is None else each.function for each in (before, after))
        if (claimed(old), on_demand_share(old)) != (claimed(new), on_demand_share(new)):
            self._dispatch.allot(before, after)
        had, wants = _provisioned(old), _provisioned(new)
        if new is None or had == wants:
            return
        for number in had:
            self._dispatch.keep_at_most(new.arn(number), wants.get(number, 0))
        self._keep_later(new.owner, new.name)

    async def close(self) -> None:
        """Provision nothing any more."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep_later(self, owner: Owner, name: str) -> None:
        before = self._tasks.pop((owner, name), None)
        if before is not None:
            before.cancel()
        task = asyncio.get_running_loop().create_task(self._keep(owner, name))
        self._tasks[owner, name] = task
        task.add_done_callback(lambda done: self._forget(owner, name, done))

    def _forget(self, owner: Owner, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get((owner, name)) is task:
            del self._tasks[owner, name]

    async def _keep(self, owner: Owner, name: str) -> None:
        await asyncio.sleep(DELAY_S)
        record = self._catalog.get(name, owner)
        if record is None:
            return
        wanted = provisioned_versions(record.function)
        for number, count in wanted.items():
            try:
                await self._dispatch.keep(resolved_version(record, number), count)
            except Exception as error:  # its package cannot be unpacked
                self._write(traceback_lines(f"nothing can be provisioned for {record.function.arn(number)}", error))


def _provisioned(function: Function | None) -> dict[str, int]:
    return {} if function is None else provisioned_versions(function)
