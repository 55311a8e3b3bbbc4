"""What a runtime did when an invocation failed, as the machine saw it and as one sentence says it."""

from __future__ import annotations

import pytest

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol.diagnosis import Reached, Refused, Stage, complains_of_bash, diagnose
from runtime_api.protocol.environment import RUNTIME, EnvironmentMachine
from runtime_api.protocol.errors import ErrorType
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.protocol.timers import Timer

from .machines import invoke, outcome, running

NEXT = "GET /2018-06-01/runtime/invocation/next"
TIME_UP = ev.TimerFired(Timer.DEADLINE, "r1")
CRASH = ev.ProcessExited(RUNTIME, ev.ExitStatus(3))


def _said(effects: list[fx.Effect], *, has_written: bool = True) -> str | None:
    ended = outcome(effects)
    assert ended.fault is not None
    assert ended.reached is not None
    refused = [Refused(effect.refusal, effect.request_id) for effect in effects if isinstance(effect, fx.Refuse)]
    return diagnose(ended.fault.error_type, ended.reached, refused, has_written=has_written)


def _starting() -> EnvironmentMachine:
    machine = EnvironmentMachine(FunctionSettings("f", init_ms=None))
    machine.receive(invoke(), 0)
    return machine


def test_a_runtime_that_never_asks_for_an_event() -> None:
    said = f"the runtime never asked for its first event ({NEXT})"
    assert _said(_starting().receive(TIME_UP, 3000)) == said
    assert _said(_starting().receive(TIME_UP, 3000), has_written=False) == f"{said}, and wrote nothing"


def test_a_runtime_that_exits_before_its_first_call() -> None:
    assert _said(_starting().receive(CRASH, 5)) == (
        f"the runtime exited before it asked for its first event ({NEXT})"
    )


def test_a_refused_call_before_the_first_event_is_named() -> None:
    machine = _starting()
    refused = machine.receive(ev.ResponseStarted("c1", "r0"), 1)
    said = _said([*refused, *machine.receive(CRASH, 5)])
    assert said is not None
    assert said.endswith("; its last call was refused: 400 InvalidRequestID (Invalid request ID)")


def test_a_runtime_that_asks_again_without_answering() -> None:
    machine = running()
    machine.receive(ev.NextCalled("again"), 1)
    assert "asked for the next event again without having answered this one" in str(
        _said(machine.receive(TIME_UP, 3000))
    )
    machine = running()
    for call in ("again", "and again"):
        machine.receive(ev.NextCalled(call), 1)
    assert "asked for the next event again 2 times" in str(_said(machine.receive(TIME_UP, 3000)))


def test_a_runtime_that_answers_another_request_id() -> None:
    machine = running()
    refused = machine.receive(ev.ResponseStarted("c1", "nope"), 1)
    assert _said([*refused, *machine.receive(TIME_UP, 3000)]) == (
        "the runtime answered the request id 'nope', which is not that of an event in hand"
    )


def test_a_runtime_that_exits_with_the_event() -> None:
    assert _said(running().receive(CRASH, 5)) == "the runtime exited while it had the event, before it answered"


def test_a_runtime_that_is_just_slow_needs_no_more_words_than_lambdas() -> None:
    assert _said(running().receive(TIME_UP, 3000)) is None


def test_a_runtime_that_stops_in_the_middle_of_its_answer() -> None:
    machine = running()
    machine.receive(ev.ResponseStarted("c1", "r1"), 1)
    said = next(effect for effect in machine.receive(TIME_UP, 3000) if isinstance(effect, fx.Complete)).outcome
    assert said.fault is not None
    assert said.reached is not None
    assert diagnose(said.fault.error_type, said.reached) == (
        "the runtime was still writing in the middle of its answer"
    )


def test_a_concurrent_runtime_that_has_too_few_calls_of_next() -> None:
    machine = EnvironmentMachine(FunctionSettings("f", max_concurrency=2))
    machine.receive(ev.Initialise(), 0)
    machine.receive(ev.NextCalled("c1"), 1)
    machine.receive(invoke("r1"), 2)
    machine.receive(invoke("r2"), 2)
    effects = machine.receive(ev.TimerFired(Timer.DEADLINE, "r2"), 3002)
    assert _said(effects) == f"the runtime never asked for this event ({NEXT})"


@pytest.mark.parametrize(
    "line",
    [
        b"bootstrap: 2: set: Illegal option -o pipefail\n",
        b"bootstrap: 5: [[: not found\n",
        b'bootstrap: 7: Syntax error: "(" unexpected\n',
        b"bootstrap: 9: Bad substitution\n",
    ],
)
def test_a_script_that_needs_bash_is_told_so(line: bytes) -> None:
    assert complains_of_bash(line)
    said = diagnose(ErrorType.EXIT_ERROR, Reached(Stage.STARTING), speaks_bash=True)
    assert said is not None
    assert said.endswith("; its /bin/sh is not bash, as Lambda's is: begin its script with #!/bin/bash")


def test_other_output_of_a_script_needs_no_bash() -> None:
    assert not complains_of_bash(b"bootstrap: 2: nothing: not found\nIllegal option\n")
