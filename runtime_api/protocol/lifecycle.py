"""The phases of an environment: how what was accepted gets a runtime, and what becomes of it when a process ends.

Theory. `Lifecycle` is the part of the machine that deals with processes and phases: `Starting` starts them, `Ending`
ends them, and the table `PHASES` says what may follow. `EnvironmentMachine` builds on it what callers, the runtime
and extensions ask for.

The processes leave in one way only, whatever the reason: every invocation in hand gets its outcome and is over,
bodies in flight are refused, then `Ending` stops what still runs. What has been accepted meanwhile waits for the end
of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import effects as fx
from . import events as ev
from . import platform_events as log
from .attempts import Progress
from .ending import Ending
from .errors import (
    ErrorType,
    Fault,
    MisuseError,
    concurrent_modification,
)
from .extension_states import EndingStage, ExtensionMove, InitStage
from .extensions import Extensions
from .faults import (
    EXTERNAL_STUCK,
    SHUT_DOWN,
    crash_fault,
    exit_fault,
    too_many_fault,
    worded,
)
from .invocations import Invocations
from .restoring import Restoring
from .runtime import ConcurrentRuntime, RuntimeMachine
from .starting import RUNTIME, Starting
from .states import CLASSIC, CONCURRENT, SNAPSTART, Move, Phase, RuntimeState, Step, Tables
from .timers import Timer

if TYPE_CHECKING:
    from .settings import FunctionSettings

__all__ = ["Lifecycle"]

# Looking an enum's member up costs 0.12 us on Python 3.11, a module's global a twelfth of that, and every invocation
# looks some twenty of them up.
_INIT, _NO_MORE = Phase.INIT, frozenset({Phase.SHUTDOWN, Phase.ENDED})
_BEGIN_INVOKE = Step.BEGIN_INVOKE
_ABSENT = RuntimeState.ABSENT
_NO_INIT = InitStage.NONE
_ERROR, _TIMEOUT = fx.Status.ERROR, fx.Status.TIMEOUT
_SPINDOWN, _TIME_UP, _FAILURE = fx.ShutdownReason.SPINDOWN, fx.ShutdownReason.TIMEOUT, fx.ShutdownReason.FAILURE


class Lifecycle:
    """What there is in an environment, and how it begins and ends."""

    def __init__(self, settings: FunctionSettings, tables: Tables | None = None) -> None:
        concurrent = settings.max_concurrency > 0
        tables = tables or (CONCURRENT if concurrent else SNAPSTART if settings.snap_start else CLASSIC)
        self.settings = settings
        self.phase = Phase.NEW
        self.runtime = ConcurrentRuntime(tables) if concurrent else RuntimeMachine(tables)
        self.extensions = Extensions(tables, settings)
        self.invocations = Invocations(settings, self.runtime, self.extensions)
        self.starting = Starting(settings, tables, self.runtime, self.extensions)
        self.restoring = Restoring(settings, self.runtime, self.invocations)
        self.ending = Ending(settings, tables, self.extensions)
        self._concurrent = concurrent
        self._external = settings.external_runtime
        self._slots = settings.slots
        self._has_init_phase = settings.external_runtime or settings.init_limit_ms is not None
        self._phases = tables.phases

    def __repr__(self) -> str:
        extensions = f", {self.extensions!r}" if self.extensions else ""
        return f"<EnvironmentMachine {self.phase}, {self.runtime!r}{extensions}, {self.free_slots} free>"

    @property
    def free_slots(self) -> int:
        """How many more invocations may come: those that are settled take no slot."""
        return self._slots - self.invocations.taken

    # -- init

    def _initialise(self, event: ev.Initialise, now: float) -> list[fx.Effect]:
        self.starting.external = event.extensions
        return self._begin_init(now) if self.phase is Phase.NEW and self._has_init_phase else []

    def _begin_init(self, now: float) -> list[fx.Effect]:
        self._step(Step.BEGIN_INIT)
        effects: list[fx.Effect] = []
        limit = self.settings.init_limit_ms
        if not self._external and limit is not None:
            effects.append(fx.SetTimer(Timer.INIT, RUNTIME, now + limit))
        return effects + self._start(now, "init")

    def _start(self, now: float, phase: str) -> list[fx.Effect]:
        effects = self.starting.begin(now, phase)
        most = self.settings.limits.extensions
        if len(self.starting.external) > most:
            effects += self._fail(too_many_fault(most), now)
        return effects

    def _initialised(self, effects: list[fx.Effect], now: float) -> list[fx.Effect]:
        """Go on once the init is done; `effects` are those of its last step so far."""
        if self.starting.stage is not _NO_INIT:
            return effects
        if not self.settings.init_apart:  # there it is no part of what an invocation takes
            self.invocations.init_ms = self.starting.took_ms
        if self.phase is _INIT:
            is_snapshot = self.runtime.state is RuntimeState.RESTORE_READY
            self._step(Step.TAKE_SNAPSHOT if is_snapshot else Step.INITIALISED)
        for attempt in self.invocations.begun.values():
            effects += self.extensions.invoke(attempt)
        return effects + self._go_on(now)

    # -- what was accepted begins

    def _go_on(self, now: float) -> list[fx.Effect]:
        """Hand out what was not delivered, and begin what waits, as far as the state of things allows."""
        if self.starting.stage is not _NO_INIT:
            return []
        effects = self.invocations.deliver(now) if self.invocations.undelivered else []
        return effects + self._begin_waiting(now)

    def _begin_waiting(self, now: float) -> list[fx.Effect]:
        effects: list[fx.Effect] = []
        waiting = self.invocations.waiting
        while waiting and _BEGIN_INVOKE in self._phases[self.phase]:
            effects += self._begin_invoke(*waiting.popleft(), now)
        if waiting and self.phase is Phase.SNAPSHOT:
            self._step(Step.RESTORE)
            effects += self.restoring.begin(now)
        elif waiting and Step.BEGIN_INIT in self._phases[self.phase]:
            effects += self._begin_init(now)
        return effects

    def _begin_invoke(self, event: ev.Invoke, accepted: float, now: float) -> list[fx.Effect]:
        self._step(_BEGIN_INVOKE)
        effects = self.invocations.begin(event, accepted, now)
        if self.starting.stage is not _NO_INIT:
            return effects
        if self.runtime.state is _ABSENT:
            return effects + self._start(now, "invoke")
        if self.extensions.subscribers:
            effects += self.extensions.invoke(self.invocations.begun[event.invocation.request_id])
        return effects

    # -- a process fails

    def _start_failed(self, event: ev.StartFailed, now: float) -> list[fx.Effect]:
        if event.name == RUNTIME:
            return self._gone(Fault(event.error_type, event.reason), now)
        fault = Fault(ErrorType.EXTENSION_LAUNCH_ERROR, event.reason)
        return self._extension_gone(event.name, ExtensionMove.LAUNCH_FAILED, fault, now)

    def _exited(self, event: ev.ProcessExited, now: float) -> list[fx.Effect]:
        effects = self.invocations.exceeded(event)
        if event.name == RUNTIME:
            return effects + self._gone(exit_fault(event.status), now)
        fault = crash_fault(event.status)
        return effects + self._extension_gone(event.name, ExtensionMove.EXIT, fault, now)

    def _gone(self, fault: Fault, now: float) -> list[fx.Effect]:
        """The runtime's process is no more: what depended on it fails, and what waits may begin anew."""
        refusal = concurrent_modification(self.runtime.state, RuntimeState.READY)
        effects: list[fx.Effect] = [fx.Refuse(call, refusal) for call in self.runtime.unpark()]
        self.runtime.move(Move.EXIT)
        effects += self.extensions.runtime_gone()
        if self.ending.stage is EndingStage.NONE:
            return effects + self._fail(fault, now)
        return effects + self._end_extensions(now)

    def _extension_gone(self, process: str, move: ExtensionMove, fault: Fault, now: float) -> list[fx.Effect]:
        """The process of an external extension is no more; that is a failure unless it was asked to end."""
        effects = self.extensions.exited(process, move, fault.error_type)
        if self.ending.stage is EndingStage.NONE:
            return effects + self._fail(fault, now)
        return effects + self._ended(now)

    def _fail(self, fault: Fault, now: float) -> list[fx.Effect]:
        """A process has failed that the environment cannot do without."""
        fault = fault._replace(error_type=self.extensions.fatal or fault.error_type)
        return self._fail_all(fault, _ERROR, now) + self._reset(_FAILURE, now)

    def _time_out(self, fault: Fault, now: float) -> list[fx.Effect]:
        return self._fail_all(fault, _TIMEOUT, now) + self._reset(_TIME_UP, now)

    def _fail_all(self, fault: Fault, status: fx.Status, now: float) -> list[fx.Effect]:
        """Close what is in hand: an init or a restore, and every invocation that has no outcome yet."""
        invocations = self.invocations
        init, effects = self.starting.abandon(status, fault.error_type, now)
        if init is not None and self.settings.init_apart:
            effects += invocations.fail_waiting(fault, status, init)
        effects += self.restoring.fail(fault, status, now)
        open_attempts = [each for each in invocations.begun.values() if each.progress is Progress.OPEN]
        for attempt in open_attempts:
            effects += invocations.fail(attempt, fault, status, now, init, ends=True)
        if not open_attempts and init is None and status is not fx.Status.FAILURE:
            said = worded(fault, invocations.first)
            effects.append(fx.Emit((log.FaultLine(invocations.first, said.error_type, said.message),)))
        ends_well = status is fx.Status.FAILURE  # a shutdown is no fault of what has been answered
        return effects + invocations.report(now, None if ends_well else (status, fault))

    # -- every process ends

    def _shut_down(self, _event: ev.ShutDown, now: float) -> list[fx.Effect]:
        if self.phase in _NO_MORE:
            return []
        effects = [*self.invocations.refuse_waiting(), *self._fail_all(SHUT_DOWN, fx.Status.FAILURE, now)]
        self._step(Step.SHUT_DOWN)
        effects += self.invocations.release()
        return effects + self._end(_SPINDOWN, now) if self.ending.stage is EndingStage.NONE else effects

    def _reset(self, reason: fx.ShutdownReason, now: float) -> list[fx.Effect]:
        """End every process; what comes next waits for that."""
        self._step(Step.FAIL)
        return [*self.invocations.release(), *self._end(reason, now)]

    def _end(self, reason: fx.ShutdownReason, now: float) -> list[fx.Effect]:
        self.ending.begin(reason, now)
        self.extensions.call_off()
        if self.runtime.state is _ABSENT:
            return self._end_extensions(now)
        self.runtime.move(Move.STOP)
        return self._gone(EXTERNAL_STUCK, now) if self._external else self.ending.stop_runtime(now)

    def _end_extensions(self, now: float) -> list[fx.Effect]:
        return self.ending.runtime_gone() + self._ended(now)

    def _ended(self, now: float) -> list[fx.Effect]:
        """Go on when every process has ended."""
        finished = self.ending.finish()
        if finished is None:
            return []
        effects = finished + self.invocations.settle()
        self._step(Step.STOPPED)
        if self.phase is Phase.ENDED:
            return [*effects, fx.Ended()]
        effects += self._begin_waiting(now)
        if self._external and self.phase is Phase.COLD:
            effects += self._begin_init(now)
        return effects

    def _step(self, step: Step) -> None:
        after = self._phases[self.phase].get(step)
        if after is None:
            raise MisuseError(f"{step!r} does not follow in {self!r}")
        self.phase = after
