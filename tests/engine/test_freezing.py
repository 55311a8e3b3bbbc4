"""The freezer: freezes what is idle, thaws it for its next use, and never touches what is in use."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runtime_api.engine.freezing import Freezer
from tests.loops import run

if TYPE_CHECKING:
    import pytest

AFTER_S = 0.01
DEADLINE_S = 10.0


class Environment:
    """Something to freeze, with a record of the calls."""

    def __init__(self, after_s: float | None = AFTER_S) -> None:
        self.calls: list[str] = []
        self.idle = True
        self.looked = asyncio.Event()
        self._called = asyncio.Event()
        self.quiet = True
        self.freezer = Freezer(after_s, self._freeze, self._thaw, self._is_idle, lambda: self.quiet)

    async def frozen(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not self.freezer.frozen:
                self._called.clear()
                await self._called.wait()

    def _freeze(self) -> None:
        self.calls.append("freeze")
        self._called.set()

    def _thaw(self) -> None:
        self.calls.append("thaw")

    def _is_idle(self) -> bool:
        self.looked.set()
        return self.idle


def test_what_is_idle_is_frozen_once_and_thawed_for_each_use() -> None:
    async def main() -> None:
        environment = Environment()
        environment.freezer.start()
        for times in (1, 2):
            await environment.frozen()
            assert environment.calls == ["freeze", "thaw"] * (times - 1) + ["freeze"]
            environment.freezer.use()
        environment.freezer.stop()
        assert environment.calls == ["freeze", "thaw"] * 2

    run(main())


def test_what_is_busy_is_not_frozen() -> None:
    async def main() -> None:
        environment = Environment()
        environment.idle = False
        environment.freezer.start()
        for _ in range(3):
            environment.looked.clear()
            await asyncio.wait_for(environment.looked.wait(), DEADLINE_S)
        assert environment.calls == []
        environment.idle = True
        await environment.frozen()
        environment.freezer.stop()

    run(main())


def test_stopping_thaws_and_nothing_is_frozen_afterwards() -> None:
    async def main() -> None:
        environment = Environment()
        environment.freezer.start()
        await environment.frozen()
        environment.freezer.stop()
        environment.freezer.start()
        environment.freezer.use()
        await asyncio.sleep(3 * AFTER_S)
        assert environment.calls == ["freeze", "thaw"]

    run(main())


def test_without_a_time_nothing_is_ever_frozen() -> None:
    async def main() -> None:
        environment = Environment(after_s=None)
        environment.freezer.start()
        await asyncio.sleep(3 * AFTER_S)
        environment.freezer.use()
        environment.freezer.stop()
        assert environment.calls == []

    run(main())


def test_an_answer_that_is_owed_keeps_the_ice_away_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime_api.engine.freezing.QUIET_S", 0.2)

    async def main() -> None:
        environment = Environment()
        environment.quiet = False
        environment.freezer.start()
        await environment.looked.wait()
        assert environment.calls == []
        environment.quiet = True
        await environment.frozen()
        environment.freezer.use()
        environment.quiet = False
        await environment.frozen()  # nobody may keep it away for ever
        environment.freezer.use()
        environment.looked.clear()
        await environment.looked.wait()
        environment.freezer.use()
        environment.freezer.stop()
        assert environment.calls == ["freeze", "thaw"] * 2

    run(main())
