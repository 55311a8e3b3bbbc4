"""Each version has a pool; a failure to open or close an environment costs no place in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.engine.dispatch import LocalDispatch
from runtime_api.engine.installations import Installation, Installations
from runtime_api.sandbox.entrypoint import Program
from runtime_api.service.seams.dispatch import InvokeResult, RunResult, Throttled, Unavailable
from runtime_api.store.memory_catalog import MemoryCatalog
from tests.engine.fake_environments import FakeFactory
from tests.loops import run
from tests.service.versions import a_record, an_invocation

if TYPE_CHECKING:
    from pathlib import Path

    from runtime_api.service.seams.catalog import ResolvedVersion

TIMEOUT_S = 20.0


class Setting:
    """A LocalDispatch with fake environments and a catalog. Made inside the loop."""

    def __init__(self, code: Path) -> None:
        self.factory = FakeFactory()
        self.installations = Installations()
        self.catalog = MemoryCatalog()
        made: Any = self.factory
        self.dispatch = LocalDispatch(made, self.installations)
        self._installation = Installation(Program(code), ("127.0.0.1", 0))

    def put(self, **fields: Any) -> ResolvedVersion:
        """Write a new revision of the function, with new code."""
        code = self.installations.add(self._installation)
        self.catalog.set(a_record(code=code.id, **fields))
        return self.catalog.resolve("f")

    async def run(self, version: ResolvedVersion, payload: bytes = b"{}") -> RunResult:
        async with asyncio.timeout(TIMEOUT_S):
            return await self.dispatch.run(version, an_invocation("r", payload))


async def soon(condition: Any) -> None:
    """Wait until this holds."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - nothing here could set an event
            await asyncio.sleep(0)


def payload(result: RunResult) -> bytes:
    assert isinstance(result, InvokeResult), result
    return result.payload


def test_a_version_runs_in_its_own_pool_and_a_throttle_is_a_value_with_its_counts(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        version = setting.put(concurrency=1, max_queued=1)
        assert payload(await setting.run(version)) == version.code.id.encode()
        held = asyncio.ensure_future(setting.run(version, b"wait"))
        waits = asyncio.ensure_future(setting.run(version))
        await asyncio.sleep(0)
        assert await setting.run(version) == Throttled(busy=1, most=1, queued=1)
        setting.factory.made[0].release()
        assert [payload(await each) for each in (held, waits)] == [version.code.id.encode()] * 2
        await setting.dispatch.close()

    run(main())


def test_a_newer_revision_replaces_the_pool_and_an_older_snapshot_does_not_bring_it_back(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        old = setting.put()
        await setting.run(old)
        new = setting.put()
        assert payload(await setting.run(new)) == new.code.id.encode()
        assert payload(await setting.run(old)) == new.code.id.encode()
        await soon(lambda: [each.closed for each in setting.factory.made] == [True, False])
        await setting.dispatch.close()

    run(main())


def test_a_retired_version_finishes_its_invocations_and_accepts_no_more(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        version = setting.put()
        await setting.run(version)
        held = asyncio.ensure_future(setting.run(version, b"wait"))
        await asyncio.sleep(0)
        setting.dispatch.retire(version)
        refused = await setting.run(version)
        assert isinstance(refused, Unavailable)
        assert "removed" in refused.message
        assert not setting.factory.made[0].closed
        setting.factory.made[0].release()
        assert payload(await held) == version.code.id.encode()
        await soon(lambda: setting.factory.made[0].closed)
        await soon(lambda: version.code not in setting.installations)
        assert isinstance(await setting.run(version), Unavailable)
        await setting.dispatch.close()

    run(main())


def test_closing_ends_a_version_that_is_being_retired(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        version = setting.put()
        await setting.run(version)
        held = asyncio.ensure_future(setting.run(version, b"wait"))
        await asyncio.sleep(0)
        setting.dispatch.retire(version)
        async with asyncio.timeout(TIMEOUT_S):
            await setting.dispatch.close()
            await held
        assert setting.factory.made[0].closed
        assert version.code not in setting.installations

    run(main())


@pytest.mark.parametrize("where", ["build_errors", "open_errors"])
@pytest.mark.parametrize("error", [RuntimeError("no home"), ValueError("a NUL"), OSError("no descriptors left")])
def test_a_failure_to_open_fails_only_one_invocation(tmp_path: Path, where: str, error: Exception) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        version = setting.put(concurrency=1, max_queued=5)
        getattr(setting.factory, where).extend([error, error])
        results = await asyncio.gather(*(setting.run(version) for _ in range(4)))
        failed = [result for result in results if isinstance(result, Unavailable)]
        assert [isinstance(result, Unavailable) for result in results] == [True, True, False, False]
        assert all("could be opened" in result.message and str(error) in result.message for result in failed)
        expected = not isinstance(error, OSError)
        assert (b"Traceback" in setting.factory.log) is expected
        assert all(("report it" in result.message) is expected for result in failed)
        assert payload(await setting.run(version)) == version.code.id.encode()
        await setting.dispatch.close()

    run(main())


def test_a_failure_to_open_before_an_invocation_takes_no_place(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        version = setting.put(concurrency=1)
        setting.factory.open_errors.append(ValueError("a NUL"))
        with pytest.raises(ValueError, match="a NUL"):
            await setting.dispatch.start_ahead(version)
        assert setting.factory.made[0].closed
        assert await setting.dispatch.start_ahead(version) is not None
        assert await setting.dispatch.start_ahead(version) is None
        await setting.dispatch.close()

    run(main())


def test_a_pool_that_fails_to_close_closes_all_its_environments_and_the_other_pools(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        version = setting.put(concurrency=2)
        setting.catalog.set(a_record("g", code=version.code.id))
        held = asyncio.ensure_future(setting.run(version, b"wait"))
        await soon(lambda: setting.factory.made)
        await setting.run(version)
        await setting.run(setting.catalog.resolve("g"))
        setting.factory.made[0].fails_to_close = TimeoutError("took too long")
        with pytest.raises(TimeoutError, match="took too long"):
            await setting.dispatch.close()
        assert [each.closed for each in setting.factory.made] == [True] * 3
        await held

    run(main())
