"""Extensions beside a runtime: registrations, who gets which event, and when an invocation is settled and over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import platform_events as log
from runtime_api.protocol.environment import EnvironmentMachine
from runtime_api.protocol.errors import Refusal
from runtime_api.protocol.extension_states import ExtensionMove
from runtime_api.protocol.registration import Registration, event_refusal, read_identifier, read_registration
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.protocol.states import Phase

from .machines import invoke, outcome, records

if TYPE_CHECKING:
    from runtime_api.protocol.timers import Timer

UUID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


@pytest.mark.parametrize(
    ("body", "events"),
    [(b"{}", ()), (b"null", ()), (b'{"events":null}', ()), (b'{"events":["INVOKE"],"more":1}', ("INVOKE",))],
)
def test_a_registration_is_read(body: bytes, events: tuple[str, ...]) -> None:
    assert read_registration("kit", None, body) == Registration("kit", events)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"events":"INVOKE"}', b'{"events":[1]}', b"\xff"])
def test_a_registration_that_cannot_be_read_is_refused(body: bytes) -> None:
    refusal = read_registration("kit", None, body)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.error_type) == (403, "InvalidRequestFormat")
    assert refusal.message


def test_features_are_a_list_of_which_unknown_ones_are_ignored() -> None:
    assert read_registration("kit", "moonPhase , accountId", b"{}") == Registration("kit", (), True)


@pytest.mark.parametrize(
    ("events", "internal", "concurrent", "text"),
    [
        (("INVOKE", "SHUTDOWN"), False, False, None),
        (("INVOKE",), True, False, None),
        (("SHUTDOWN",), True, False, "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"),
        (("DANCE",), False, False, "DANCE: InvalidEventType"),
        (("INVOKE",), False, True, "INVOKE: InvalidEventType"),
        (("SHUTDOWN",), False, True, None),
        (("SHUTDOWN",), True, True, "No events allowed for internal extensions"),
        ((), True, True, None),
    ],
)
def test_events_that_an_extension_cannot_have(
    events: tuple[str, ...], internal: bool, concurrent: bool, text: str | None
) -> None:
    refusal = event_refusal(events, internal=internal, concurrent=concurrent)
    assert (refusal and refusal.message) == text


def test_an_identifier_is_a_uuid_in_any_case() -> None:
    assert read_identifier(UUID.upper()) == UUID
    assert isinstance(read_identifier(UUID[:-1]), Refusal)
    assert isinstance(read_identifier(None), Refusal)


def with_extension(*events: str) -> EnvironmentMachine:
    """A machine whose external extension and runtime wait for the first invocation (calls 2 and 3)."""
    machine = EnvironmentMachine(FunctionSettings("f"))
    machine.receive(ev.Initialise(("x",)), 0)
    machine.receive(ev.RegisterCalled(1, Registration("x", events), UUID), 10)
    machine.receive(ev.EventNextCalled(2, UUID), 20)
    machine.receive(ev.NextCalled(3), 100)
    return machine


def test_the_runtime_starts_when_every_extension_has_registered() -> None:
    machine = EnvironmentMachine(FunctionSettings("f"))
    started = machine.receive(ev.Initialise(("x", "y")), 0)
    assert [each.name for each in started if isinstance(each, fx.Start)] == ["extensions/x", "extensions/y"]
    assert machine.receive(ev.RegisterCalled(1, Registration("x"), UUID), 10) == [fx.Registered(1, UUID, False)]
    last = machine.receive(ev.RegisterCalled(2, Registration("y"), UUID[::-1]), 20)
    assert last[1:] == [fx.Start("runtime")]


def test_the_caller_is_answered_before_the_extension_and_the_report() -> None:
    machine = with_extension("INVOKE")
    begun = machine.receive(invoke(), 1000)
    assert [type(each) for each in begun if isinstance(each, fx.Deliver | fx.DeliverInvoke)] == [
        fx.Deliver,
        fx.DeliverInvoke,
    ]
    machine.receive(ev.ResponseStarted(4, "r1"), 1010)
    answered = machine.receive(ev.BodyFinished(4, b"out"), 1010)
    assert outcome(answered).body == b"out"
    assert [type(record) for record in records(answered)] == [log.RuntimeDone]
    assert machine.free_slots == 0
    assert machine.receive(ev.NextCalled(5), 1011) == []  # the extension still works
    settled = machine.receive(ev.EventNextCalled(6, UUID), 1200)
    end, report = records(settled)
    assert isinstance(end, log.End)
    assert isinstance(report, log.Report)
    assert (report.status, report.duration_ms) == ("success", 200)
    assert settled[1:] == [fx.Settled("r1"), fx.Over("r1")]
    assert (machine.phase, machine.free_slots) == (Phase.IDLE, 1)


def test_an_extension_that_fails_once_it_is_back_does_not_hold_up_the_end_of_the_invocation() -> None:
    machine = with_extension("INVOKE")
    machine.receive(invoke(), 1000)
    machine.receive(ev.ResponseStarted(4, "r1"), 1010)
    machine.receive(ev.EventNextCalled(5, UUID), 1010)
    machine.receive(ev.BodyFinished(4, b"out"), 1011)
    machine.receive(ev.ExtensionErrorPosted(6, UUID, ExtensionMove.EXIT_ERROR), 1012)
    machine.receive(invoke("r2"), 1013)
    ended, *begun = machine.receive(ev.NextCalled(7), 1014)
    assert ended == fx.Over("r1")
    assert any(isinstance(effect, fx.Deliver) for effect in begun)


def test_an_extension_that_has_not_subscribed_delays_nothing() -> None:
    machine = with_extension("SHUTDOWN")
    machine.receive(invoke(), 1000)
    machine.receive(ev.ResponseStarted(4, "r1"), 1010)
    answered = machine.receive(ev.BodyFinished(4, b"out"), 1010)
    assert fx.Complete(outcome(answered)) in answered
    assert machine.receive(ev.NextCalled(5), 1011) == [fx.Over("r1")]


def test_an_end_takes_its_steps() -> None:
    machine = with_extension("SHUTDOWN")
    begun = machine.receive(ev.ShutDown(), 5000)
    assert fx.Terminate("runtime") in begun
    assert fx.Stop("runtime") not in begun
    killed = machine.receive(ev.TimerFired(*_timer(begun)), 5300)
    assert killed == [fx.Stop("runtime")]
    told = machine.receive(ev.ProcessExited("runtime", ev.ExitStatus(None, 9)), 5310)
    assert fx.DeliverShutdown(2, fx.ShutdownReason.SPINDOWN, 7000) in told
    late = machine.receive(ev.TimerFired(*_timer(told)), 7000)
    assert late == [fx.Stop("extensions/x")]
    assert machine.receive(ev.ProcessExited("extensions/x", ev.ExitStatus(None, 9)), 7001) == [fx.Ended()]


def test_a_crash_has_the_type_that_was_posted_first() -> None:
    machine = with_extension("INVOKE")
    machine.receive(invoke(), 1000)
    machine.receive(ev.ExtensionErrorPosted(4, UUID, ExtensionMove.EXIT_ERROR), 1001)
    failed = machine.receive(ev.ProcessExited("extensions/x", ev.ExitStatus(1)), 1002)
    fault = outcome(failed).fault
    assert fault is not None
    assert fault == ("Extension.ExitError", "RequestId: r1 Error: exit status 1")


def test_the_line_of_an_extension() -> None:
    record = log.Extension("x", "Ready", ("INVOKE", "SHUTDOWN"))
    assert log.log_bytes([record]) == b"EXTENSION\tName: x\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n"


def _timer(effects: list[fx.Effect]) -> tuple[Timer, str]:
    (alarm,) = [effect for effect in effects if isinstance(effect, fx.SetTimer)]
    return alarm.timer, alarm.key
