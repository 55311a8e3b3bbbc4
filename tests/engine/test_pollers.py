"""The supervisor of pollers: which mappings are polled, and what it does about sources that fail."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from runtime_api.engine.aws_clients import AwsClients, AwsSettings
from runtime_api.engine.clock import Clock
from runtime_api.engine.pollers import Pollers
from runtime_api.engine.sources.choice import Polled
from runtime_api.protocol.limits import CURRENT
from runtime_api.service.mapping_record import EventSourceMapping, MappingState, Settings
from runtime_api.service.mapping_sources import SourceKind
from runtime_api.service.seams.dispatch import Unavailable
from runtime_api.service.seams.positions import Position
from runtime_api.store.memory_positions import MemoryPositions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runtime_api.engine.sources import SourceContext
    from runtime_api.service.seams.dispatch import RunResult

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
KAFKA = "arn:aws:kafka:us-east-1:123456789012:cluster/c/1"
SOMEWHERE = AwsSettings({"": "http://127.0.0.1:1"})
LOOKS = 100_000


class NoFunctions:
    async def invoke(self, function_arn: str, payload: bytes, trace: str | None = None) -> RunResult:
        return Unavailable("there is none")

    def capacity(self, function_arn: str) -> int:
        return 0

    def about(self, function_arn: str) -> None:
        return None


class Setting:
    """Pollers whose sources tell the test what they do; made inside the loop."""

    def __init__(self, settings: AwsSettings = SOMEWHERE, adopts: bool = False) -> None:
        self.adopts = adopts
        self.running: Counter[str] = Counter()  # sources, by the function that they feed
        self.begun_so_far = 0
        self.adopted: list[int] = []
        self.defects: list[Exception] = []  # of the next sources
        self.slow = asyncio.Event()  # what is in hand has its end once this is set
        self.slow.set()
        self.results: list[tuple[str, str]] = []
        self.log = b""
        self.positions = MemoryPositions()
        clients = AwsClients(settings)
        polled = {SourceKind.SQS: Polled("sqs", lambda context: Scripted(self, context))}
        self.pollers = Pollers(NoFunctions(), clients, Clock(), CURRENT, self._write, self.positions, polled)

    def start(self) -> None:
        self.pollers.start(lambda mapping, result: self.results.append((mapping.uuid, result)))

    def _write(self, lines: bytes) -> None:
        self.log += lines

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(LOOKS):
            if condition():
                return
            await asyncio.sleep(0)
        raise AssertionError(f"running {self.running}, results {self.results}, log {self.log!r}")

    async def begun(self, mapping: EventSourceMapping) -> None:
        self.pollers.changed(mapping)
        await self.until(lambda: self.running[mapping.function_arn] == 1)


class Scripted:
    """A source that does as its setting says."""

    def __init__(self, setting: Setting, context: SourceContext) -> None:
        self._setting = setting
        self._context = context
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        function = self._context.mapping.function_arn
        if self._setting.defects:
            raise self._setting.defects.pop()
        self._setting.running[function] += 1
        self._setting.begun_so_far += 1
        assert self._setting.running[function] == 1, "two sources are polled for one mapping"
        try:
            await self._stopping.wait()
            await self._setting.slow.wait()
        finally:
            self._setting.running[function] -= 1

    def stop(self) -> None:
        self._stopping.set()

    def adopt(self, mapping: EventSourceMapping) -> bool:
        if self._setting.adopts:
            self._setting.adopted.append(mapping.settings.batch_size)
        return self._setting.adopts

    async def standing(self) -> Mapping[str, Any]:
        return {"backlog": 3}


def a_mapping(
    uuid: str = "m", state: MappingState = MappingState.ENABLED, arn: str = QUEUE, **settings: Any
) -> EventSourceMapping:
    return EventSourceMapping(
        uuid, "123456789012", "us-east-1", f"function-{uuid}", Settings(arn, **settings), state, True, "then"
    )


def test_a_mapping_is_polled_while_it_is_enabled() -> None:
    async def run() -> None:
        setting = Setting()
        setting.start()
        await setting.begun(a_mapping())
        assert await setting.pollers.standing("m") == {"backlog": 3}
        setting.pollers.changed(a_mapping(state=MappingState.DISABLING))
        await setting.until(lambda: not setting.running.total())
        setting.pollers.changed(a_mapping(state=MappingState.DISABLED))
        assert await setting.pollers.standing("m") == {}
        setting.pollers.changed(a_mapping(state=MappingState.ENABLING))
        await setting.begun(a_mapping())
        setting.pollers.changed(a_mapping(state=MappingState.DELETING))
        await setting.until(lambda: not setting.running.total())
        await setting.pollers.close()

    asyncio.run(run())


def test_positions_are_forgotten_once_a_mapping_that_is_deleted_has_ended() -> None:
    async def run() -> None:
        setting = Setting()
        setting.start()
        for uuid in ("m", "other"):
            await setting.begun(a_mapping(uuid))
            setting.positions.put(uuid, "shard", Position("1"))
        setting.slow.clear()
        setting.pollers.changed(a_mapping(state=MappingState.DELETING))
        await asyncio.sleep(0)
        assert await setting.positions.all("m") != {}  # what is in hand may still move it
        setting.slow.set()
        await setting.until(lambda: not setting.running["function-m"])
        for _ in range(LOOKS):
            if not await setting.positions.all("m"):
                break
            await asyncio.sleep(0)
        assert await setting.positions.all("m") == {}
        assert await setting.positions.all("other") != {}
        await setting.pollers.close()

    asyncio.run(run())


def test_every_mapping_is_listed_with_its_last_result() -> None:
    async def run() -> None:
        setting = Setting(AwsSettings())
        setting.pollers.changed(a_mapping())
        setting.pollers.changed(a_mapping("off", MappingState.DISABLED))
        setting.start()
        await setting.until(lambda: bool(setting.results))
        off, on = sorted(setting.pollers.listed(), key=lambda each: each.mapping.uuid, reverse=True)
        assert (off.mapping.state, off.result) == (MappingState.DISABLED, None)
        assert "no server stands in for sqs" in (on.result or "")
        setting.pollers.changed(a_mapping("off", MappingState.DELETING))
        assert [each.mapping.uuid for each in setting.pollers.listed()] == ["m"]
        await setting.pollers.close()

    asyncio.run(run())


def test_mappings_known_before_the_start_are_polled_from_then_on() -> None:
    async def run() -> None:
        setting = Setting()
        for mapping in (a_mapping(), a_mapping("off", MappingState.DISABLED), a_mapping("on")):
            setting.pollers.changed(mapping)
        setting.start()
        await setting.until(lambda: setting.running == {"function-m": 1, "function-on": 1})
        await setting.pollers.close()

    asyncio.run(run())


def test_positions_of_mappings_that_are_gone_are_forgotten_at_the_start() -> None:
    async def run() -> None:
        setting = Setting()
        setting.pollers.changed(a_mapping("off", MappingState.DISABLED))
        for uuid in ("off", "gone"):
            setting.positions.put(uuid, "shard", Position("1"))
        setting.start()
        await setting.begun(a_mapping())
        assert await setting.positions.all("off") == {"shard": Position("1")}
        assert await setting.positions.all("gone") == {}
        await setting.pollers.close()

    asyncio.run(run())


@pytest.mark.parametrize("adopts", [True, False])
def test_an_update_takes_effect_once_it_is_through(adopts: bool) -> None:
    async def run() -> None:
        setting = Setting(adopts=adopts)
        setting.start()
        await setting.begun(a_mapping())
        updated = a_mapping(batch_size=1)
        setting.pollers.changed(replace(updated, state=MappingState.UPDATING))
        assert setting.adopted == []
        setting.slow.clear()
        setting.pollers.changed(updated)
        if adopts:
            assert setting.adopted == [1]
        else:  # what is in hand has its end before another source begins
            await asyncio.sleep(0)
            assert setting.begun_so_far == 1
            setting.slow.set()
            await setting.until(lambda: setting.begun_so_far == 2)
        setting.pollers.changed(updated)  # the same again changes nothing
        assert setting.running["function-m"] == 1
        await setting.pollers.close()

    asyncio.run(run())


def test_a_defect_is_told_and_touches_no_other_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime_api.engine.pollers.back_off_ms", lambda defects: defects)

    async def run() -> None:
        setting = Setting()
        setting.start()
        await setting.begun(a_mapping("other"))
        setting.defects = [ZeroDivisionError("once"), ZeroDivisionError("twice")]
        await setting.begun(a_mapping())
        assert setting.running["function-other"] == 1
        assert [uuid for uuid, _ in setting.results] == ["m", "m"]
        assert "ZeroDivisionError" in setting.results[0][1]
        assert setting.log.count(b"Traceback") == 2
        await setting.pollers.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("settings", "arn", "told"),
    [
        (AwsSettings(), QUEUE, "no server stands in for sqs: set AWS_ENDPOINT_URL_SQS"),
        (SOMEWHERE, KAFKA, "Amazon MSK is not polled here"),
    ],
    ids=["no endpoint", "not a source that is polled"],
)
def test_a_mapping_that_cannot_be_polled_says_why(settings: AwsSettings, arn: str, told: str) -> None:
    async def run() -> None:
        setting = Setting(settings)
        setting.start()
        setting.pollers.changed(a_mapping(arn=arn))
        await setting.until(lambda: bool(setting.results))
        assert told in setting.results[0][1]
        assert not setting.running.total()
        await setting.pollers.close()

    asyncio.run(run())


def test_finishing_waits_for_what_is_in_hand() -> None:
    async def run() -> None:
        setting = Setting()
        setting.start()
        setting.slow.clear()
        await setting.begun(a_mapping())
        finishing = asyncio.create_task(setting.pollers.finished())
        await asyncio.sleep(0)
        assert not finishing.done()
        setting.slow.set()
        await finishing
        assert not setting.running.total()
        await setting.pollers.close()

    asyncio.run(run())
