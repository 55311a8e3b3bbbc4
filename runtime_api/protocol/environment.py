"""The machine of one execution environment: `EnvironmentMachine.receive(event, now)` gives the effects to perform.

Theory. The environment has a phase (`PHASES`), one runtime (`RuntimeMachine`), and the invocations in hand, keyed
by request id. An invocation has three distinct moments: it *begins* (START; its event is delivered to a parked
/next), its *outcome is known* (`Complete`: the caller can be answered), and it *is over* (`Over`: the runtime is
back in /next, or gone). Between the last two a new invocation may be accepted; it begins when the old one is over.

The order in which a call is judged is fixed (spec 2): request id (400), invocation id (410), state (403); a call
that is refused for one of these has changed nothing. Response mode, truncation and size are judged after the state
has moved (spec 3.4).

A runtime leaves in one way only, whatever the reason: `_release` refuses the bodies in flight and ends every
invocation, then the process is stopped or already gone. A body that ends after that belongs to nothing and is
ignored.

`settings.external_runtime`: somebody else starts the runtime, maybe under a debugger. Then there is no process to
start or stop and no time limit; where only the runtime's exit could help, it counts as gone and another may come.

`now` is a monotonic time in milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import effects as fx
from . import events as ev
from . import platform_events as log
from .errors import (
    INVALID_RESPONSE_MODE,
    TRUNCATED_REQUEST,
    Fault,
    MisuseError,
    Refusal,
    concurrent_modification,
    payload_too_large,
)
from .faults import (
    EXTERNAL_STUCK,
    INIT_TIMEOUT,
    RESTORE_TIMEOUT,
    SHUT_DOWN,
    TRUNCATED,
    exit_fault,
    mode_fault,
    size_fault,
    timeout_fault,
    worded,
)
from .fleet_actions import Readiness
from .invocations import Invocations
from .runtime import ConcurrentRuntime, RuntimeMachine
from .starting import RUNTIME, Starting
from .states import CLASSIC, CONCURRENT, SNAPSTART, Move, Phase, RuntimeState, Step, Tables
from .timers import Timer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .attempts import InvokeAttempt
    from .settings import FunctionSettings

__all__ = ["RUNTIME", "EnvironmentMachine"]

STREAMING = "streaming"

# Looking an enum's member up costs 0.12 us on Python 3.11, a module's global a twelfth of that, and every invocation
# looks some twenty of them up.
_INIT, _IDLE, _INVOKE, _NO_MORE = Phase.INIT, Phase.IDLE, Phase.INVOKE, frozenset({Phase.SHUTDOWN, Phase.ENDED})
_BEGIN_INVOKE, _INVOKED = Step.BEGIN_INVOKE, Step.INVOKED
_LAST_WORDS = {ev.InitErrorPosted: Move.INIT_ERROR, ev.RestoreErrorPosted: Move.RESTORE_ERROR}
_LIMITED = {Timer.INIT: (Phase.INIT, INIT_TIMEOUT), Timer.RESTORE: (Phase.RESTORE, RESTORE_TIMEOUT)}
_ABSENT, _STARTED, _SERVING = RuntimeState.ABSENT, RuntimeState.STARTED, RuntimeState.SERVING
_RUNNING, _RESPONSE_SENT = RuntimeState.RUNNING, RuntimeState.RESPONSE_SENT
_NOTHING: list[fx.Effect] = []
_NEXT, _RESPONSE, _FINISHED = Move.NEXT, Move.RESPONSE, Move.FINISHED
_SUCCESS, _ERROR, _TIMEOUT = fx.Status.SUCCESS, fx.Status.ERROR, fx.Status.TIMEOUT
_WARM, _FINISHING, _COLD = Readiness.WARM, Readiness.FINISHING, Readiness.COLD


class EnvironmentMachine:
    """One execution environment: its phase, its runtime, the invocations in hand."""

    def __init__(self, settings: FunctionSettings, tables: Tables | None = None) -> None:
        self._concurrent = concurrent = settings.max_concurrency > 0
        tables = tables or (CONCURRENT if concurrent else SNAPSTART if settings.snap_start else CLASSIC)
        self.settings = settings
        self.phase = Phase.NEW
        self.runtime = ConcurrentRuntime(tables) if concurrent else RuntimeMachine(tables)
        self.invocations = Invocations(settings, self.runtime)
        self._slots = settings.slots
        self._external = settings.external_runtime
        self._has_init_phase = settings.external_runtime or settings.init_limit_ms is not None
        self._phases = tables.phases
        self._starting = Starting(settings, self.runtime, self.invocations)

    def __repr__(self) -> str:
        return f"<EnvironmentMachine {self.phase}, {self.runtime!r}, {self.free_slots} free>"

    @property
    def free_slots(self) -> int:
        """How many more invocations may come: those whose outcome is known take no slot."""
        return self._slots - self.invocations.without_outcome

    @property
    def readiness(self) -> Readiness:
        """How soon the environment could run one more invocation."""
        if self.phase is _IDLE:
            return _WARM
        state = self.runtime.state
        if state is _RESPONSE_SENT or self.phase is Phase.SNAPSHOT:
            return _FINISHING
        if state is _SERVING:
            return _WARM
        return _FINISHING if self.phase is _INVOKE and not self.runtime.awaits_exit else _COLD

    def receive(self, event: ev.Event, now: float) -> list[fx.Effect]:
        """Take what happened, and give what is to be done about it, in order."""
        return _HANDLERS[event.__class__](self, event, now)

    # -- init

    def _initialise(self, _event: ev.Initialise, now: float) -> list[fx.Effect]:
        return self._begin_init(now) if self.phase is Phase.NEW and self._has_init_phase else []

    def _begin_init(self, now: float) -> list[fx.Effect]:
        self._step(Step.BEGIN_INIT)
        return self._starting.limit_init(now) + self._starting.begin_init(now, "init")

    def _initialised(self, now: float, step: Step) -> list[fx.Effect]:
        if self.phase is _INIT:
            self._step(step)
        return self._starting.initialised(now)

    def _restore_next(self, event: ev.RestoreNextCalled, now: float) -> list[fx.Effect]:
        refusal = self.runtime.ask(Move.RESTORE_NEXT)
        if refusal is not None:
            return [fx.Refuse(event.call, refusal)]
        self.runtime.parked.append(event.call)
        return self._initialised(now, Step.TAKE_SNAPSHOT) + self._begin_waiting(now)

    def _last_words(self, event: ev.InitErrorPosted | ev.RestoreErrorPosted, now: float) -> list[fx.Effect]:
        """An error that leaves the runtime nothing but to exit; the exit of an external one is not seen."""
        refusal = self.runtime.ask(_LAST_WORDS[event.__class__])
        if refusal is not None:
            return [fx.Refuse(event.call, refusal)]
        self._starting.blame(event)
        accepted: list[fx.Effect] = [fx.Accept(event.call)]
        return accepted + self._gone(EXTERNAL_STUCK, now) if self._external else accepted

    # -- an invocation begins

    def _invoke(self, event: ev.Invoke, now: float) -> list[fx.Effect]:
        if self.free_slots <= 0 or self.phase in _NO_MORE:
            raise MisuseError(f"an invocation was given to {self!r}")
        if self.phase is _IDLE:
            self.invocations.without_outcome += 1
            return self._begin_invoke(event, now, now)  # the warm case: without a stay in the queue
        self.invocations.accept(event, now)
        if self.phase is Phase.NEW and self._has_init_phase:
            return self._begin_init(now)
        if self.runtime.awaits_exit and self.phase is _INVOKE and self.invocations.without_outcome == 1:
            return self._reset(now)  # only this one still wants an outcome, and it cannot come from that process
        return self._begin_waiting(now)

    def _begin_waiting(self, now: float) -> list[fx.Effect]:
        effects: list[fx.Effect] = []
        waiting = self.invocations.waiting
        while waiting and _BEGIN_INVOKE in self._phases[self.phase]:
            effects += self._begin_invoke(*waiting.popleft(), now)
        if waiting and self.phase is Phase.SNAPSHOT:
            self._step(Step.RESTORE)
            effects += self._starting.begin_restore(now)
        elif waiting and Step.BEGIN_INIT in self._phases[self.phase]:
            effects += self._begin_init(now)
        return effects

    def _begin_invoke(self, event: ev.Invoke, accepted: float, now: float) -> list[fx.Effect]:
        self._step(_BEGIN_INVOKE)
        effects = self.invocations.begin(event, accepted, now)
        if self.runtime.state is _ABSENT:
            effects += self._starting.begin_init(now, "invoke")
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
        effects: list[fx.Effect] = []
        if before is _STARTED:
            effects = self._initialised(now, Step.INITIALISED)
        elif before is _RESPONSE_SENT:
            effects = [invocations.over(*invocations.begun)]
            self._step(_INVOKED)
        elif before is RuntimeState.RESTORING:
            self._step(Step.RESTORED)
            effects = self._starting.restored(now)
        if invocations.undelivered:
            effects += invocations.deliver(now)
        if invocations.waiting:
            effects += self._begin_waiting(now)
        return effects

    def _call_dropped(self, event: ev.CallDropped, _now: float) -> list[fx.Effect]:
        if event.call in self.runtime.parked:
            self.runtime.parked.remove(event.call)
        return []

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
            return self.invocations.open_stream(event, attempt) if mode is not None else []
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

    def _body_piece(self, event: ev.BodyPiece, now: float) -> list[fx.Effect]:
        attempt = self.invocations.body_of(event.call)
        if attempt is None:
            return []
        forwarded, is_over = self.invocations.forward(attempt, event.data)
        return forwarded if not is_over else [*forwarded, *self._body_over(event.call, attempt, now)]

    def _body_finished(self, event: ev.BodyFinished, now: float) -> list[fx.Effect]:
        attempt = self.invocations.take_body(event.call)
        if attempt is None:
            return []
        body, forwarded = event.body, _NOTHING
        if attempt.forwarded is not None:
            forwarded, is_over = self.invocations.forward(attempt, body)
            if is_over:
                return [*forwarded, *self._body_over(event.call, attempt, now)]
            body = b""
        request_id = attempt.invocation.request_id
        received_in = self.runtime.finish(request_id, _FINISHED)
        if received_in is RuntimeState.RECEIVING_ERROR:
            outcome = fx.Outcome(request_id, _ERROR, body, event.content_type, attempt.error_type)
        elif event.trailer_error_type is not None or event.trailer_error_body is not None:
            outcome = fx.Outcome(request_id, _ERROR, event.trailer_error_body or b"", None, event.trailer_error_type)
        else:
            outcome = fx.Outcome(request_id, _SUCCESS, body, event.content_type)
        completed = self.invocations.complete(attempt, outcome, now)
        return [*forwarded, fx.Accept(event.call), *completed, *self._after_answer(now)]

    def _body_too_large(self, event: ev.BodyTooLarge, now: float) -> list[fx.Effect]:
        attempt = self.invocations.take_body(event.call)
        return [] if attempt is None else self._body_over(event.call, attempt, now)

    def _body_over(self, call: ev.Call, attempt: InvokeAttempt, now: float) -> list[fx.Effect]:
        limits = self.settings.limits
        limit = limits.response_bytes if attempt.forwarded is None else limits.streamed_bytes
        return self._fail_body(call, attempt, Move.TOO_LARGE, payload_too_large(limit), size_fault(limit), now)

    def _body_truncated(self, event: ev.BodyTruncated, now: float) -> list[fx.Effect]:
        attempt = self.invocations.take_body(event.call)
        failed = (Move.TRUNCATED, TRUNCATED_REQUEST, TRUNCATED)
        return [] if attempt is None else self._fail_body(event.call, attempt, *failed, now)

    def _fail_body(
        self, call: ev.Call, attempt: InvokeAttempt, move: Move, refusal: Refusal, fault: Fault, now: float
    ) -> list[fx.Effect]:
        self.invocations.take_body(call)
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
        return self._gone(Fault(event.error_type, event.reason), now)

    def _exited(self, event: ev.ProcessExited, now: float) -> list[fx.Effect]:
        return self.invocations.exceeded(event) + self._gone(exit_fault(event.status), now)

    def _memory_sampled(self, event: ev.MemorySampled, _now: float) -> list[fx.Effect]:
        self.invocations.peak_bytes = max(self.invocations.peak_bytes, event.peak_bytes)
        return []

    def _timer(self, event: ev.TimerFired, now: float) -> list[fx.Effect]:
        if event.timer in _LIMITED:
            phase, fault = _LIMITED[event.timer]
            return self._fail_all(fault, _TIMEOUT, now) + self._reset(now) if self.phase is phase else []
        attempt = self.invocations.begun.get(event.key)
        if attempt is None:
            return []
        fault = timeout_fault(self.settings.timeout_ms)
        if self._concurrent:
            return self.invocations.time_out(attempt, fault, now) + self._after_answer(now)
        return self._fail_all(fault, _TIMEOUT, now) + self._reset(now)

    def _gone(self, fault: Fault, now: float) -> list[fx.Effect]:
        """The runtime's process is no more: what depended on it fails, and what waits may begin anew."""
        refusal = concurrent_modification(self.runtime.state, RuntimeState.READY)
        effects: list[fx.Effect] = [fx.Refuse(call, refusal) for call in self.runtime.unpark()]
        self.runtime.move(Move.EXIT)
        if self.phase is Phase.SHUTDOWN:
            return effects + self._end()
        if self.phase is not Phase.RESET:
            effects += self._fail_all(fault, _ERROR, now)
            self._step(Step.FAIL)
            effects += self.invocations.release()
        self._step(Step.STOPPED)
        effects += self._begin_waiting(now)
        if self._external and self.phase is Phase.COLD:
            effects += self._begin_init(now)
        return effects

    def _shut_down(self, _event: ev.ShutDown, now: float) -> list[fx.Effect]:
        if self.phase in _NO_MORE:
            return []
        effects = [*self.invocations.refuse_waiting(), *self._fail_all(SHUT_DOWN, fx.Status.FAILURE, now)]
        self._step(Step.SHUT_DOWN)
        effects += self.invocations.release()
        if self.runtime.state is _ABSENT:
            return effects + self._end()
        if self.runtime.state is RuntimeState.STOPPING:
            return effects
        return effects + self._stop(now)

    def _end(self) -> list[fx.Effect]:
        self._step(Step.STOPPED)
        return [fx.Ended()]

    def _fail_all(self, fault: Fault, status: fx.Status, now: float) -> list[fx.Effect]:
        """Close what is in hand: an init or a restore, and every invocation that has no outcome yet."""
        invocations, init = self.invocations, self._starting.init
        effects = self._starting.fail(fault, status, now)
        open_attempts = [attempt for attempt in invocations.begun.values() if not attempt.outcome_known]
        for attempt in open_attempts:
            effects += invocations.fail(attempt, fault, status, now, init)
        if not open_attempts and init is None and status is not fx.Status.FAILURE:
            said = worded(fault, invocations.first)
            effects.append(fx.Emit((log.FaultLine(invocations.first, said.error_type, said.message),)))
        return effects

    def _reset(self, now: float) -> list[fx.Effect]:
        """Kill the runtime; what comes next waits for its end."""
        self._step(Step.FAIL)
        return [*self.invocations.release(), *self._stop(now)]

    def _stop(self, now: float) -> list[fx.Effect]:
        self.runtime.move(Move.STOP)
        return self._gone(EXTERNAL_STUCK, now) if self._external else [fx.Stop(RUNTIME)]

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
    ev.BodyPiece: EnvironmentMachine._body_piece,
    ev.BodyFinished: EnvironmentMachine._body_finished,
    ev.BodyTooLarge: EnvironmentMachine._body_too_large,
    ev.BodyTruncated: EnvironmentMachine._body_truncated,
    ev.InitErrorPosted: EnvironmentMachine._last_words,
    ev.RestoreNextCalled: EnvironmentMachine._restore_next,
    ev.RestoreErrorPosted: EnvironmentMachine._last_words,
    ev.CallDropped: EnvironmentMachine._call_dropped,
    ev.StartFailed: EnvironmentMachine._start_failed,
    ev.ProcessExited: EnvironmentMachine._exited,
    ev.MemorySampled: EnvironmentMachine._memory_sampled,
    ev.TimerFired: EnvironmentMachine._timer,
    ev.ShutDown: EnvironmentMachine._shut_down,
}
