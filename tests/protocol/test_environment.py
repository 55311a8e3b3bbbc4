"""The machine, statement by statement of the specification. No clock, no process, no network."""

from __future__ import annotations

import pytest

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import platform_events as log
from runtime_api.protocol.environment import RUNTIME, EnvironmentMachine
from runtime_api.protocol.errors import ErrorType, MisuseError
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.protocol.states import Phase
from runtime_api.protocol.timers import Timer

from .machines import EPOCH, answered, invocation, invoke, outcome, ready, records, refusal, running


def test_an_invocation_is_delivered_with_the_deadline_reckoned_from_its_begin() -> None:
    machine = EnvironmentMachine(FunctionSettings("f", timeout_ms=3000))
    machine.receive(invoke(), 0)
    effects = machine.receive(ev.NextCalled(1), 4000)
    assert fx.Deliver(1, invocation(), EPOCH + 4000 + 3000) in effects


def test_init_has_its_own_limit_and_counts_not_against_the_timeout() -> None:
    machine = EnvironmentMachine(FunctionSettings("f"))
    assert fx.SetTimer(Timer.INIT, RUNTIME, 10_000) in machine.receive(invoke(), 0)
    assert fx.SetTimer(Timer.DEADLINE, "r1", 12_000) in machine.receive(ev.NextCalled(1), 9000)


def test_init_inside_the_first_invocation_counts_against_its_timeout() -> None:
    machine = EnvironmentMachine(FunctionSettings("f", init_ms=None))
    effects = machine.receive(invoke(), 0)
    assert fx.SetTimer(Timer.DEADLINE, "r1", 3000) in effects
    assert fx.Start(RUNTIME) in effects
    assert fx.Deliver(1, invocation(), EPOCH + 3000) in machine.receive(ev.NextCalled(1), 500)


def test_the_caller_is_answered_before_the_next_next() -> None:
    machine = running()
    assert machine.receive(ev.ResponseStarted(2, "r1"), 1010) == []
    effects = machine.receive(ev.BodyFinished(2, b"out"), 1010)
    assert effects[0] == fx.Accept(2)
    assert outcome(effects) == fx.Outcome("r1", fx.Status.SUCCESS, b"out")
    assert machine.free_slots == 1


def test_report_tells_duration_memory_and_the_init_once() -> None:
    machine = ready()
    machine.receive(ev.MemorySampled(30 * 1_048_576 + 1), 1000)
    machine.receive(invoke(), 1000)
    machine.receive(ev.ResponseStarted(2, "r1"), 1010)
    (report,) = [r for r in records(machine.receive(ev.BodyFinished(2, b""), 1010.5)) if isinstance(r, log.Report)]
    assert report == log.Report("r1", "success", None, 10.5, 11, 128, 31, 100, "Root=1")
    machine.receive(ev.NextCalled(3), 1011)
    machine.receive(invoke("r2"), 1012)
    machine.receive(ev.ResponseStarted(4, "r2"), 1013)
    (report,) = [r for r in records(machine.receive(ev.BodyFinished(4, b""), 1013)) if isinstance(r, log.Report)]
    assert report.init_ms is None


def test_an_answer_is_judged_by_request_id_then_invocation_id_then_state() -> None:
    machine = answered()
    assert refusal(machine.receive(ev.ResponseStarted(3, "R1", "wrong"), 1011))[:2] == (400, "InvalidRequestID")
    assert refusal(machine.receive(ev.ResponseStarted(3, "r1", "wrong"), 1011))[:2] == (410, "InvokeTimeout")
    assert refusal(machine.receive(ev.ResponseStarted(3, "r1", "delivery-of-r1"), 1011)) == (
        403,
        "InvalidStateTransition",
        "State transition from RuntimeResponseSentState to InvocationResponse failed for runtime. "
        "Error: State transition is not allowed",
    )


def test_a_finished_id_is_unknown_once_the_runtime_is_back_in_next() -> None:
    machine = answered()
    machine.receive(ev.NextCalled(3), 1011)
    assert refusal(machine.receive(ev.ResponseStarted(4, "r1"), 1012))[0] == 400
    assert machine.invocations.first is None


