"""One execution environment in a random world: virtual time, a runtime that may do anything, callers.

The machine is driven only through `receive`, and its effects are performed on paper. Whatever the dice say, the rules
checked here must hold; `Broken` says which one did not. Nothing here waits, so thousands of worlds take seconds. What
may happen in a world stands in `calls.py`; how a whole life goes, in `life.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import platform_events as log
from runtime_api.protocol.environment import RUNTIME, EnvironmentMachine
from runtime_api.protocol.errors import ErrorType, MisuseError, RestoreFault
from runtime_api.protocol.limits import Limits
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.protocol.timers import Timer

from .extension_oracle import LIMIT
from .oracle import Oracle

if TYPE_CHECKING:
    import random

    from runtime_api.protocol.states import Tables

    from .extension_oracle import Extension

__all__ = ["EPOCH_MS", "EXIT_MS", "INIT_MS", "RESTORE_MS", "STREAMED_BYTES", "TIMEOUT_MS", "Broken", "World"]

TIMEOUT_MS = 3000.0
INIT_MS = 10_000.0
STREAMED_BYTES = 40
LIMITS = Limits(streamed_bytes=STREAMED_BYTES, extensions=LIMIT, long_init_ms=int(INIT_MS))
RESTORE_MS = float(LIMITS.restore_ms)
EXIT_MS = 500.0  # for a runtime that has said why its start fails, where init is apart
STARTING = ("Started", "InitError", "Restoring", "RuntimeRestoreErrorState")
EPOCH_MS = 1_700_000_000_000.0


class Broken(AssertionError):
    """A rule did not hold."""


class World:
    """The environment, its process, its open calls, its callers and its clock."""

    def __init__(
        self,
        dice: random.Random,
        mode: str = "classic",
        tables: Tables | None = None,
        make: type[EnvironmentMachine] = EnvironmentMachine,
    ) -> None:
        self.dice = dice
        self.now = 1000.0
        self.slots = dice.choice((1, 2, 3)) if mode == "concurrent" else 1
        self.external = dice.random() < 0.25
        self.init_in_invoke = not self.external and dice.random() < 0.3
        settings = FunctionSettings(
            "f",
            timeout_ms=TIMEOUT_MS,
            init_ms=None if self.init_in_invoke else INIT_MS,
            external_runtime=self.external,
            max_concurrency=self.slots if mode == "concurrent" else 0,
            snap_start=mode == "snapstart",
            limits=LIMITS,
        )
        self.has_restore = mode == "snapstart"
        self.init_apart = mode != "classic"  # never part of an invocation
        self.machine = make(settings, tables)
        self.oracle = Oracle(mode)
        self.alive = False  # a process exists
        self.dying = False  # it has been told to stop
        self.shut = self.ended = False
        self.timers: dict[tuple[Timer, str], float] = {}
        self.calls = 0
        self.parked: list[ev.Call] = []
        self.bodies: dict[ev.Call, str] = {}  # answers whose body is on its way, and to which invocation
        self.late_bodies: list[ev.Call] = []  # refused while their body was on its way: it ends all the same
        self.streaming: set[str] = set()  # invocations whose callers read streams
        self.sent: dict[ev.Call, bytes] = {}  # what a runtime has streamed to such a caller
        self.received: dict[str, bytes] = {}  # what a caller has got
        self.unanswered: set[ev.Call] = set()
        self.invocations = 0
        self.open: dict[str, float] = {}  # request id -> when it was asked for
        self.unsettled: list[str] = []  # answered, and the slot is not free yet
        self.began: dict[str, float] = {}
        self.undelivered: list[str] = []
        self.outcomes: dict[str, fx.Outcome] = {}
        self.over: set[str] = set()
        self.forgotten: set[str] = set()  # over before they began
        self.log: list[tuple[str, str | None]] = []
        self.inits = 0
        self.in_init_phase = False  # the last init that began is one of an init phase
        self.initialising = False
        self.registration_open = False
        self.extensions: dict[str, Extension] = {}
        self.ending_at: float | None = None  # when the end of all processes began
        self.restored: bool | None = None  # a restore has succeeded that no REPORT has shown; None: no process

    @property
    def running(self) -> bool:
        """Whether any process runs."""
        return self.alive or any(each.alive for each in self.extensions.values())

    def working_on(self, request_id: str) -> list[str]:
        """The extensions that have not done their work on an invocation."""
        return [each.name for each in self.extensions.values() if each.works_on(request_id)]

    def require(self, holds: bool, rule: str) -> None:
        """Break the world when a rule does not hold."""
        if not holds:
            raise Broken(f"{rule} (at {self.now:.0f} ms, {self.machine!r}, oracle {self.oracle.state})")

    # -- giving the machine events, and watching what it says

    def tell(self, event: ev.Event) -> list[fx.Effect]:
        """Give an event to the machine and perform its effects; a rule of its own that it breaks is `Broken` too."""
        try:
            effects = self.machine.receive(event, self.now)
        except (MisuseError, AssertionError, KeyError, TypeError, ValueError) as error:
            raise Broken(f"{event}: {error!r}") from error
        for effect in effects:
            self.perform(effect)
        if fx.Start(RUNTIME) in effects:
            self.begin_process()
        self.check_delivery()
        self.check_phase()
        return effects

    def perform(self, effect: fx.Effect) -> None:
        """Do on paper what an effect asks for."""
        match effect:
            case fx.Accept(call):
                self.answer(call)
            case fx.Refuse(call, _):
                self.refuse(call)
            case fx.Restore(call):
                self.restore(call)
            case fx.Deliver(call, invocation, deadline_ms):
                self.deliver(call, invocation, deadline_ms)
            case fx.OpenStream(_, request_id, _):
                self.require(request_id in self.streaming, f"{request_id} gets a stream and reads none")
                self.require(request_id in self.open, f"{request_id} gets a stream after its outcome")
                self.require(request_id not in self.received, f"{request_id} gets a second stream")
                self.received[request_id] = b""
            case fx.Forward(request_id, data):
                self.require(request_id in self.open, f"{request_id} gets a piece after its outcome")
                self.received[request_id] += data
            case fx.Complete(outcome, settled):
                self.complete(outcome, settled)
            case fx.Over(request_id):
                self.end_invocation(request_id)
            case fx.SetTimer(timer, key, at):
                self.require(not self.external, "nothing limits the time of an external runtime")
                self.timers[timer, key] = at
            case fx.Start():
                self.oracle.leave("Started")
            case fx.Emit(records):
                for record in records:
                    self.note(record)
            case fx.Ended():
                self.require(not self.running and self.shut, "Ended with a process alive")
                self.ended = True

    def begin_process(self) -> None:
        """What Start asks for; sometimes it cannot be done."""
        self.require(not self.alive and not self.external, "Start while a process is alive")
        self.alive, self.dying = True, False
        if self.dice.random() < 0.05:
            self.gone(ev.StartFailed(RUNTIME, ErrorType.INVALID_ENTRYPOINT, "no such file"))

    def answer(self, call: ev.Call) -> None:
        self.require(call in self.unanswered, f"call {call} was answered twice, or after its peer had gone")
        self.unanswered.discard(call)

    def refuse(self, call: ev.Call) -> None:
        self.answer(call)
        if call in self.parked:
            self.parked.remove(call)
        if self.bodies.pop(call, None) is not None:
            self.late_bodies.append(call)

    def deliver(self, call: ev.Call, invocation: ev.Invocation, deadline_ms: int) -> None:
        self.answer(call)
        request_id = invocation.request_id
        if call in self.parked:
            self.require(self.parked[0] == call, "the poll that waits longest is served first")
            self.parked.remove(call)
        if self.undelivered:
            self.require(self.undelivered[0] == request_id, "the event that waits longest is delivered first")
            self.undelivered.pop(0)
        self.require(self.oracle.deliver(request_id), f"{request_id} was delivered and may not be")
        expected = EPOCH_MS + self.began[request_id] + TIMEOUT_MS
        self.require(abs(deadline_ms - expected) <= 1, f"deadline {deadline_ms}, expected {expected}")

    def restore(self, call: ev.Call) -> None:
        self.answer(call)
        self.parked.remove(call)

    def complete(self, outcome: fx.Outcome, settled: bool) -> None:
        request_id = outcome.request_id
        working = self.working_on(request_id)
        self.require(not (settled and working), f"{request_id} is settled, and {working} work on it")
        if not settled:
            self.require(bool(self.extensions), "only extensions delay what is settled")
            self.unsettled.append(request_id)
        unrestored = isinstance(outcome.fault, RestoreFault)
        self.require(not unrestored or request_id not in self.began, f"{request_id} ran in what was not restored")
        self.require(request_id in self.open, f"{request_id} has a second outcome, or was never asked for")
        failed = outcome.status is fx.Status.ERROR
        self.require(
            failed or not outcome.body or request_id not in self.received, "what was streamed is in no outcome"
        )
        del self.open[request_id]
        self.outcomes[request_id] = outcome
        if request_id in self.undelivered:
            self.undelivered.remove(request_id)
        if request_id in self.began and not self.external:
            took = self.now - self.began[request_id]
            self.require(took <= TIMEOUT_MS + 1e-6, f"{request_id} took {took} ms")

    def end_invocation(self, request_id: str) -> None:
        self.require(request_id in self.outcomes, f"{request_id} is over and has no outcome")
        if request_id not in self.began:
            self.forgotten.add(request_id)
            return
        self.require(request_id in self.began and request_id not in self.over, f"{request_id} is over twice")
        self.over.add(request_id)
        self.oracle.over(request_id)
        self.timers.pop((Timer.DEADLINE, request_id), None)

    def note(self, record: log.Record) -> None:
        request_id = getattr(record, "request_id", None)
        self.log.append((type(record).__name__, request_id))
        if isinstance(record, log.InitStart):
            self.inits += 1
            self.initialising = self.registration_open = True
            if self.external:
                self.oracle.leave("Started")
            self.in_init_phase = record.phase == "init"
            again = self.inits > 1 and (not self.external or bool(self.undelivered))
            inside = not self.init_apart and (self.init_in_invoke or again)
            self.require(record.phase == ("invoke" if inside else "init"), f"init {self.inits} in {record.phase}")
            self.restored = False
        if isinstance(record, log.RestoreStart):
            self.require(self.oracle.state == "RestoreReady", "only a snapshot is restored")
            self.require(bool(self.not_begun()), "nothing is restored for nobody")
            self.oracle.state = "Restoring"
        if isinstance(record, log.RestoreReport):
            self.require(self.external or record.duration_ms <= RESTORE_MS + 1e-6, "hooks have a limit")
            self.restored = record.status == "success"
        if isinstance(record, log.Report):
            self.require((record.restore_ms is not None) == bool(self.restored), "the first REPORT shows a restore")
            self.restored = False
        if isinstance(record, log.Start):
            self.oracle.begin(record.request_id, "i" + record.request_id)
            self.began[record.request_id] = self.now
            self.undelivered.append(record.request_id)

    def check_delivery(self) -> None:
        """An event and a poll never wait beside each other; an invocation without an outcome has begun or will."""
        if self.initialising:
            return
        waits = bool(self.undelivered) or any(request_id not in self.began for request_id in self.open)
        beside = waits and self.parked and self.oracle.state == "Ready"
        self.require(not beside, "an event waits beside a parked poll")
        self.require(not (waits and self.oracle.state == "RestoreReady"), "somebody waits beside a snapshot")
        if self.oracle.concurrent:
            for request_id in self.outcomes:
                done = request_id in self.over or request_id not in self.began
                self.require(done, f"{request_id} has its outcome and is not over")

    def check_phase(self) -> None:
        """Whether a process may be frozen, and which limit holds, depends on the phase."""
        if self.oracle.state == "Started" and self.in_init_phase:
            self.require(self.machine.phase == "init", "an init phase lasts until the runtime is in next")
        if self.oracle.state in ("RestoreReady", "Restoring") and not self.initialising:
            phase = "snapshot" if self.oracle.state == "RestoreReady" else "restore"
            self.require(self.machine.phase == phase, f"the environment is in {phase}")
        if self.oracle.state == "Ready" and not (self.initialising or self.open or self.oracle.invocation_ids):
            self.require(self.machine.phase == "idle", "a runtime in next with nothing in hand is idle")

    def not_begun(self) -> list[str]:
        """Who has come and waits for its START."""
        return [request_id for request_id in self.open if request_id not in self.began]

    # -- what happens to the process, and time

    def gone(self, event: ev.StartFailed | ev.ProcessExited) -> None:
        """The process is no more, whatever it was doing."""
        struck = [] if self.dying else list(self.oracle.invocation_ids)
        if self.ending_at is None:
            self.ending_at = self.now
        was_starting = self.oracle.state in STARTING and self.init_apart and not self.dying
        unstarted = self.not_begun() if was_starting else []
        self.alive = self.dying = False
        self.oracle.leave("Absent")
        self.tell(event)
        for request_id in struck:
            self.require(request_id not in self.open, "an invocation whose runtime has died has its outcome")
            self.require(request_id in self.over, "and is over")
        for request_id in unstarted:
            self.require(
                request_id not in self.open, "an invocation whose init or restore has failed has its outcome"
            )
        if not self.alive:
            self.require(not self.bodies, "an answer half sent is refused when its runtime dies")
            self.require(not self.parked, "a parked call is refused when its runtime dies")
        if not self.running and not self.shut:
            self.require(self.machine.phase == "cold", "without a process the environment is cold")

    def pass_time(self, ms: float) -> None:
        """Let time go by; timers fire on the way."""
        until = self.now + ms
        while self.timers:
            alarm = min(self.timers, key=lambda each: self.timers[each])
            at = self.timers[alarm]
            if at > until:
                break
            del self.timers[alarm]
            self.now = max(self.now, at)
            self.fire(*alarm)
        self.now = until

    def fire(self, timer: Timer, key: str) -> None:
        """Let a timer fire; in concurrent mode a deadline ends its own invocation only."""
        others = [each for each in self.oracle.invocation_ids if each != key]
        serving = self.oracle.concurrent and self.oracle.state == "Ready" and not self.initialising
        ends_alone = serving and timer is Timer.DEADLINE and key in self.open
        if ends_alone:
            self.oracle.late.add(key)
        self.tell(ev.TimerFired(timer, key))
        if ends_alone:
            self.require(key in self.outcomes and not self.dying, "a deadline ends its invocation only")
            self.require(others == list(self.oracle.invocation_ids), "the others go on")

    def shut_down(self) -> None:
        self.shut = True
        if not self.alive:
            self.oracle.leave("Absent")
        self.tell(ev.ShutDown())
        self.require(not self.open, "no caller waits for an environment that is shut down")
        self.require(not self.oracle.invocation_ids, "every invocation is over when the environment is shut down")
        self.require(not self.bodies, "every body on its way is refused when the environment is shut down")
        if self.external:
            self.oracle.leave("Absent")
