"""What functions have reserved and provisioned, held by a LocalDispatch whose environments are fake."""

from __future__ import annotations

import asyncio
import dataclasses
from itertools import count
from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.engine.dispatch import LocalDispatch
from runtime_api.engine.installations import Installation, Installations
from runtime_api.engine.provisioner import Provisioner
from runtime_api.protocol.provisioning import Allocation
from runtime_api.sandbox.entrypoint import Program
from runtime_api.service.arns import LATEST
from runtime_api.service.function_record import Provisioned
from runtime_api.service.seams.dispatch import ACCOUNT_CONCURRENCY, FUNCTION_CONCURRENCY, InvokeResult, Throttled
from runtime_api.store.memory_catalog import MemoryCatalog
from tests.engine.fake_environments import FakeFactory
from tests.loops import run
from tests.service.account import ARN
from tests.service.versions import a_record, an_invocation

if TYPE_CHECKING:
    from pathlib import Path

    from runtime_api.service.seams.dispatch import RunResult
    from tests.engine.fake_environments import FakeEnvironment

TIMEOUT_S = 20.0


class Setting:
    """Functions with two versions each, in an account with room for so many environments. Made inside the loop."""

    def __init__(self, code: Path, account: int = 1000) -> None:
        self.factory = FakeFactory()
        self.installations = Installations()
        self.catalog = MemoryCatalog()
        made: Any = self.factory
        self.dispatch = LocalDispatch(made, self.installations, account_concurrency=account)
        self.log = b""
        self.provisioner = Provisioner(self.catalog, self.dispatch, self._write)
        self._installation = Installation(Program(code), ("127.0.0.1", 0))
        self._ids = map("r{}".format, count(1))

    def _write(self, lines: bytes) -> None:
        self.log += lines

    def create(self, name: str = "f", **configured: Any) -> None:
        code = self.installations.add(self._installation).id
        record = a_record(name, code=code, concurrency=1000)
        spec = dataclasses.replace(record.latest.spec, version="1")
        first = structs.replace(record.latest, spec=spec)
        self.installations.use(record.latest.code)
        self.catalog.set(structs.replace(record, versions={LATEST: record.latest, "1": first}))
        self.configure(name, **configured)

    def configure(self, name: str = "f", **configured: Any) -> None:
        """Change what the owner has configured, as Management does."""
        before = self.catalog.get(name)
        assert before is not None
        function = structs.replace(before.function, **configured)
        self.provisioner.changed(before, self.catalog.set(structs.replace(before, function=function)))

    async def run(self, name: str = "f", qualifier: str | None = None, payload: bytes = b"{}") -> RunResult:
        version = self.catalog.resolve(name, qualifier)
        async with asyncio.timeout(TIMEOUT_S):
            return await self.dispatch.run(version, an_invocation(next(self._ids), payload))

    async def hold(self, name: str = "f", qualifier: str | None = None) -> asyncio.Task[RunResult]:
        """Begin an invocation that goes on until its environment is released."""
        held = len(self.held)
        task = asyncio.ensure_future(self.run(name, qualifier, b"wait"))
        await self.until(lambda: task.done() or len(self.held) > held)
        return task

    @property
    def held(self) -> list[FakeEnvironment]:
        """The environments that run an invocation."""
        return [each for each in self.factory.made if each.is_held]

    @property
    def open(self) -> list[FakeEnvironment]:
        return [each for each in self.factory.made if not each.closed]

    async def ready(self, count: int, arn: str = f"{ARN}f:1") -> None:
        """Wait until so many environments are provisioned and initialised."""
        await self.until(lambda: self.dispatch.allocation(arn) == Allocation(count, count))

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():  # noqa: ASYNC110 - nothing here could set an event
                await asyncio.sleep(0.001)

    async def close(self) -> None:
        await self.provisioner.close()
        await self.dispatch.close()


def reason(result: RunResult) -> str:
    assert isinstance(result, Throttled), result
    return result.reason


def one(requested: int, qualifier: str = "1") -> dict[str, Provisioned]:
    return {qualifier: Provisioned(requested, "")}


