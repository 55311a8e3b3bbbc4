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

How processes start and end is the `Lifecycle` that this is built on. A body that ends after its invocation belongs to
nothing and is ignored.

`settings.external_runtime`: somebody else starts the runtime, maybe under a debugger. Then there is no process to
start or stop and no time limit; where only the runtime's exit could help, it counts as gone and another may come.

`now` is a monotonic time in milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import effects as fx
from . import events as ev
from .errors import (
    INVALID_REQUEST_ID,
    INVALID_RESPONSE_MODE,
    TRUNCATED_REQUEST,
    Fault,
    MisuseError,
    Refusal,
    payload_too_large,
)
from .extension_states import InitStage
from .faults import (
    EXTERNAL_STUCK,
    INIT_TIMEOUT,
    NO_EXIT,
    RESTORE_TIMEOUT,
    TRUNCATED,
    mode_fault,
    size_fault,
    timeout_fault,
)
from .fleet_actions import Readiness
from .lifecycle import Lifecycle
from .starting import RUNTIME
from .states import Move, Phase, RuntimeState, Step
from .timers import Timer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .attempts import InvokeAttempt

__all__ = ["RUNTIME", "EnvironmentMachine"]

STREAMING = "streaming"

# Looking an enum's member up costs 0.12 us on Python 3.11, a module's global a twelfth of that, and every invocation
# looks some twenty of them up.
_INIT, _IDLE, _INVOKE, _NO_MORE = Phase.INIT, Phase.IDLE, Phase.INVOKE, frozenset({Phase.SHUTDOWN, Phase.ENDED})
_INVOKED = Step.INVOKED
_STARTED, _SERVING = RuntimeState.STARTED, RuntimeState.SERVING
_READY, _NO_INIT = RuntimeState.READY, InitStage.NONE
_RUNNING, _RESPONSE_SENT = RuntimeState.RUNNING, RuntimeState.RESPONSE_SENT
_STOPPING = RuntimeState.STOPPING
_NOTHING: list[fx.Effect] = []
_NEXT, _RESPONSE, _FINISHED = Move.NEXT, Move.RESPONSE, Move.FINISHED
_SUCCESS, _ERROR = fx.Status.SUCCESS, fx.Status.ERROR
_FAILURE = fx.ShutdownReason.FAILURE
_WARM, _FINISHING, _COLD = Readiness.WARM, Readiness.FINISHING, Readiness.COLD


