"""The machine of one execution environment: `EnvironmentMachine.receive(event, now)` gives the effects to perform.

Theory. The environment has a phase (`PHASES`), one runtime (`RuntimeMachine`), its `Extensions`, and the invocations
in hand, keyed by request id. An invocation has distinct moments: it *begins* (START; its event is delivered to a
parked /next, and INVOKE to extensions), its *outcome is known* (`Complete`: the caller can be answered), it is
*settled* (no extension works on it any more: END and REPORT are written, and a new invocation may be accepted; where
there are no extensions that is the same moment), and it *is over* (`Over`: the runtime and the extensions are back,
or gone). What was accepted begins when the old one is over.

The order in which a call is judged is fixed (spec 2): request id (400), invocation id (410), state (403); a call
that is refused for one of these has changed nothing. Response mode, truncation and size are judged after the state
has moved (spec 3.4).

The processes leave in one way only, whatever the reason: `_release` refuses the bodies in flight and ends every
invocation, then `Ending` stops what still runs. A body that ends after that belongs to nothing and is ignored.

`settings.external_runtime`: somebody else starts the runtime, maybe under a debugger. Then there is no process to
start or stop and no time limit; where only the runtime's exit could help, it counts as gone and another one may
come.

`now` is a monotonic time in milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import effects as fx
from . import events as ev
from . import platform_events as log
from .attempts import Progress
from .concurrency import Readiness
from .ending import Ending
from .errors import (
    INVALID_RESPONSE_MODE,
    TRUNCATED_REQUEST,
    ErrorType,
    Fault,
    MisuseError,
    Refusal,
    concurrent_modification,
    payload_too_large,
)
from .extension_states import EndingStage, ExtensionMove, InitStage
from .extensions import Extensions
from .faults import (
    EXTERNAL_STUCK,
    INIT_TIMEOUT,
    SHUT_DOWN,
    TRUNCATED,
    crash_fault,
    exit_fault,
    mode_fault,
    size_fault,
    timeout_fault,
    too_many_fault,
    worded,
)
from .invocations import Invocations
from .runtime import ConcurrentRuntime, RuntimeMachine
from .startup import RUNTIME, Startup
from .states import CLASSIC, CONCURRENT, Move, Phase, RuntimeState, Step, Tables
from .timers import Timer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import FunctionSettings

__all__ = ["RUNTIME", "EnvironmentMachine"]

STREAMING = "streaming"

# Looking an enum's member up costs 0.12 us on Python 3.11, a module's global a twelfth of that, and every invocation
# looks some twenty of them up.
_INIT, _IDLE, _INVOKE, _NO_MORE = Phase.INIT, Phase.IDLE, Phase.INVOKE, frozenset({Phase.SHUTDOWN, Phase.ENDED})
_BEGIN_INVOKE, _INVOKED = Step.BEGIN_INVOKE, Step.INVOKED
_ABSENT, _STARTED, _SERVING = RuntimeState.ABSENT, RuntimeState.STARTED, RuntimeState.SERVING
_READY, _NO_INIT = RuntimeState.READY, InitStage.NONE
_RUNNING, _RESPONSE_SENT = RuntimeState.RUNNING, RuntimeState.RESPONSE_SENT
_NEXT, _RESPONSE, _FINISHED = Move.NEXT, Move.RESPONSE, Move.FINISHED
_SUCCESS, _ERROR, _TIMEOUT = fx.Status.SUCCESS, fx.Status.ERROR, fx.Status.TIMEOUT
_SPINDOWN, _TIME_UP, _FAILURE = fx.ShutdownReason.SPINDOWN, fx.ShutdownReason.TIMEOUT, fx.ShutdownReason.FAILURE
_WARM, _FINISHING, _COLD = Readiness.WARM, Readiness.FINISHING, Readiness.COLD


class EnvironmentMachine:
    """One execution environment: its phase, its runtime and extensions, the invocations in hand."""

    def __init__(self, settings: FunctionSettings, tables: Tables | None = None) -> None:
        concurrent = settings.max_concurrency > 1
        tables = tables or (CONCURRENT if concurrent else CLASSIC)
        self.settings = settings
        self.phase = Phase.NEW
        self.runtime = ConcurrentRuntime(tables) if concurrent else RuntimeMachine(tables)
        self.extensions = Extensions(tables, settings)
        self.invocations = Invocations(settings, self.runtime, self.extensions)
        self.startup = Startup(settings, tables, self.runtime, self.extensions)
        self.ending = Ending(settings, tables, self.extensions)
        self._concurrent = concurrent
        self._external = settings.external_runtime
        self._has_init_phase = settings.external_runtime or settings.init_ms is not None
        self._phases = tables.phases

    def __repr__(self) -> str:
        extensions = f", {self.extensions!r}" if self.extensions else ""
        return f"<EnvironmentMachine {self.phase}, {self.runtime!r}{extensions}, {self.free_slots} free>"

    @property
    def free_slots(self) -> int:
        """How many more invocations may come: those that are settled take no slot."""
        return self.settings.max_concurrency - self.invocations.taken

    @property
    def readiness(self) -> Readiness:
        """How soon the environment could run one more invocation."""
        if self.phase is _IDLE:
            return _WARM
        state = self.runtime.state
        if state is _RESPONSE_SENT:
            return _FINISHING
        if state is _SERVING:
            return _WARM
        return _FINISHING if self.phase is _INVOKE and not self.runtime.awaits_exit else _COLD

    def receive(self, event: ev.Event, now: float) -> list[fx.Effect]:
        """Take what happened, and give what is to be done about it, in order."""
        return _HANDLERS[event.__class__](self, event, now)

    # -- init

    def _initialise(self, event: ev.Initialise, now: float) -> list[fx.Effect]:
        self.startup.external = event.extensions
        return self._begin_init(now) if self.phase is Phase.NEW and self._has_init_phase else []

    def _begin_init(self, now: float) -> list[fx.Effect]:
        self._step(Step.BEGIN_INIT)
        effects: list[fx.Effect] = []
        if not self._external and self.settings.init_ms is not None:
            effects.append(fx.SetTimer(Timer.INIT, RUNTIME, now + self.settings.init_ms))
        return effects + self._start(now, "init")

    def _start(self, now: float, phase: str) -> list[fx.Effect]:
        effects = self.startup.begin(now, phase)
        if len(self.startup.external) > self.settings.limits.extensions:
            effects += self._fail(too_many_fault(self.settings.limits), now)
        return effects

    def _initialised(self, effects: list[fx.Effect], now: float) -> list[fx.Effect]:
        """Go on once the init is done; `effects` are those of its last step so far."""
        if self.startup.stage is not _NO_INIT:
            return effects
        self.invocations.init_ms = self.startup.took_ms
        if self.phase is _INIT:
            self._step(Step.INITIALISED)
        for attempt in self.invocations.begun.values():
            effects += self.extensions.invoke(attempt)
        return effects + self._go_on(now)

    def _init_error(self, event: ev.InitErrorPosted, now: float) -> list[fx.Effect]:
        refusal = self.runtime.ask(Move.INIT_ERROR)
        if refusal is not None:
            return [fx.Refuse(event.call, refusal)]
        assert self.startup.attempt is not None
        self.startup.attempt.error = event
        accepted: list[fx.Effect] = [fx.Accept(event.call)]
        return accepted + self._gone(EXTERNAL_STUCK, now) if self._external else accepted

    # -- an invocation begins

    def _invoke(self, event: ev.Invoke, now: float) -> list[fx.Effect]:
        if self.free_slots <= 0 or self.phase in _NO_MORE:
            raise MisuseError(f"an invocation was given to {self!r}")
        if self.phase is _IDLE:
            self.invocations.taken += 1
            return self._begin_invoke(event, now, now)  # the warm case: without a stay in the queue
        self.invocations.accept(event, now)
        if self.phase is Phase.NEW and self._has_init_phase:
            return self._begin_init(now)
        if self.runtime.awaits_exit and self.phase is _INVOKE and self.invocations.taken == 1:
            return self._reset(
                _FAILURE, now
            )  # only this one still wants an outcome, and it cannot come from that process
        return self._begin_waiting(now)

    def _begin_waiting(self, now: float) -> list[fx.Effect]:
        effects: list[fx.Effect] = []
        waiting = self.invocations.waiting
        while waiting and _BEGIN_INVOKE in self._phases[self.phase]:
            effects += self._begin_invoke(*waiting.popleft(), now)
        return effects

    def _begin_invoke(self, event: ev.Invoke, accepted: float, now: float) -> list[fx.Effect]:
        self._step(_BEGIN_INVOKE)
        effects = self.invocations.begin(event, accepted, now)
        if self.startup.stage is not _NO_INIT:
            return effects
        if self.runtime.state is _ABSENT:
            return effects + self._start(now, "invoke")
        if self.extensions.subscribers:
            effects += self.extensions.invoke(self.invocations.begun[event.invocation.request_id])
        return effects

    def _next(self, event: ev.NextCalled, now: float) -> list[fx.Effect]:
        runtime, invocations = self.runtime, self.invocations
        before = runtime.state
        refusal = runtime.ask(_NEXT)
        if refusal is not None:
            return [fx.Refuse(event.call, refusal)]
        if before is _RUNNING:
            return invocations.deliver_again(event.call)
        runtime.parked.append(event.call)
        if before is _STARTED:
            return self._initialised(self.startup.runtime_ready(now), now)
        effects: list[fx.Effect] = []
        if before is _RESPONSE_SENT:
            if self.extensions.subscribers and not self.extensions.subscribers_back:
                return effects  # the last of them to come back ends the invocation
            effects = [invocations.over(*invocations.begun)]
            self._step(_INVOKED)
        return effects + self._go_on(now) if invocations.undelivered or invocations.waiting else effects

    def _go_on(self, now: float) -> list[fx.Effect]:
        """Hand out what was not delivered, and begin what waits, as far as the state of things allows."""
        if self.startup.stage is not _NO_INIT:
            return []
        effects = self.invocations.deliver(now) if self.invocations.undelivered else []
        return effects + self._begin_waiting(now)

    def _call_dropped(self, event: ev.CallDropped, _now: float) -> list[fx.Effect]:
        if event.call in self.runtime.parked:
            self.runtime.parked.remove(event.call)
        else:
            self.extensions.drop(event.call)
        return []

    # -- extensions

    def _register(self, event: ev.RegisterCalled, _now: float) -> list[fx.Effect]:
        return self.startup.register(event)

    def _event_next(self, event: ev.EventNextCalled, now: float) -> list[fx.Effect]:
        effects = self.extensions.next(event)
        if self.startup.stage is not _NO_INIT:
            return self._initialised(effects + self.startup.settle(now), now)
        return effects + self._extensions_back(now)

    def _extensions_back(self, now: float) -> list[fx.Effect]:
        """The invocation is settled when the last extension is back; when the runtime is, too, it is over."""
        invocations = self.invocations
        if self.phase is not _INVOKE or not invocations.unsettled or not self.extensions.subscribers_back:
            return []
        effects = [*invocations.report(now), *invocations.settle()]
        if self.runtime.state is _READY:
            effects.append(invocations.over(*invocations.begun))
            self._step(_INVOKED)
            effects += self._go_on(now)
        return effects

    def _extension_error(self, event: ev.ExtensionErrorPosted, _now: float) -> list[fx.Effect]:
        return [self.extensions.error(event)]

    # -- the runtime answers

    def _response_started(self, event: ev.ResponseStarted, now: float) -> list[fx.Effect]:
        mode = event.mode
        known = mode is None or mode == STREAMING
        attempt = self.invocations.claim(event, _RESPONSE if known else Move.BAD_MODE)
        if isinstance(attempt, Refusal):
            return [fx.Refuse(event.call, attempt)]
        attempt.latency = now - attempt.delivered
        if known:
            self.invocations.await_body(event.call, attempt)
            return []
        failed = self.invocations.fail(attempt, mode_fault(mode, STREAMING), _ERROR, now)
        return [fx.Refuse(event.call, INVALID_RESPONSE_MODE), *failed, *self._after_answer(now)]

    def _error_started(self, event: ev.ErrorStarted, now: float) -> list[fx.Effect]:
        attempt = self.invocations.claim(event, Move.ERROR)
        if isinstance(attempt, Refusal):
            return [fx.Refuse(event.call, attempt)]
        attempt.latency = now - attempt.delivered
        attempt.error_type = event.error_type
        self.invocations.await_body(event.call, attempt)
        return []

    def _body_finished(self, event: ev.BodyFinished, now: float) -> list[fx.Effect]:
        attempt = self.invocations.take_body(event.call)
        if attempt is None:
            return []
        request_id = attempt.invocation.request_id
        received_in = self.runtime.finish(request_id, _FINISHED)
        if received_in is RuntimeState.RECEIVING_ERROR:
            outcome = fx.Outcome(request_id, _ERROR, event.body, event.content_type, attempt.error_type)
        elif event.trailer_error_type is not None or event.trailer_error_body is not None:
            outcome = fx.Outcome(request_id, _ERROR, event.trailer_error_body or b"", None, event.trailer_error_type)
        else:
            outcome = fx.Outcome(request_id, _SUCCESS, event.body, event.content_type)
        completed = self.invocations.complete(attempt, outcome, now)
        return [fx.Accept(event.call), *completed, *self._after_answer(now)]

    def _body_too_large(self, event: ev.BodyTooLarge, now: float) -> list[fx.Effect]:
        limits = self.settings.limits
        return self._body_failed(event.call, Move.TOO_LARGE, payload_too_large(limits), size_fault(limits), now)

    def _body_truncated(self, event: ev.BodyTruncated, now: float) -> list[fx.Effect]:
        return self._body_failed(event.call, Move.TRUNCATED, TRUNCATED_REQUEST, TRUNCATED, now)

    def _body_failed(self, call: ev.Call, move: Move, refusal: Refusal, fault: Fault, now: float) -> list[fx.Effect]:
        attempt = self.invocations.take_body(call)
        if attempt is None:
            return []
        self.runtime.finish(attempt.invocation.request_id, move)
        failed = self.invocations.fail(attempt, fault, _ERROR, now)
        return [fx.Refuse(call, refusal), *failed, *self._after_answer(now)]

    def _after_answer(self, now: float) -> list[fx.Effect]:
        """Leave the invoke phase when nothing is in hand; an external runtime that is stuck counts as gone."""
        if not self.invocations.begun:
            self._step(_INVOKED)
        elif self._external and self.runtime.awaits_exit:
            return self._gone(EXTERNAL_STUCK, now)
        return []

    # -- what happens to processes, and time

    def _start_failed(self, event: ev.StartFailed, now: float) -> list[fx.Effect]:
        if event.name == RUNTIME:
            return self._gone(Fault(event.error_type, event.reason), now)
        fault = Fault(ErrorType.EXTENSION_LAUNCH_ERROR, event.reason)
        return self._extension_gone(event.name, ExtensionMove.LAUNCH_FAILED, fault, now)

    def _exited(self, event: ev.ProcessExited, now: float) -> list[fx.Effect]:
        effects: list[fx.Effect] = []
        if event.over_bytes:
            limit = self.settings.memory_mb
            effects.append(fx.Emit((log.MemoryExceeded(self.invocations.first, limit, event.over_bytes),)))
        if event.over_processes:
            most = self.settings.limits.processes
            effects.append(fx.Emit((log.ProcessesExceeded(self.invocations.first, most),)))
        if event.name == RUNTIME:
            return effects + self._gone(exit_fault(event.status), now)
        fault = crash_fault(event.status)
        return effects + self._extension_gone(event.name, ExtensionMove.EXIT, fault, now)

    def _memory_sampled(self, event: ev.MemorySampled, _now: float) -> list[fx.Effect]:
        self.invocations.peak_bytes = max(self.invocations.peak_bytes, event.peak_bytes)
        return []

    def _timer(self, event: ev.TimerFired, now: float) -> list[fx.Effect]:
        if event.timer is Timer.INIT:
            return self._time_out(INIT_TIMEOUT, now) if self.phase is _INIT else []
        if event.timer is not Timer.DEADLINE:
            return self.ending.time_is_up(event.timer, now)
        attempt = self.invocations.begun.get(event.key)
        if attempt is None:
            return []
        fault = timeout_fault(self.settings.timeout_ms)
        if self._concurrent and self.startup.stage is _NO_INIT:
            return self.invocations.time_out(attempt, fault, now) + self._after_answer(now)
        return self._time_out(fault, now)

    def _time_out(self, fault: Fault, now: float) -> list[fx.Effect]:
        return self._fail_all(fault, _TIMEOUT, now) + self._reset(_TIME_UP, now)

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

    def _shut_down(self, _event: ev.ShutDown, now: float) -> list[fx.Effect]:
        if self.phase in _NO_MORE:
            return []
        effects = [*self.invocations.refuse_waiting(), *self._fail_all(SHUT_DOWN, fx.Status.FAILURE, now)]
        self._step(Step.SHUT_DOWN)
        effects += self._release()
        return effects + self._end(_SPINDOWN, now) if self.ending.stage is EndingStage.NONE else effects

    def _fail_all(self, fault: Fault, status: fx.Status, now: float) -> list[fx.Effect]:
        """Close what is in hand: an init, and every invocation that has no outcome yet."""
        init, effects = self.startup.abandon(status, fault.error_type, now)
        invocations = self.invocations
        open_attempts = [each for each in invocations.begun.values() if each.progress is Progress.OPEN]
        for attempt in open_attempts:
            effects += invocations.fail(attempt, fault, status, now, init, ends=True)
        if not open_attempts and init is None and status is not fx.Status.FAILURE:
            said = worded(fault, invocations.first)
            effects.append(fx.Emit((log.FaultLine(invocations.first, said.error_type, said.message),)))
        return effects + invocations.report(now, (status, fault))

    def _release(self) -> list[fx.Effect]:
        return self.invocations.release()

    def _reset(self, reason: fx.ShutdownReason, now: float) -> list[fx.Effect]:
        """End every process; what comes next waits for that."""
        self._step(Step.FAIL)
        return [*self._release(), *self._end(reason, now)]

    def _end(self, reason: fx.ShutdownReason, now: float) -> list[fx.Effect]:
        self.ending.begin(reason, now)
        if self.runtime.state is _ABSENT:
            return self._end_extensions(now)
        self.runtime.move(Move.STOP)
        return self._gone(EXTERNAL_STUCK, now) if self._external else self.ending.stop_runtime(now)

    def _end_extensions(self, now: float) -> list[fx.Effect]:
        return self.ending.runtime_gone() + self._ended(now)

    def _ended(self, now: float) -> list[fx.Effect]:
        """Go on when every process has ended."""
        if not self.ending.finish():
            return []
        effects = self.invocations.settle()
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


_HANDLERS: dict[type, Callable[[EnvironmentMachine, Any, float], list[fx.Effect]]] = {
    ev.Initialise: EnvironmentMachine._initialise,
    ev.Invoke: EnvironmentMachine._invoke,
    ev.NextCalled: EnvironmentMachine._next,
    ev.ResponseStarted: EnvironmentMachine._response_started,
    ev.ErrorStarted: EnvironmentMachine._error_started,
    ev.BodyFinished: EnvironmentMachine._body_finished,
    ev.BodyTooLarge: EnvironmentMachine._body_too_large,
    ev.BodyTruncated: EnvironmentMachine._body_truncated,
    ev.InitErrorPosted: EnvironmentMachine._init_error,
    ev.RegisterCalled: EnvironmentMachine._register,
    ev.EventNextCalled: EnvironmentMachine._event_next,
    ev.ExtensionErrorPosted: EnvironmentMachine._extension_error,
    ev.CallDropped: EnvironmentMachine._call_dropped,
    ev.StartFailed: EnvironmentMachine._start_failed,
    ev.ProcessExited: EnvironmentMachine._exited,
    ev.MemorySampled: EnvironmentMachine._memory_sampled,
    ev.TimerFired: EnvironmentMachine._timer,
    ev.ShutDown: EnvironmentMachine._shut_down,
}
