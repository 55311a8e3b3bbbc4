"""The life of a managed process: one final event, however its reports arrive, and no descriptor left."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.errors import ErrorType
from runtime_api.protocol.events import ExitStatus
from runtime_api.sandbox import Exited, Launch, Output, StartRefused
from runtime_api.sandbox.processes import managed_process
from runtime_api.sandbox.processes.managed_process import TRANSITIONS, Happening, ManagedProcess, State
from tests.sandbox.watch import run, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.sandbox import SandboxEvent

LAUNCH = Launch("p", ("/bin/true",), Path("/"), {})
REFUSAL = StartRefused("p", ErrorType.INVALID_ENTRYPOINT, "because")
FAILED = ExitStatus(127)
MB = 1 << 20


class Life:
    """A managed process without a process: the test writes its output and reports its end."""

    def __init__(self) -> None:
        self.events: list[SandboxEvent] = []
        self.process = ManagedProcess(LAUNCH, 1000, self.events.append, self.events.append)

    def start(self, inherited_bytes: int = 0) -> None:
        self.process.started(os.getpid(), inherited_bytes, os.pidfd_open(os.getpid()))

    def exit(self) -> None:
        self.process.exited(FAILED, 0)

    def refuse(self) -> None:
        self.process.refused(REFUSAL)

    def close_output(self) -> None:
        self.process.outputs.give_away()

    @property
    def over(self) -> bool:
        return self.process.state is State.OVER


def test_the_final_event_comes_after_the_last_line() -> None:
    async def main() -> None:
        life = Life()
        life.start()
        os.write(life.process.outputs.written[1], b"last words")
        life.close_output()
        life.exit()
        await until(lambda: life.over)
        assert [type(event) for event in life.events] == [Output, Exited]
        assert life.events[0] == Output("p", b"last words\n")

    run(main())


def test_pipes_that_stay_open_delay_the_end_for_a_limited_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managed_process, "LINGER_S", 0.01)

    async def main() -> None:
        life = Life()
        life.start()
        os.write(life.process.outputs.written[0], b"half")
        life.exit()
        assert life.process.state is State.LINGERING
        await until(lambda: life.over)
        assert [type(event) for event in life.events] == [Output, Exited]

    run(main())


def test_pipes_that_reach_their_end_first_do_not_end_the_process() -> None:
    async def main() -> None:
        life = Life()
        life.start()
        life.close_output()
        await until(lambda: life.process.outputs.at_end)
        assert life.process.state is State.RUNNING
        life.exit()
        assert life.over

    run(main())


@pytest.mark.parametrize("order", list(itertools.permutations(["start", "refuse", "exit"])))
def test_however_reports_come_there_is_one_final_event(order: tuple[str, ...]) -> None:
    """A child that cannot execute its program reports that, and is then reaped like any other."""

    async def main() -> None:
        life = Life()
        life.close_output()
        actions: dict[str, Callable[[], None]] = {"start": life.start, "refuse": life.refuse, "exit": life.exit}
        for name in order:
            actions[name]()
        await until(lambda: life.over)
        first_end = next(name for name in order if name != "start")
        assert [type(event) for event in life.events] == [StartRefused if first_end == "refuse" else Exited]
        life.process.kill()  # nothing: its descriptor is closed

    run(main())


def test_a_discarded_process_has_no_final_event_and_no_descriptors() -> None:
    async def main() -> None:
        life = Life()
        life.process.discard()
        life.exit()
        assert life.over
        assert not life.events

    run(main())


@pytest.mark.parametrize(("maxrss", "peak"), [(10 * MB, 0), (40 * MB, 40 * MB)])
def test_a_peak_that_may_be_the_parents_does_not_count(maxrss: int, peak: int) -> None:
    async def main() -> None:
        life = Life()
        life.close_output()
        life.start(inherited_bytes=20 * MB)
        life.process.exited(FAILED, maxrss)
        await until(lambda: life.over)
        (end,) = life.events
        assert isinstance(end, Exited)
        assert end.peak_bytes == peak

    run(main())


def test_every_state_has_a_row_and_over_is_the_only_last_one() -> None:
    assert set(TRANSITIONS) == set(State)
    assert [state for state, row in TRANSITIONS.items() if not row] == [State.OVER]
    assert {happening for row in TRANSITIONS.values() for happening in row} == set(Happening)
