"""Polls the sources of event source mappings: one task for each mapping that is Enabled, and none for any other.

The catalog is never polled: whatever changes a mapping notifies this supervisor. A poller that a defect ends is
restarted after a while, and affects no other.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime_api.service.mapping_record import MappingState
from runtime_api.service.mapping_sources import kind_of_source
from runtime_api.service.processing_results import problem
from runtime_api.service.retries import back_off_ms

from .pauses import pause
from .source_checks import missing_source
from .sources import SourceContext
from .tracebacks import traceback_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runtime_api.protocol.limits import Limits
    from runtime_api.service.mapping_record import EventSourceMapping
    from runtime_api.service.mapping_sources import SourceKind
    from runtime_api.service.seams.positions import Positions

    from .aws_clients import AwsClients
    from .clock import Clock
    from .sources import Functions, Source
    from .sources.choice import Polled

    Report = Callable[[EventSourceMapping, str], None]

__all__ = ["Listed", "Pollers", "Report"]


class Listed(NamedTuple):
    """A mapping, and the last result that it has come to."""

    mapping: EventSourceMapping
    result: str | None


class Pollers:
    """Owns every poller. `write` takes lines of the log."""

    def __init__(
        self,
        functions: Functions,
        clients: AwsClients,
        clock: Clock,
        limits: Limits,
        write: Callable[[bytes], None],
        positions: Positions,
        polled: Mapping[SourceKind, Polled] | None = None,
    ) -> None:
        """`polled`: how each kind of source is polled, as bootjack does unless it is given."""
        self._polled = polled
        self._functions = functions
        self._clients = clients
        self._clock = clock
        self._limits = limits
        self._write = write
        self._positions = positions
        self._random = Random()
        self._show: Report = lambda _mapping, _result: None
        self._waiting: dict[str, EventSourceMapping] = {}  # by UUID, until pollers are started
        self._pollers: dict[str, _Poller] = {}  # by UUID
        self._known: dict[str, EventSourceMapping] = {}  # by UUID, whether polled or not
        self._results: dict[str, str] = {}  # by UUID
        self._group: asyncio.TaskGroup | None = None
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, report: Report) -> None:
        """Begin to poll; `report` takes what mappings come to."""
        self._show = report
        self._task = asyncio.get_running_loop().create_task(self._own())

    def changed(self, mapping: EventSourceMapping) -> None:
        """Follow a mapping that is new, or has changed its state or its settings."""
        if mapping.state is MappingState.DELETING:
            self._known.pop(mapping.uuid, None)
            self._results.pop(mapping.uuid, None)
        else:
            self._known[mapping.uuid] = mapping
        if self._group is None:
            self._waiting[mapping.uuid] = mapping
            return
        poller = self._pollers.get(mapping.uuid)
        if mapping.state is MappingState.UPDATING:
            return  # it goes on as before until the update is through
        if mapping.state is not MappingState.ENABLED:
            if poller is not None:
                poller.stop()
            if mapping.state is MappingState.DELETING:
                self._group.create_task(self._forget_positions(mapping.uuid, poller))
        elif poller is None or not poller.adopt(mapping):
            self._begin(mapping, poller)

    def listed(self) -> list[Listed]:
        """Return every mapping with what it has come to."""
        return [Listed(each, self._results.get(each.uuid, each.last_result)) for each in self._known.values()]

    async def standing(self, uuid: str) -> Mapping[str, Any]:
        """Return where the reading for a mapping stands; empty when it is not polled."""
        poller = self._pollers.get(uuid)
        return {} if poller is None else await poller.standing()

    async def missing_source(self, arn: str | None) -> str | None:
        """Return what Lambda says of a source that is not there, to refuse a mapping; None where nothing is wrong."""
        return await missing_source(self._clients, arn)

    async def finished(self) -> None:
        """Take nothing more from any source, and wait until everything in hand has its end."""
        for poller in self._pollers.values():
            poller.stop()
        self._over.set()
        if self._task is not None:
            await asyncio.wait((self._task,))

    async def close(self) -> None:
        """End every poller; what it has in hand is not deleted, and comes again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _own(self) -> None:
        async with asyncio.TaskGroup() as group:
            await self._positions.keep_only(self._known)
            self._group = group
            waiting, self._waiting = self._waiting, {}
            for mapping in waiting.values():
                self.changed(mapping)
            await self._over.wait()
            self._group = None

    def _report(self, mapping: EventSourceMapping, result: str) -> None:
        if mapping.uuid in self._known:
            self._results[mapping.uuid] = result
            self._show(mapping, result)

    def _begin(self, mapping: EventSourceMapping, before: _Poller | None) -> None:
        """Start a poller, which begins when the one before it is through."""
        assert self._group is not None
        if before is not None:
            before.stop()
        kind = kind_of_source(mapping.settings.event_source_arn)
        assert kind is not None  # or there were no such mapping
        poller = _Poller(mapping, self._make(kind), self._write, self._report)
        self._pollers[mapping.uuid] = poller
        task = self._group.create_task(poller.run(before))
        task.add_done_callback(lambda _task: self._forget(poller))

    def _forget(self, poller: _Poller) -> None:
        uuid = poller.mapping.uuid
        if self._pollers.get(uuid) is poller and poller.is_stopped:
            del self._pollers[uuid]

    async def _forget_positions(self, uuid: str, poller: _Poller | None) -> None:
        if poller is not None:
            await poller.wait_through()
        await self._positions.forget(uuid)

    def _make(self, kind: SourceKind) -> Callable[[EventSourceMapping], Source | str]:
        """What makes a source for a mapping, or says why nothing comes from it."""
        # A server without mappings starts sooner without these.
        from .sources.choice import POLLED, not_polled

        polled = (POLLED if self._polled is None else self._polled).get(kind)
        refusal = not_polled(kind) if polled is None else self._clients.refusal(polled.service)

        def make(mapping: EventSourceMapping) -> Source | str:
            if polled is None or refusal is not None:
                return refusal or ""
            return polled.source(self._context(mapping))

        return make

    def _context(self, mapping: EventSourceMapping) -> SourceContext:
        def report(result: str) -> None:
            self._report(mapping, result)

        def note(line: str) -> None:
            self._write(f"bootjack: {mapping.settings.event_source_arn}: {line}\n".encode(errors="replace"))

        return SourceContext(
            mapping,
            self._functions,
            self._clients,
            self._clock,
            self._random,
            self._limits,
            self._positions,
            report,
            note,
        )