class EnvironmentMachine(Lifecycle):
    """One execution environment: its phase, its runtime and extensions, the invocations in hand."""

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

    # -- the runtime starts, and is restored

    def _init_error(self, event: ev.InitErrorPosted, now: float) -> list[fx.Effect]:
        refusal = self.runtime.ask(Move.INIT_ERROR)
        if refusal is not None:
            return [fx.Refuse(event.call, refusal)]
        if self.starting.init is not None:
            self.starting.init.error = event
            return self._accept_last_words(event.call, Timer.INIT, now)
        self.restoring.blame(event)
        return self._accept_last_words(event.call, Timer.RESTORE, now)

    def _restore_next(self, event: ev.RestoreNextCalled, now: float) -> list[fx.Effect]:
        refusal = self.runtime.ask(Move.RESTORE_NEXT)
        if refusal is not None:
            return [fx.Refuse(event.call, refusal)]
        self.runtime.parked.append(event.call)
        return self._initialised(self.starting.runtime_ready(now), now)

    def _restore_error(self, event: ev.RestoreErrorPosted, now: float) -> list[fx.Effect]:
        refusal = self.runtime.ask(Move.RESTORE_ERROR)
        if refusal is not None:
            return [fx.Refuse(event.call, refusal)]
        self.restoring.blame(event)
        return self._accept_last_words(event.call, Timer.RESTORE, now)

    def _accept_last_words(self, call: ev.Call, timer: Timer, now: float) -> list[fx.Effect]:
        """An error that leaves the runtime nothing but to exit; the exit of an external one is not seen.

        Where init is apart its limit is so long that nobody should wait for it any more.
        """
        accepted: list[fx.Effect] = [fx.Accept(call)]
        if self._external:
            return accepted + self._gone(EXTERNAL_STUCK, now)
        if self.settings.init_apart:
            accepted.append(fx.SetTimer(timer, RUNTIME, now + self.settings.limits.exit_ms))
        return accepted

    # -- an invocation begins

    def _invoke(self, event: ev.Invoke, now: float) -> list[fx.Effect]:
        if self.invocations.taken >= self._slots or self.phase in _NO_MORE:
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

    def _next(self, event: ev.NextCalled, now: float) -> list[fx.Effect]:
        runtime, invocations = self.runtime, self.invocations
        before = runtime.state
        refusal = runtime.ask(_NEXT)
        if refusal is not None:
            return [fx.Refuse(event.call, refusal)]
        if before is _RUNNING:
            return invocations.deliver_again(event.call)
        runtime.parked.append(event.call)
        if before is _STOPPING:
            return []  # it is on its way out, which is no error; the call ends with the process
        if before is _STARTED:
            return self._initialised(self.starting.runtime_ready(now), now)
        effects: list[fx.Effect] = []
        if before is _RESPONSE_SENT:
            if invocations.unsettled:
                return effects  # the last of them to come back ends the invocation
            effects = [invocations.over(*invocations.begun)]
            self._step(_INVOKED)
        elif before is RuntimeState.RESTORING:
            self._step(Step.RESTORED)
            effects = self.restoring.done(now)
        return effects + self._go_on(now) if invocations.undelivered or invocations.waiting else effects

    def _call_dropped(self, event: ev.CallDropped, _now: float) -> list[fx.Effect]:
        if event.call in self.runtime.parked:
            self.runtime.parked.remove(event.call)
        else:
            self.extensions.drop(event.call)
        return []

    # -- extensions

    def _register(self, event: ev.RegisterCalled, _now: float) -> list[fx.Effect]:
        return self.starting.register(event)

    def _event_next(self, event: ev.EventNextCalled, now: float) -> list[fx.Effect]:
        effects = self.extensions.next(event)
        if self.starting.stage is not _NO_INIT:
            return self._initialised(effects + self.starting.settle(now), now)
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

    def _extension_error(self, event: ev.ExtensionErrorPosted, now: float) -> list[fx.Effect]:
        refusal = self.extensions.error(event)
        if refusal is not None:
            return [fx.Refuse(event.call, refusal)]
        accepted: list[fx.Effect] = [fx.Accept(event.call)]
        return accepted + self._gone(EXTERNAL_STUCK, now) if self._external else accepted

    def _subscribe(self, event: ev.SubscribeCalled, _now: float) -> list[fx.Effect]:
        return self.extensions.subscribe(event, RUNTIME, is_open=self.starting.stage is not _NO_INIT)

    # -- the runtime answers

    def _response_started(self, event: ev.ResponseStarted, now: float) -> list[fx.Effect]:
        mode = event.mode
        known = mode is None or mode == STREAMING
        attempt = self.invocations.claim(event, _RESPONSE if known else Move.BAD_MODE)
        if isinstance(attempt, Refusal):
            return [fx.Refuse(event.call, attempt, event.request_id)]
        attempt.latency = now - attempt.delivered
        if known:
            self.invocations.await_body(event.call, attempt)
            return self.invocations.open_stream(event, attempt) if mode is not None else []
        failed = self.invocations.fail(attempt, mode_fault(mode, STREAMING), _ERROR, now)
        return [fx.Refuse(event.call, INVALID_RESPONSE_MODE), *failed, *self._after_answer(now)]

    def _error_started(self, event: ev.ErrorStarted, now: float) -> list[fx.Effect]:
        attempt = self.invocations.claim(event, Move.ERROR)
        if isinstance(attempt, Refusal):
            return [fx.Refuse(event.call, attempt, event.request_id)]
        response = self.invocations.drop_body(attempt)  # in concurrent mode an error ends a response on its way
        if response is None:
            attempt.latency = now - attempt.delivered
        attempt.error_type = event.error_type
        self.invocations.await_body(event.call, attempt)
        return [] if response is None else [fx.Refuse(response, INVALID_REQUEST_ID, event.request_id)]

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
        request_id = attempt.invocation.request_id
        body, forwarded = event.body, _NOTHING
        if attempt.forwarded is not None and self.runtime.state_of(request_id) is not RuntimeState.RECEIVING_ERROR:
            forwarded, is_over = self.invocations.forward(attempt, body)
            if is_over:
                return [*forwarded, *self._body_over(event.call, attempt, now)]
            body = b""
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

    def _memory_sampled(self, event: ev.MemorySampled, _now: float) -> list[fx.Effect]:
        self.invocations.peak_bytes = max(self.invocations.peak_bytes, event.peak_bytes)
        return []

    def _timer(self, event: ev.TimerFired, now: float) -> list[fx.Effect]:
        if event.timer is Timer.INIT:
            return self._give_up_start(INIT_TIMEOUT, now) if self.phase is _INIT else []
        if event.timer is Timer.RESTORE:
            return self._give_up_start(RESTORE_TIMEOUT, now) if self.phase is Phase.RESTORE else []
        if event.timer is not Timer.DEADLINE:
            return self.ending.time_is_up(event.timer, now)
        attempt = self.invocations.begun.get(event.key)
        if attempt is None:
            return []
        fault = timeout_fault(self.settings.timeout_ms)
        if self._concurrent:
            return self.invocations.time_out(attempt, fault, now) + self._after_answer(now)
        return self._time_out(fault, now)

    def _give_up_start(self, fault: Fault, now: float) -> list[fx.Effect]:
        """An init or a restore has run into its limit, or it has failed and the runtime is still there."""
        has_failed = self.settings.init_apart and self.runtime.awaits_exit
        return self._fail(NO_EXIT, now) if has_failed else self._time_out(fault, now)


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
    ev.InitErrorPosted: EnvironmentMachine._init_error,
    ev.RestoreNextCalled: EnvironmentMachine._restore_next,
    ev.RestoreErrorPosted: EnvironmentMachine._restore_error,
    ev.RegisterCalled: EnvironmentMachine._register,
    ev.EventNextCalled: EnvironmentMachine._event_next,
    ev.ExtensionErrorPosted: EnvironmentMachine._extension_error,
    ev.SubscribeCalled: EnvironmentMachine._subscribe,
    ev.CallDropped: EnvironmentMachine._call_dropped,
    ev.StartFailed: EnvironmentMachine._start_failed,
    ev.ProcessExited: EnvironmentMachine._exited,
    ev.MemorySampled: EnvironmentMachine._memory_sampled,
    ev.TimerFired: EnvironmentMachine._timer,
    ev.ShutDown: EnvironmentMachine._shut_down,
}
