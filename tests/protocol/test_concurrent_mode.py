"""Several invocations at once in one environment (AWS_LAMBDA_MAX_CONCURRENCY, spec 5)."""

from __future__ import annotations

from msgspec import structs

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol.environment import RUNTIME, EnvironmentMachine
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.protocol.states import Phase
from runtime_api.protocol.timers import Timer

from .machines import EPOCH, invocation, invoke, outcome, refusal


def serving(slots: int = 2) -> EnvironmentMachine:
    """A machine in concurrent mode whose runtime waits in /next with as many calls (1, 2, ...) as it has slots."""
    machine = EnvironmentMachine(FunctionSettings("f", max_concurrency=slots))
    machine.receive(ev.Initialise(), 0)
    for call in range(1, slots + 1):
        machine.receive(ev.NextCalled(call), 100)
    return machine


def test_several_invocations_are_answered_in_any_order() -> None:
    machine = serving()
    delivered = [*machine.receive(invoke("r1"), 1000), *machine.receive(invoke("r2"), 1001)]
    assert [effect.call for effect in delivered if isinstance(effect, fx.Deliver)] == [1, 2]
    assert machine.free_slots == 0
    machine.receive(ev.ResponseStarted(3, "r2"), 1010)
    effects = machine.receive(ev.BodyFinished(3, b"second"), 1011)
    assert outcome(effects).request_id == "r2"
    assert effects[-1] == fx.Over("r2")
    assert machine.free_slots == 1
    machine.receive(ev.ResponseStarted(4, "r1"), 1012)
    assert outcome(machine.receive(ev.BodyFinished(4, b"first"), 1013)).body == b"first"
    assert machine.phase is Phase.IDLE


def test_a_deadline_in_concurrent_mode_ends_one_invocation_and_its_late_answer_is_410_once() -> None:
    machine = serving()
    machine.receive(invoke("r1"), 1000)
    machine.receive(invoke("r2"), 2000)
    effects = machine.receive(ev.TimerFired(Timer.DEADLINE, "r1"), 4000)
    assert outcome(effects).status is fx.Status.TIMEOUT
    assert not any(isinstance(effect, fx.Stop) for effect in effects)
    assert refusal(machine.receive(ev.ResponseStarted(5, "r1"), 4001))[:2] == (410, "InvokeTimeout")
    assert refusal(machine.receive(ev.ResponseStarted(6, "r1"), 4002))[:2] == (400, "InvalidRequestID")
    machine.receive(ev.ResponseStarted(7, "r2"), 4003)
    assert outcome(machine.receive(ev.BodyFinished(7, b"ok"), 4004)).status is fx.Status.SUCCESS


def test_an_exit_in_concurrent_mode_fails_every_invocation() -> None:
    machine = serving()
    machine.receive(invoke("r1"), 1000)
    machine.receive(invoke("r2"), 1000)
    effects = machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(1)), 1500)
    failed = [effect.outcome.request_id for effect in effects if isinstance(effect, fx.Complete)]
    assert failed == ["r1", "r2"]
    assert machine.free_slots == 2


def test_an_error_ends_the_response_of_its_invocation_that_is_on_its_way() -> None:
    machine = serving()
    machine.receive(ev.Invoke(structs.replace(invocation("r1"), streamed=True), EPOCH), 1000)
    machine.receive(ev.ResponseStarted(3, "r1", None, "streaming"), 1010)
    assert machine.receive(ev.BodyPiece(3, b"half"), 1020) == [fx.Forward("r1", b"half")]
    assert refusal(machine.receive(ev.ErrorStarted(4, "r1", None, "Function.Midway"), 1030))[:2] == (
        400,
        "InvalidRequestID",
    )
    effects = machine.receive(ev.BodyFinished(4, b"{}"), 1040)
    assert not any(isinstance(effect, fx.Forward) for effect in effects)
    assert outcome(effects) == fx.Outcome("r1", fx.Status.ERROR, b"{}", None, "Function.Midway")
    assert machine.receive(ev.BodyFinished(3, b"rest"), 1050) == []


def test_an_error_is_refused_behind_another_error() -> None:
    machine = serving()
    machine.receive(invoke("r1"), 1000)
    machine.receive(ev.ErrorStarted(3, "r1", None, "Function.First"), 1010)
    assert refusal(machine.receive(ev.ErrorStarted(4, "r1", None, "Function.Second"), 1020))[1] == "InvalidRequestID"