class _Poller:
    """One mapping that is polled."""

    def __init__(
        self,
        mapping: EventSourceMapping,
        make: Callable[[EventSourceMapping], Source | str],
        write: Callable[[bytes], None],
        report: Report,
    ) -> None:
        self.mapping = mapping
        self._make = make
        self._write = write
        self._report = report
        self._source: Source | None = None
        self._stopping = asyncio.Event()
        self._through = asyncio.Event()

    @property
    def is_stopped(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Take nothing more."""
        self._stopping.set()
        if self._source is not None:
            self._source.stop()

    def adopt(self, mapping: EventSourceMapping) -> bool:
        """Whether it goes on with the mapping as it is now."""
        if self.is_stopped:
            return False
        before = (self.mapping.function_arn, self.mapping.settings)
        if (mapping.function_arn, mapping.settings) != before:
            if self._source is None or not self._source.adopt(mapping):
                return False
            self.mapping = mapping
        return True

    async def standing(self) -> Mapping[str, Any]:
        return {} if self._source is None else await self._source.standing()

    async def run(self, before: _Poller | None) -> None:
        """Poll until it is stopped; begin anew after each defect."""
        try:
            if before is not None:
                await before.wait_through()
            defects = 0
            while not self.is_stopped and not await self._poll():
                defects += 1
                await pause(self._stopping, back_off_ms(defects) / 1000)
        finally:
            self._source = None
            self._through.set()

    async def wait_through(self) -> None:
        """Wait until it has ended."""
        await self._through.wait()

    async def _poll(self) -> bool:
        """Poll a new source to its end; False when a defect has ended it."""
        try:
            source = self._make(self.mapping)
            if isinstance(source, str):
                self._report(self.mapping, problem(source))
                await self._stopping.wait()
                return True
            self._source = source
            await source.run()
        except Exception as error:
            what = f"the mapping {self.mapping.uuid} could not be polled"
            self._write(traceback_lines(what, error))
            self._report(self.mapping, problem(f"{what}: {error!r}"))
            return False
        finally:
            self._source = None
        return True