def test_next_while_running_hands_out_the_same_event() -> None:
    assert running().receive(ev.NextCalled(2), 1001) == [fx.Deliver(2, invocation(), EPOCH + 3000)]


def test_of_two_polls_one_is_woken_and_the_other_goes_on_waiting() -> None:
    machine = ready()
    machine.receive(ev.NextCalled(2), 200)
    delivered = [e.call for e in machine.receive(invoke(), 1000) if isinstance(e, fx.Deliver)]
    assert delivered == [1]
    assert "1 parked" in repr(machine)


def test_a_poll_that_was_abandoned_swallows_no_event() -> None:
    machine = ready()
    machine.receive(ev.CallDropped(1), 200)
    assert not any(isinstance(effect, fx.Deliver) for effect in machine.receive(invoke(), 1000))
    assert [effect.call for effect in machine.receive(ev.NextCalled(2), 1001) if isinstance(effect, fx.Deliver)] == [
        2
    ]


def test_an_unknown_response_mode_fails_the_invocation_and_leaves_only_the_exit() -> None:
    machine = running()
    effects = machine.receive(ev.ResponseStarted(2, "r1", None, "Streaming"), 1001)
    assert refusal(effects) == (400, "InvalidFunctionResponseMode", "Invalid function response mode")
    assert outcome(effects).error_type == ErrorType.INVALID_RESPONSE_MODE
    assert refusal(machine.receive(ev.NextCalled(3), 1002))[0] == 403
    assert refusal(machine.receive(ev.ErrorStarted(3, "r1"), 1002))[0] == 403


def test_the_next_invocation_does_not_wait_for_a_runtime_that_can_only_exit() -> None:
    machine = running()
    machine.receive(ev.ResponseStarted(2, "r1", None, "buffered"), 1001)
    assert fx.Stop(RUNTIME) in machine.receive(invoke("r2"), 1002)
    effects = machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(None, 9)), 1003)
    assert fx.Start(RUNTIME) in effects
    machine.receive(ev.NextCalled(3), 1004)
    assert machine.invocations.first == "r2"


def test_a_body_over_the_limit_leaves_the_runtime_usable() -> None:
    machine = running()
    machine.receive(ev.ResponseStarted(2, "r1"), 1001)
    effects = machine.receive(ev.BodyTooLarge(2), 1001)
    assert refusal(effects) == (
        413,
        "RequestEntityTooLarge",
        "Exceeded maximum allowed payload size (6291556 bytes).",
    )
    assert outcome(effects).fault == (
        "Function.ResponseSizeTooLarge",
        "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    )
    machine.receive(ev.NextCalled(3), 1002)
    assert machine.phase is Phase.IDLE


def test_a_body_cut_short_is_told_to_both_sides() -> None:
    machine = running()
    machine.receive(ev.ResponseStarted(2, "r1"), 1001)
    effects = machine.receive(ev.BodyTruncated(2), 1001)
    assert refusal(effects)[:2] == (400, "TruncatedHTTPRequest")
    assert outcome(effects).error_type == ErrorType.TRUNCATED_RESPONSE


def test_error_trailers_make_a_streamed_response_a_failure() -> None:
    machine = running()
    machine.receive(ev.ResponseStarted(2, "r1", None, "streaming"), 1001)
    effects = machine.receive(ev.BodyFinished(2, b"half", None, "Function.Oops", b'{"errorMessage":"x"}'), 1002)
    assert outcome(effects) == fx.Outcome("r1", fx.Status.ERROR, b'{"errorMessage":"x"}', None, "Function.Oops")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (ev.ExitStatus(0), "Runtime exited without providing a reason"),
        (ev.ExitStatus(3), "Runtime exited with error: exit status 3"),
        (ev.ExitStatus(None, 9), "Runtime exited with error: signal: killed"),
        (ev.ExitStatus(None, 11), "Runtime exited with error: signal: segmentation fault"),
        (ev.ExitStatus(None, 11, True), "Runtime exited with error: signal: segmentation fault (core dumped)"),
    ],
)
def test_a_crash_is_an_exit_error_in_lambdas_words(status: ev.ExitStatus, text: str) -> None:
    machine = running()
    found = outcome(machine.receive(ev.ProcessExited(RUNTIME, status), 1500))
    assert found.fault == ("Runtime.ExitError", f"RequestId: r1 Error: {text}")
    assert machine.phase is Phase.COLD


