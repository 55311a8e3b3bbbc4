"""The machine of one execution environment: `Lifecycle.receive(event, now)` gives the effects to perform.

`now` is a monotonic time in milliseconds. The order in which a call is judged is fixed (spec 2): request id (400),
invocation id (410), state (403); a call refused for one of these has changed nothing. Response mode, truncation and
size are judged after the state has moved (spec 3.4).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from . import effects as fx
from . import events as ev
from . import platform_events as log
from .attempts import InitAttempt, InvokeAttempt
from .concurrency import Readiness
from .errors import (
    INVALID_REQUEST_ID,
    INVALID_RESPONSE_MODE,
    INVOKE_TIMEOUT,
    TRUNCATED_REQUEST,
    ErrorType,
    Fault,
    MisuseError,
    concurrent_modification,
    invalid_transition,
    payload_too_large,
)
from .faults import exit_fault, size_fault, timeout_fault
from .states import TRANSITIONS, Move, Phase, RuntimeState, Step, Tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import FunctionSettings

__all__ = ["RUNTIME", "Lifecycle"]

RUNTIME = "runtime"
STREAMING = "streaming"

# What a refused call would have moved to, for the text of the refusal.
_WANTED = {
    Move.NEXT: RuntimeState.READY,
    Move.RESPONSE: RuntimeState.RESPONSE,
    Move.ERROR: RuntimeState.ERROR_RESPONSE,
    Move.INIT_ERROR: RuntimeState.INIT_ERROR,
}

# What every invocation asks for: an enum takes 0.12 µs to look a member up (Python 3.11), a module a twelfth of it.
_IDLE, _INVOKE, _NO_MORE = Phase.IDLE, Phase.INVOKE, frozenset({Phase.SHUTDOWN, Phase.ENDED})
_UNBEGUN = frozenset({Phase.NEW, Phase.IDLE, Phase.COLD})
_BEGIN_INVOKE, _INVOKED = Step.BEGIN_INVOKE, Step.INVOKED
_ABSENT, _STARTED, _RUNNING = RuntimeState.ABSENT, RuntimeState.STARTED, RuntimeState.RUNNING
_RESPONSE_SENT, _ERROR_RESPONSE = RuntimeState.RESPONSE_SENT, RuntimeState.ERROR_RESPONSE
_INIT_ERROR, _ANSWERS = RuntimeState.INIT_ERROR, frozenset({RuntimeState.RESPONSE, RuntimeState.ERROR_RESPONSE})
_NEXT, _DELIVER, _RESPONSE, _FINISHED = Move.NEXT, Move.DELIVER, Move.RESPONSE, Move.FINISHED
_DEADLINE, _SUCCESS = fx.Timer.DEADLINE, fx.Status.SUCCESS
_WARM, _FINISHING, _COLD = Readiness.WARM, Readiness.FINISHING, Readiness.COLD


class Lifecycle:
    """One execution environment: its phase, its runtime, the invocation it works on."""

    def __init__(self, plan: FunctionSettings, tables: Tables = TRANSITIONS) -> None:
        self.plan = plan
        self.phase = Phase.NEW
        self.runtime = _ABSENT
        self._phases = tables.phases
        self._moves = tables.runtime
        self._parked: deque[ev.Call] = deque()
        self._waiting: tuple[ev.Invoke, float] | None = None  # accepted, and when; not begun yet
        self._attempt: InvokeAttempt | None = None
        self._init: InitAttempt | None = None
        self._init_ms: float | None = None  # of the init phase, until a REPORT has told it
        self._answering: ev.Call | None = None  # whose body is on its way
        self._peak_bytes = 0
        self._effects: list[fx.Effect] = []

    def __repr__(self) -> str:
        busy = "busy" if not self.is_free else "free"
        return f"<Lifecycle {self.phase}, runtime {self.runtime}, {len(self._parked)} parked, {busy}>"

    @property
    def is_free(self) -> bool:
        """Whether an Invoke may come: nothing is waiting, and what was in hand has its outcome."""
        attempt = self._attempt
        return self._waiting is None and (attempt is None or attempt.answered)

    @property
    def readiness(self) -> Readiness:
        """How soon the next invocation could run, were it given one."""
        if self.phase is _IDLE:
            return _WARM
        if self.runtime is _RESPONSE_SENT:
            return _FINISHING
        return _FINISHING if self.phase is _INVOKE and not self.awaits_exit else _COLD

    @property
    def awaits_exit(self) -> bool:
        """Whether the runtime has failed in a way that leaves it nothing but to exit."""
        runtime = self.runtime
        return (runtime in _ANSWERS and self._answering is None) or runtime is _INIT_ERROR

    @property
    def current_request_id(self) -> str | None:
        """The request id that an answer must carry; None outside an invocation."""
        return self._attempt.invocation.request_id if self._attempt else None

    def receive(self, event: ev.Event, now: float) -> list[fx.Effect]:
        """Take what happened, and give what is to be done about it, in order."""
        effects: list[fx.Effect] = []
        self._effects = effects
        _HANDLERS[type(event)](self, event, now)
        return effects

    # -- the platform's side: init, invoke, end

    def _initialise(self, _event: ev.Initialise, now: float) -> None:
        if self.phase is Phase.NEW and self.plan.init_ms is not None:
            self._begin_init(now, self.plan.init_ms)

    def _invoke(self, event: ev.Invoke, now: float) -> None:
        if not self.is_free or self.phase in _NO_MORE:
            raise MisuseError(f"an invocation was given to {self!r}")
        self._waiting = (event, now)
        if self.phase is Phase.NEW and self.plan.init_ms is not None:
            self._begin_init(now, self.plan.init_ms)
        elif self.phase in _UNBEGUN:
            self._begin_invoke(now)
        elif self.phase is _INVOKE and self.awaits_exit:
            self._reset()

    def _begin_init(self, now: float, init_ms: float) -> None:
        self._step(Step.BEGIN_INIT)
        self._effects.append(fx.SetTimer(fx.Timer.INIT, now + init_ms))
        self._start_runtime(now, "init")

    def _start_runtime(self, now: float, phase: str) -> None:
        plan = self.plan
        self._init = InitAttempt(now, phase)
        self._emit(log.InitStart(phase, plan.function_name, plan.function_version, plan.memory_mb))
        self._move(Move.START)
        self._effects.append(fx.Start(RUNTIME))

    def _begin_invoke(self, now: float) -> None:
        assert self._waiting is not None
        event, accepted = self._waiting
        invocation = event.invocation
        self._waiting = None
        timeout = self.plan.timeout_ms
        self._step(_BEGIN_INVOKE)
        self._attempt = InvokeAttempt(invocation, now, int(event.epoch_ms + (now - accepted) + timeout))
        version = self.plan.function_version
        self._emit(log.Start(invocation.request_id, version, invocation.trace, invocation.tenant_id))
        self._effects.append(fx.SetTimer(_DEADLINE, now + timeout))
        if self.runtime is _ABSENT:
            self._start_runtime(now, "invoke")
        else:
            self._deliver(now)

    def _deliver(self, now: float) -> None:
        """Hand the event to the poll that waits longest, if there is one."""
        if self._parked and self._attempt is not None:
            self._move(_DELIVER)
            self._attempt.delivered = now
            self._hand_out(self._parked.popleft(), self._attempt)

    def _hand_out(self, call: ev.Call, attempt: InvokeAttempt) -> None:
        self._effects.append(fx.Deliver(call, attempt.invocation, attempt.deadline_ms))

    def _shut_down(self, _event: ev.ShutDown, now: float) -> None:
        if self.phase in (Phase.SHUTDOWN, Phase.ENDED):
            return
        fault = Fault(ErrorType.FAILURE, "the execution environment was shut down")
        if self._waiting is not None:
            request_id = self._waiting[0].invocation.request_id
            self._waiting = None
            self._effects.append(fx.Complete(fx.Outcome(request_id, fx.Status.FAILURE, fault=fault)))
        self._fail(fault, fx.Status.FAILURE, now)
        self._refuse_half_sent()
        self._step(Step.SHUT_DOWN)
        if self.runtime is _ABSENT:
            self._end()
        elif self.runtime is not RuntimeState.STOPPING:
            self._stop()

    def _end(self) -> None:
        self._step(Step.STOPPED)
        self._effects.append(fx.Ended())

    # -- the runtime's side: its calls

    def _next(self, event: ev.NextCalled, now: float) -> None:
        before = self.runtime
        if not self._try_move(_NEXT, event.call):
            return
        if before is _RUNNING:
            assert self._attempt is not None
            self._hand_out(event.call, self._attempt)
            return
        self._parked.append(event.call)
        if before is _STARTED:
            self._initialised(now)
        elif before is _RESPONSE_SENT:
            self._attempt = None
            self._step(_INVOKED)
        if self.phase is _INVOKE:
            self._deliver(now)
        elif self._waiting is not None:
            self._begin_invoke(now)

    def _initialised(self, now: float) -> None:
        init, self._init = self._init, None
        assert init is not None
        self._init_ms = now - init.began
        self._emit(*init.closing_records("success", None, now))
        if self.phase is Phase.INIT:
            self._step(Step.INITIALISED)

    def _response_started(self, event: ev.ResponseStarted, now: float) -> None:
        attempt = self._claim(event.call, event.request_id, event.invocation_id, _RESPONSE)
        if attempt is None:
            return
        attempt.latency = now - attempt.delivered
        if event.mode is None or event.mode == STREAMING:
            self._answering = event.call
            return
        self._move(Move.BAD_MODE)
        self._effects.append(fx.Refuse(event.call, INVALID_RESPONSE_MODE))
        message = f"Invalid response mode header: {event.mode!r} is not {STREAMING!r}"
        self._fail(Fault(ErrorType.INVALID_RESPONSE_MODE, message), fx.Status.ERROR, now)

    def _error_started(self, event: ev.ErrorStarted, now: float) -> None:
        attempt = self._claim(event.call, event.request_id, event.invocation_id, Move.ERROR)
        if attempt is not None:
            attempt.latency = now - attempt.delivered
            attempt.error_type = event.error_type
            self._answering = event.call

    def _claim(self, call: ev.Call, request_id: str, invocation_id: str | None, move: Move) -> InvokeAttempt | None:
        """Judge an answer by request id, invocation id and state, in this order; only the last can move anything."""
        attempt = self._attempt
        if attempt is None or attempt.invocation.request_id != request_id:
            self._effects.append(fx.Refuse(call, INVALID_REQUEST_ID))
        elif invocation_id is not None and invocation_id != attempt.invocation.invocation_id:
            self._effects.append(fx.Refuse(call, INVOKE_TIMEOUT))
        elif self._try_move(move, call):
            return attempt
        return None

    def _body_finished(self, event: ev.BodyFinished, now: float) -> None:
        if not self._is_answering(event.call):
            return
        attempt = self._attempt
        assert attempt is not None
        request_id = attempt.invocation.request_id
        if self.runtime is _ERROR_RESPONSE:
            outcome = fx.Outcome(request_id, fx.Status.ERROR, event.body, event.content_type, attempt.error_type)
        elif event.trailer_error_type is not None or event.trailer_error_body is not None:
            body = event.trailer_error_body or b""
            outcome = fx.Outcome(request_id, fx.Status.ERROR, body, None, event.trailer_error_type)
        else:
            outcome = fx.Outcome(request_id, _SUCCESS, event.body, event.content_type)
        self._move(_FINISHED)
        self._effects.append(fx.Accept(event.call))
        self._complete(outcome, now)

    def _body_too_large(self, event: ev.BodyTooLarge, now: float) -> None:
        if self._is_answering(event.call):
            limits = self.plan.limits
            self._move(Move.TOO_LARGE)
            self._effects.append(fx.Refuse(event.call, payload_too_large(limits)))
            self._fail(size_fault(limits), fx.Status.ERROR, now)

    def _body_truncated(self, event: ev.BodyTruncated, now: float) -> None:
        if self._is_answering(event.call):
            self._move(Move.TRUNCATED)
            self._effects.append(fx.Refuse(event.call, TRUNCATED_REQUEST))
            fault = Fault(ErrorType.TRUNCATED_RESPONSE, "Response body was cut short by the runtime")
            self._fail(fault, fx.Status.ERROR, now)

    def _is_answering(self, call: ev.Call) -> bool:
        """Whether this body belongs to the answer in hand; then nobody else's does any more."""
        if call is not self._answering or call is None:
            return False
        self._answering = None
        return True

    def _init_error(self, event: ev.InitErrorPosted, _now: float) -> None:
        if self._try_move(Move.INIT_ERROR, event.call):
            assert self._init is not None
            self._init.error = event
            self._effects.append(fx.Accept(event.call))

    def _call_dropped(self, event: ev.CallDropped, _now: float) -> None:
        if event.call in self._parked:
            self._parked.remove(event.call)

    # -- what happens to processes, and time

    def _start_failed(self, event: ev.StartFailed, now: float) -> None:
        self._gone(Fault(event.error_type, event.reason), now)

    def _exited(self, event: ev.ProcessExited, now: float) -> None:
        if event.over_bytes:
            self._emit(log.MemoryExceeded(self.current_request_id, self.plan.memory_mb, event.over_bytes))
        self._gone(exit_fault(event.status), now)

    def _gone(self, fault: Fault, now: float) -> None:
        """The runtime's process is no more: whatever depended on it fails, and what waits may begin anew."""
        parked, self._parked = self._parked, deque()
        for call in parked:
            self._effects.append(fx.Refuse(call, concurrent_modification(self.runtime, RuntimeState.READY)))
        self._move(Move.EXIT)
        if self.phase is Phase.SHUTDOWN:
            self._end()
            return
        if self.phase is not Phase.RESET:
            self._fail(fault, fx.Status.ERROR, now)
            self._step(Step.FAIL)
        self._forget()
        self._step(Step.STOPPED)
        if self._waiting is not None:
            self._begin_invoke(now)

    def _timer(self, event: ev.TimerFired, now: float) -> None:
        if event.timer is fx.Timer.INIT and self.phase is Phase.INIT:
            self._fail(Fault(ErrorType.TIMED_OUT, "init ran into its limit"), fx.Status.TIMEOUT, now)
            self._reset()
        elif event.timer is fx.Timer.DEADLINE and self.phase is _INVOKE:
            self._fail(timeout_fault(self.plan.timeout_ms), fx.Status.TIMEOUT, now)
            self._reset()

    def _memory_sampled(self, event: ev.MemorySampled, _now: float) -> None:
        self._peak_bytes = max(self._peak_bytes, event.peak_bytes)

    # -- the small steps that the above are made of

    def _fail(self, fault: Fault, status: fx.Status, now: float) -> None:
        """Close what is in hand: an init, and an invocation that has no outcome yet."""
        init, self._init = self._init, None
        if init is not None:
            self._emit(*init.closing_records(status, fault.error_type, now))
        attempt = self._attempt
        if attempt is None or attempt.answered:
            if init is None and status is not fx.Status.FAILURE:
                self._tell(fault)
            return
        request_id = attempt.invocation.request_id
        said = self._tell(fault)
        if init is not None and init.error is not None:
            # The first fatal error wins: what the runtime said of its init tells more than how it ended.
            posted = init.error
            outcome = fx.Outcome(request_id, status, posted.body, posted.content_type, posted.error_type)
        else:
            outcome = fx.Outcome(request_id, status, error_type=fault.error_type, fault=said)
        self._complete(outcome, now)

    def _tell(self, fault: Fault) -> Fault:
        """Log a fault as Lambda words it, with the request id it struck."""
        request_id = self.current_request_id
        if request_id is None:
            said = fault._replace(message=f"Error: {fault.message}")
        elif fault.error_type == ErrorType.RESPONSE_TOO_LARGE:
            said = fault  # the one that Lambda words without the request id (spec 3.3)
        else:
            said = fault._replace(message=f"RequestId: {request_id} Error: {fault.message}")
        self._emit(log.FaultLine(request_id, said.error_type, said.message))
        return said

    def _complete(self, outcome: fx.Outcome, now: float) -> None:
        attempt = self._attempt
        assert attempt is not None
        attempt.answered = True
        self._emit(*attempt.closing_records(outcome, self.plan, self._peak_bytes, self._init_ms, now))
        self._init_ms = None
        self._effects.append(fx.Complete(outcome))

    def _emit(self, *records: log.Record) -> None:
        self._effects.append(fx.Emit(records))

    def _forget(self) -> None:
        """Nothing of the process that has gone, or is going, counts any more, an answer half sent included."""
        self._refuse_half_sent()
        self._attempt = None
        self._init = None
        self._init_ms = None
        self._peak_bytes = 0

    def _refuse_half_sent(self) -> None:
        """Refuse the answer whose body is still on its way: what comes of it later is ignored."""
        call, self._answering = self._answering, None
        if call is not None:
            self._effects.append(fx.Refuse(call, INVALID_REQUEST_ID))

    def _reset(self) -> None:
        """Kill the runtime; what comes next waits for its end."""
        self._step(Step.FAIL)
        self._forget()
        self._stop()

    def _stop(self) -> None:
        self._move(Move.STOP)
        self._effects.append(fx.Stop(RUNTIME))

    def _step(self, step: Step) -> None:
        after = self._phases[self.phase].get(step)
        if after is None:
            raise MisuseError(f"{step!r} does not follow in {self!r}")
        self.phase = after

    def _move(self, move: Move) -> None:
        after = self._moves[self.runtime].get(move)
        if after is None:
            raise MisuseError(f"{move!r} does not follow in {self!r}")
        self.runtime = after

    def _try_move(self, move: Move, call: ev.Call) -> bool:
        """Move as the runtime's call asks, or refuse the call and stay."""
        after = self._moves[self.runtime].get(move)
        if after is None:
            self._effects.append(fx.Refuse(call, invalid_transition(self.runtime, _WANTED[move])))
            return False
        self.runtime = after
        return True


_HANDLERS: dict[type, Callable[[Lifecycle, Any, float], None]] = {
    ev.Initialise: Lifecycle._initialise,
    ev.Invoke: Lifecycle._invoke,
    ev.NextCalled: Lifecycle._next,
    ev.ResponseStarted: Lifecycle._response_started,
    ev.ErrorStarted: Lifecycle._error_started,
    ev.BodyFinished: Lifecycle._body_finished,
    ev.BodyTooLarge: Lifecycle._body_too_large,
    ev.BodyTruncated: Lifecycle._body_truncated,
    ev.InitErrorPosted: Lifecycle._init_error,
    ev.CallDropped: Lifecycle._call_dropped,
    ev.StartFailed: Lifecycle._start_failed,
    ev.ProcessExited: Lifecycle._exited,
    ev.MemorySampled: Lifecycle._memory_sampled,
    ev.TimerFired: Lifecycle._timer,
    ev.ShutDown: Lifecycle._shut_down,
}
