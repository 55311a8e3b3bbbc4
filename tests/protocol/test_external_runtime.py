"""A runtime that somebody else starts: nothing is started, stopped or timed, and another one may come."""

from __future__ import annotations

import pytest

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol.environment import EnvironmentMachine
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.protocol.states import Phase

from .machines import invoke, ready


def external() -> EnvironmentMachine:
    """A machine whose runtime somebody else has started, and which waits in /next (call 1)."""
    return ready(FunctionSettings("f", external_runtime=True))


def test_an_external_runtime_is_neither_started_nor_stopped_nor_timed() -> None:
    machine = EnvironmentMachine(FunctionSettings("f", external_runtime=True))
    effects = [*machine.receive(invoke(), 0), *machine.receive(ev.NextCalled(1), 9_000_000)]
    assert {type(effect) for effect in effects} == {fx.Emit, fx.Deliver}
    assert machine.receive(ev.ShutDown(), 9_000_001)[-1] == fx.Ended()


@pytest.mark.parametrize("broken_by", ["mode", "truncated body"])
def test_an_external_runtime_that_can_only_exit_counts_as_gone(broken_by: str) -> None:
    machine = external()
    machine.receive(invoke(), 1000)
    if broken_by == "mode":
        machine.receive(ev.ResponseStarted(2, "r1", None, "buffered"), 1001)
    else:
        machine.receive(ev.ResponseStarted(2, "r1"), 1001)
        machine.receive(ev.BodyTruncated(2), 1002)
    assert machine.phase is Phase.INIT
    machine.receive(ev.NextCalled(3), 2000)
    effects = machine.receive(invoke("r2"), 2001)
    assert [effect.call for effect in effects if isinstance(effect, fx.Deliver)] == [3]


def test_an_init_error_of_an_external_runtime_lets_another_one_come() -> None:
    machine = EnvironmentMachine(FunctionSettings("f", external_runtime=True))
    machine.receive(ev.Initialise(), 0)
    assert machine.receive(ev.InitErrorPosted(1, "Runtime.Oops", b"{}"), 10)[0] == fx.Accept(1)
    machine.receive(ev.NextCalled(2), 20)
    assert machine.phase is Phase.IDLE