def test_after_a_crash_the_next_invocation_initialises_anew_inside_itself() -> None:
    machine = running()
    machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(1)), 1500)
    effects = machine.receive(invoke("r2"), 2000)
    assert [type(record).__name__ for record in records(effects)] == ["Start", "InitStart"]
    assert fx.SetTimer(Timer.DEADLINE, "r2", 5000) in effects
    assert fx.Start(RUNTIME) in effects


def test_a_timeout_answers_kills_and_starts_anew() -> None:
    machine = running()
    effects = machine.receive(ev.TimerFired(Timer.DEADLINE, "r1"), 4000)
    assert outcome(effects).fault == ("Sandbox.Timedout", "RequestId: r1 Error: Task timed out after 3.00 seconds")
    assert outcome(effects).status is fx.Status.TIMEOUT
    assert effects[-1] == fx.Stop(RUNTIME)
    assert refusal(machine.receive(ev.ResponseStarted(5, "r1"), 4001))[0] == 400
    machine.receive(invoke("r2"), 4002)
    assert fx.Start(RUNTIME) in machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(None, 9)), 4003)


def test_an_answer_half_sent_at_the_deadline_is_refused_as_too_late() -> None:
    machine = running()
    machine.receive(ev.ResponseStarted(2, "r1"), 3999)
    effects = machine.receive(ev.TimerFired(Timer.DEADLINE, "r1"), 4000)
    assert refusal(effects)[:2] == (400, "InvalidRequestID")
    assert machine.receive(ev.BodyFinished(2, b"late"), 4001) == []


def test_a_runtime_that_never_comes_back_is_killed_at_the_deadline_of_what_it_answered() -> None:
    machine = answered()
    machine.receive(invoke("r2"), 1011)
    effects = machine.receive(ev.TimerFired(Timer.DEADLINE, "r1"), 4000)
    assert effects[-1] == fx.Stop(RUNTIME)
    assert not any(isinstance(effect, fx.Complete) for effect in effects)
    assert fx.Start(RUNTIME) in machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(None, 9)), 4001)


def test_an_exit_after_the_answer_does_not_undo_it() -> None:
    effects = answered().receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(1)), 1011)
    assert not any(isinstance(effect, fx.Complete) for effect in effects)


def test_a_stale_timer_is_ignored() -> None:
    machine = answered()
    machine.receive(ev.NextCalled(3), 1011)
    assert machine.receive(ev.TimerFired(Timer.DEADLINE, "r1"), 4000) == []
    assert machine.receive(ev.TimerFired(Timer.INIT, RUNTIME), 10_000) == []


def test_a_failed_init_is_tried_again_inside_the_invocation_and_its_error_is_the_answer() -> None:
    machine = EnvironmentMachine(FunctionSettings("f"))
    machine.receive(invoke(), 0)
    first = ev.InitErrorPosted(1, "Runtime.First", b'{"errorMessage":"first"}')
    assert machine.receive(first, 10) == [fx.Accept(1)]
    effects = machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(1)), 20)
    assert log.InitReport("init", "error", "Runtime.First", 20) in records(effects)
    assert fx.Start(RUNTIME) in effects
    machine.receive(ev.InitErrorPosted(2, "Runtime.Second", b'{"errorMessage":"second"}'), 30)
    effects = machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(1)), 40)
    assert outcome(effects) == fx.Outcome("r1", fx.Status.ERROR, b'{"errorMessage":"second"}', None, "Runtime.Second")


def test_a_crash_long_after_an_init_error_is_told_as_what_it_is() -> None:
    machine = EnvironmentMachine(FunctionSettings("f"))
    machine.receive(ev.Initialise(), 0)
    machine.receive(ev.InitErrorPosted(1, "Runtime.First", b"{}"), 10)
    machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(1)), 20)
    machine.receive(invoke(), 30)
    machine.receive(ev.NextCalled(2), 40)
    found = outcome(machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(7)), 50))
    assert found.error_type == ErrorType.EXIT_ERROR