def test_a_reservation_is_shared_by_the_versions_of_a_function(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        setting.create(reserved_concurrency=2)
        held = [await setting.hold(), await setting.hold(qualifier="1")]
        assert reason(await setting.run()) == reason(await setting.run(qualifier="1")) == FUNCTION_CONCURRENCY
        setting.held[0].release()
        # The idle environment of one version makes way for the other version.
        assert isinstance(await setting.run(qualifier="1"), InvokeResult)
        await setting.until(lambda: len(setting.open) == 2)
        setting.held[0].release()
        assert all(isinstance(each, InvokeResult) for each in await asyncio.gather(*held))
        await setting.close()

    run(main())


def test_a_reservation_of_zero_stops_a_function_at_once_and_lets_it_finish(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        setting.create()
        await setting.run()
        held = await setting.hold()
        setting.configure(reserved_concurrency=0)
        assert reason(await setting.run()) == FUNCTION_CONCURRENCY
        setting.held[0].release()
        assert isinstance(await held, InvokeResult)
        assert reason(await setting.run()) == FUNCTION_CONCURRENCY
        await setting.until(lambda: setting.open == [])
        setting.configure(reserved_concurrency=None)
        assert isinstance(await setting.run(), InvokeResult)
        await setting.close()

    run(main())


def test_functions_without_a_reservation_share_what_the_account_has_left(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path, account=5)
        for name in ("f", "g"):
            setting.create(name)
        setting.create("reserved", reserved_concurrency=2)
        held = [await setting.hold(name) for name in ("f", "g", "g", "reserved", "reserved")]
        assert reason(await setting.run("f")) == reason(await setting.run("g")) == ACCOUNT_CONCURRENCY
        assert reason(await setting.run("reserved")) == FUNCTION_CONCURRENCY
        setting.configure("reserved", reserved_concurrency=1)
        held.append(await setting.hold("f"))
        assert reason(await setting.run("g")) == ACCOUNT_CONCURRENCY
        for each in setting.held:
            each.release()
        assert all(isinstance(each, InvokeResult) for each in await asyncio.gather(*held))
        setting.dispatch.retire(setting.catalog.resolve("g"))
        held = [await setting.hold("f") for _ in range(4)]
        assert reason(await setting.run("f")) == ACCOUNT_CONCURRENCY
        await setting.close()

    run(main())


def test_a_provisioned_environment_is_made_ahead_and_used_first(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        setting.create(provisioned=one(2))
        assert setting.dispatch.allocation(f"{ARN}f:1") == Allocation()
        await setting.ready(2)
        assert [each.provisioned for each in setting.open] == [True, True]
        held = [await setting.hold(qualifier="1") for _ in range(3)]
        assert [each.provisioned for each in setting.held] == [True, True, False]  # one spills over
        for each in setting.held:
            each.release()
        await asyncio.gather(*held)
        held = [await setting.hold(qualifier="1")]
        assert [each.provisioned for each in setting.held] == [True]
        assert isinstance(await setting.run(), InvokeResult)  # $LATEST has none of them
        assert [each.provisioned for each in setting.factory.made] == [True, True, False, False]
        await setting.close()

    run(main())


def test_what_is_provisioned_comes_off_the_reservation(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        setting.create(reserved_concurrency=1, provisioned=one(1))
        await setting.ready(1)
        assert reason(await setting.run()) == FUNCTION_CONCURRENCY
        held = await setting.hold(qualifier="1")
        assert reason(await setting.run(qualifier="1")) == FUNCTION_CONCURRENCY
        await setting.close()
        assert isinstance(await held, InvokeResult)

    run(main())


def test_a_provisioned_environment_without_a_runtime_is_replaced(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        setting.create(provisioned=one(1))
        await setting.ready(1)
        await setting.run(qualifier="1")
        (spent,) = setting.open
        await asyncio.sleep(0.01)  # it has been used since it was initialised
        spent.lose_its_runtime()
        await setting.until(lambda: spent.closed)
        await setting.ready(1)
        assert [each.provisioned for each in setting.open] == [True]
        await setting.close()

    run(main())


def test_what_fails_is_not_tried_again_until_it_is_asked_for_again(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        setting.factory.build_errors = [OSError("no descriptors left")]
        setting.factory.open_errors = [OSError("no port left")]
        setting.create(provisioned=one(3))
        await setting.until(lambda: setting.dispatch.allocation(f"{ARN}f:1").is_failed)
        assert setting.dispatch.allocation(f"{ARN}f:1") == Allocation(3, 1, 2, "no port left")
        setting.configure(provisioned=one(2))
        await setting.ready(2)
        assert setting.log == b""
        await setting.close()

    run(main())


def test_what_is_not_wanted_any_more_ends_at_once_and_lets_an_invocation_finish(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        setting.create(provisioned=one(2))
        await setting.ready(2)
        held = await setting.hold(qualifier="1")
        setting.configure(provisioned={})
        assert setting.dispatch.allocation(f"{ARN}f:1") == Allocation()
        await setting.until(lambda: len(setting.open) == 1)
        setting.held[0].release()
        assert isinstance(await held, InvokeResult)
        await setting.until(lambda: setting.open == [])
        await setting.run(qualifier="1")
        assert [each.provisioned for each in setting.open] == [False]
        await setting.close()

    run(main())


def test_a_function_that_is_removed_gives_its_share_back(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path, account=2)
        setting.create("f")
        setting.create("g", provisioned=one(2))
        await setting.ready(2, f"{ARN}g:1")
        assert reason(await setting.run("f")) == ACCOUNT_CONCURRENCY
        record = setting.catalog.drop("g")
        setting.provisioner.changed(record, None)
        assert isinstance(await setting.run("f"), InvokeResult)
        await setting.close()

    run(main())
