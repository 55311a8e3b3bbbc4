"""SnapStart in the machine: init, a snapshot, a restore for the first invocation (spec 9)."""

from __future__ import annotations

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import platform_events as log
from runtime_api.protocol.environment import RUNTIME, EnvironmentMachine
from runtime_api.protocol.errors import RestoreFault
from runtime_api.protocol.faults import restore_fault
from runtime_api.protocol.fleet_actions import Readiness
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.protocol.states import Phase
from runtime_api.protocol.timers import Timer

from .machines import invoke, outcome, records, refusal

SETTINGS = FunctionSettings("f", snap_start=True)


def snapshot() -> EnvironmentMachine:
    """A machine whose runtime waits in /restore/next (call 1) since 100 ms."""
    machine = EnvironmentMachine(SETTINGS)
    machine.receive(ev.Initialise(), 0)
    machine.receive(ev.RestoreNextCalled(1), 100)
    return machine


def restoring() -> EnvironmentMachine:
    """A machine that is restored for r1 since 1000 ms."""
    machine = snapshot()
    machine.receive(invoke(), 1000)
    return machine


def test_a_snapshot_waits_and_is_restored_for_the_first_invocation() -> None:
    machine = snapshot()
    assert (machine.phase, machine.readiness) == (Phase.SNAPSHOT, Readiness.FINISHING)
    effects = machine.receive(invoke(), 1000)
    assert effects[1:] == [fx.Restore(1), fx.SetTimer(Timer.RESTORE, RUNTIME, 11_000)]
    effects = machine.receive(ev.NextCalled(2), 1040)
    assert [type(record) for record in records(effects)] == [log.RestoreRuntimeDone, log.RestoreReport, log.Start]
    assert [effect.call for effect in effects if isinstance(effect, fx.Deliver)] == [2]


def test_the_first_report_bills_the_restore() -> None:
    machine = restoring()
    machine.receive(ev.NextCalled(2), 1040.5)
    machine.receive(ev.ResponseStarted(3, "r1"), 1050)
    (*_, report) = records(machine.receive(ev.BodyFinished(3, b"1"), 1050.5))
    assert isinstance(report, log.Report)
    assert (report.init_ms, report.restore_ms, report.billed_restore_ms) == (None, 40.5, 41)
    assert (report.duration_ms, report.billed_ms) == (10, 51)
    text = log.log_bytes((report,)).decode()
    assert text.endswith("\tRestore Duration: 40.50 ms\tBilled Restore Duration: 41 ms\t\n")


def test_init_has_a_long_limit_and_is_reported_by_itself() -> None:
    machine = EnvironmentMachine(SETTINGS)
    assert fx.SetTimer(Timer.INIT, RUNTIME, 130_000) in machine.receive(ev.Initialise(), 0)
    text = log.log_bytes(records(machine.receive(ev.RestoreNextCalled(1), 250)))
    assert text == b"INIT_REPORT Init Duration: 250.00 ms\tPhase: init\tStatus: success\n"


def test_a_runtime_without_hooks_serves_at_once() -> None:
    machine = EnvironmentMachine(SETTINGS)
    machine.receive(ev.Initialise(), 0)
    machine.receive(ev.NextCalled(1), 100)
    assert any(isinstance(effect, fx.Deliver) for effect in machine.receive(invoke(), 200))


def test_hooks_that_take_too_long_refuse_the_invocation() -> None:
    machine = restoring()
    effects = machine.receive(ev.TimerFired(Timer.RESTORE, RUNTIME), 11_000)
    fault = outcome(effects).fault
    assert isinstance(fault, RestoreFault)
    assert fault.error_type == "Runtime.RestoreHookUserTimeout"
    assert fx.Stop(RUNTIME) in effects
    assert machine.phase is Phase.RESET


def test_what_the_runtime_says_of_its_hooks_counts_more_than_how_it_ends() -> None:
    machine = restoring()
    assert machine.receive(ev.RestoreErrorPosted(3, "Runtime.Oops"), 1010)[0] == fx.Accept(3)
    assert refusal(machine.receive(ev.NextCalled(4), 1011))[2].startswith(
        "State transition from RuntimeRestoreErrorState to Ready failed"
    )
    effects = machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(65)), 1020)
    fault = outcome(effects).fault
    assert isinstance(fault, RestoreFault)
    assert fault.error_type == "Runtime.Oops"
    text = log.log_bytes(records(effects)).decode()
    assert "RESTORE_REPORT Restore Duration: 20.00 ms\tStatus: error\tError Type: Runtime.Oops\n" in text
    assert machine.phase is Phase.COLD


def test_the_next_invocation_begins_with_an_init() -> None:
    machine = restoring()
    machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(1)), 1020)
    assert fx.Start(RUNTIME) in machine.receive(invoke("r2"), 2000)
    assert machine.phase is Phase.INIT
    effects = machine.receive(ev.RestoreNextCalled(5), 2100)
    assert fx.Restore(5) in effects


def test_who_waits_for_an_init_that_fails_fails_with_it() -> None:
    machine = EnvironmentMachine(SETTINGS)
    machine.receive(invoke(), 0)
    machine.receive(ev.InitErrorPosted(1, "Runtime.Oops", b'{"no":1}'), 10)
    effects = machine.receive(ev.ProcessExited(RUNTIME, ev.ExitStatus(1)), 20)
    assert outcome(effects).body == b'{"no":1}'
    assert not any(isinstance(effect, fx.Start) for effect in effects)


def test_a_restore_next_whose_peer_has_gone_is_restored_all_the_same() -> None:
    machine = snapshot()
    machine.receive(ev.CallDropped(1), 200)
    effects = machine.receive(invoke(), 1000)
    assert not any(isinstance(effect, fx.Restore) for effect in effects)
    assert any(isinstance(effect, fx.Deliver) for effect in machine.receive(ev.NextCalled(2), 1001))


def test_a_runtime_that_has_posted_an_error_and_hangs_is_waited_for_half_a_second() -> None:
    machine = EnvironmentMachine(SETTINGS)
    machine.receive(ev.Initialise(), 0)
    machine.receive(invoke(), 5)
    effects = machine.receive(ev.InitErrorPosted(1, "Runtime.Oops", b'{"no":1}'), 10)
    assert effects[1:] == [fx.SetTimer(Timer.INIT, RUNTIME, 510)]
    effects = machine.receive(ev.TimerFired(Timer.INIT, RUNTIME), 510)
    assert outcome(effects).body == b'{"no":1}'
    assert fx.Stop(RUNTIME) in effects


def test_hooks_that_have_failed_are_waited_for_half_a_second() -> None:
    machine = restoring()
    effects = machine.receive(ev.RestoreErrorPosted(3, "Function.Hook"), 1010)
    assert effects[1:] == [fx.SetTimer(Timer.RESTORE, RUNTIME, 1510)]
    effects = machine.receive(ev.TimerFired(Timer.RESTORE, RUNTIME), 1510)
    assert outcome(effects).fault == restore_fault("Function.Hook")
    assert fx.Stop(RUNTIME) in effects


def test_the_log_names_the_version_of_lambdas_own_runtime() -> None:
    machine = EnvironmentMachine(SETTINGS._replace(runtime_version="python:3.12.v1", runtime_version_arn="arn"))
    (init,) = records(machine.receive(ev.Initialise(), 0))
    assert log.log_bytes([init]) == b"INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn\n"
    machine.receive(ev.RestoreNextCalled(1), 100)
    (restore,) = records(machine.receive(invoke(), 1000))
    assert log.log_bytes([restore]) == b"RESTORE_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn\n"