def test_an_init_over_its_limit_is_killed_and_tried_again_inside_the_invocation() -> None:
    machine = EnvironmentMachine(FunctionSettings("f"))
    machine.receive(invoke(), 0)
    assert machine.receive(ev.TimerFired(Timer.INIT, RUNTIME), 10_000)[-1] == fx.Stop(RUNTIME)
    effects = machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(None, 9)), 10_001)
    assert fx.Start(RUNTIME) in effects
    machine.receive(ev.NextCalled(1), 10_500)
    machine.receive(ev.ResponseStarted(2, "r1"), 10_600)
    assert outcome(machine.receive(ev.BodyFinished(2, b"late"), 10_600)).status is fx.Status.SUCCESS


def test_a_bootstrap_that_cannot_be_started_fails_the_invocation_after_both_attempts() -> None:
    machine = EnvironmentMachine(FunctionSettings("f"))
    machine.receive(invoke(), 0)
    failed = ev.StartFailed(RUNTIME, ErrorType.INVALID_ENTRYPOINT, "Couldn't find valid bootstrap(s): [/x]")
    assert fx.Start(RUNTIME) in machine.receive(failed, 1)
    found = outcome(machine.receive(failed, 2))
    assert found.fault == (
        "Runtime.InvalidEntrypoint",
        "RequestId: r1 Error: Couldn't find valid bootstrap(s): [/x]",
    )


def test_shutdown_answers_all_that_wait_and_ends_when_the_process_has() -> None:
    machine = running()
    effects = machine.receive(ev.ShutDown(), 1500)
    assert outcome(effects).fault is not None
    assert effects[-1] == fx.Stop(RUNTIME)
    assert refusal(machine.receive(ev.InitErrorPosted(5, "Runtime.Late", b"{}"), 1501))[0] == 403
    assert machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(None, 9)), 1502) == [fx.Ended()]
    with pytest.raises(MisuseError):
        machine.receive(invoke("r2"), 1503)


def test_a_runtime_that_asks_for_an_event_while_it_is_stopped_waits_until_it_has_ended() -> None:
    machine = answered()
    machine.receive(ev.ShutDown(), 1012)
    assert machine.receive(ev.NextCalled(4), 1013) == []
    effects = machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(0)), 1100)
    assert [effect.call for effect in effects if isinstance(effect, fx.Refuse)] == [4]


def test_shutdown_before_anything_was_started() -> None:
    assert EnvironmentMachine(FunctionSettings("f")).receive(ev.ShutDown(), 0) == [fx.Ended()]


def test_a_second_invocation_is_our_own_mistake() -> None:
    machine = running()
    with pytest.raises(MisuseError, match="0 free"):
        machine.receive(invoke("r2"), 1001)


@pytest.mark.parametrize("late", [ev.BodyTruncated(2), ev.BodyTooLarge(2), ev.BodyFinished(2, b"late")], ids=repr)
@pytest.mark.parametrize(
    "end",
    [
        ev.ShutDown(),
        ev.ProcessExited(RUNTIME, ev.ExitStatus(1)),
        ev.TimerFired(Timer.DEADLINE, "r1"),
    ],
    ids=lambda end: type(end).__name__,
)
def test_a_body_on_its_way_is_refused_when_its_runtime_leaves(end: ev.Event, late: ev.Event) -> None:
    machine = running()
    machine.receive(ev.ResponseStarted(2, "r1"), 1001)
    effects = machine.receive(end, 4000)
    assert refusal(effects)[:2] == (400, "InvalidRequestID")
    assert fx.Over("r1") in effects
    assert machine.receive(late, 4001) == []


def test_an_invocation_is_over_when_the_runtime_is_back_in_next_and_not_before() -> None:
    machine = running()
    machine.receive(ev.ResponseStarted(2, "r1"), 1010)
    assert fx.Over("r1") not in machine.receive(ev.BodyFinished(2, b"out"), 1010)
    assert machine.receive(ev.NextCalled(3), 1011) == [fx.Over("r1")]
