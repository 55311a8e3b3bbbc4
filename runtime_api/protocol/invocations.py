"""The invocations in hand of one environment, and how far each has come.

Theory. An invocation is accepted, begins (START), is delivered to a parked /next, is answered by a body that takes
its time, gets its one outcome, and is over. Each of these steps is a method here that gives the effects of it, in
order; `EnvironmentMachine` decides when a step is taken.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import structs

from . import effects as fx
from . import platform_events as log
from .attempts import InvokeAttempt, Progress
from .diagnosis import Reached, Stage
from .errors import INVALID_REQUEST_ID, INVOKE_TIMEOUT, Refusal
from .faults import SHUT_DOWN, worded
from .timers import Timer

if TYPE_CHECKING:
    from . import events as ev
    from .attempts import InitAttempt
    from .errors import Fault
    from .extensions import Extensions
    from .runtime import RuntimeMachine
    from .settings import FunctionSettings
    from .states import Move

    Closing = tuple[log.Record, ...]

__all__ = ["Invocations"]

_DEADLINE = Timer.DEADLINE
_ANSWERED, _REPORTED = Progress.ANSWERED, Progress.REPORTED
LATE_IDS = 1000  # request ids whose timeout is remembered in concurrent mode (spec 5)


class Invocations:
    """What was accepted and is not over, keyed by request id; bodies on their way are keyed by their call."""

    def __init__(self, settings: FunctionSettings, runtime: RuntimeMachine, extensions: Extensions) -> None:
        self.waiting: deque[tuple[ev.Invoke, float]] = deque()  # accepted, and when; not begun yet
        self.begun: dict[str, InvokeAttempt] = {}
        self.undelivered: deque[InvokeAttempt] = deque()  # begun; no parked call has taken the event
        self.unsettled: list[str] = []  # request ids whose outcome is known, and whose slot is not free yet
        self.taken = 0  # how many slots are: an invocation takes one until it is settled
        self.init_ms: float | None = None  # of the init phase, until a REPORT has shown it
        self.restore_ms: float | None = None  # of the restore, until the next REPORT, which is that of its invocation
        self.peak_bytes = 0
        self._settings = settings
        self._runtime = runtime
        self._extensions = extensions
        self._bodies: dict[ev.Call, InvokeAttempt] = {}  # answers whose body is on its way
        self._late: dict[str, None] = {}  # request ids that timed out while the runtime went on

    @property
    def first(self) -> str | None:
        """The request id of what began first; None when nothing is in hand."""
        return next(iter(self.begun), None)

    # -- how they begin

    def accept(self, event: ev.Invoke, now: float) -> None:
        """Take an invocation; it begins when the environment's phase allows."""
        self.taken += 1
        self.waiting.append((event, now))

    def begin(self, event: ev.Invoke, accepted: float, now: float) -> list[fx.Effect]:
        """START, the deadline, and the event to the call of /next that waits longest, if there is one."""
        invocation, settings, runtime = event.invocation, self._settings, self._runtime
        request_id, timeout = invocation.request_id, settings.timeout_ms
        attempt = InvokeAttempt(invocation, now, int(event.epoch_ms + (now - accepted) + timeout), delivered=now)
        self.begun[request_id] = attempt
        runtime.begin(request_id)
        started = log.Start(request_id, settings.function_version, invocation.trace, invocation.tenant_id)
        effects: list[fx.Effect] = [fx.Emit((started,))]
        if not settings.external_runtime:
            effects.append(fx.SetTimer(_DEADLINE, request_id, now + timeout))
        if runtime.parked and not self.undelivered:
            runtime.deliver(request_id)
            effects.append(fx.Deliver(runtime.parked.popleft(), invocation, attempt.deadline_ms))
        else:
            self.undelivered.append(attempt)
        return effects

    def deliver(self, now: float) -> list[fx.Effect]:
        """Hand events to parked calls: on both sides, what has waited longest comes first."""
        effects: list[fx.Effect] = []
        parked, undelivered = self._runtime.parked, self.undelivered
        while parked and undelivered:
            attempt = undelivered.popleft()
            self._runtime.deliver(attempt.invocation.request_id)
            attempt.delivered = now
            effects.append(fx.Deliver(parked.popleft(), attempt.invocation, attempt.deadline_ms))
        return effects

    def deliver_again(self, call: ev.Call) -> list[fx.Effect]:
        """Give the one event in hand to another call as well (classic mode)."""
        (attempt,) = self.begun.values()
        attempt.asked_again += 1
        return [fx.Deliver(call, attempt.invocation, attempt.deadline_ms)]

    # -- how they are answered

    def claim(self, event: ev.ResponseStarted | ev.ErrorStarted, move: Move) -> InvokeAttempt | Refusal:
        """The attempt that an answer is for; a refusal by request id, invocation id or state, in this order."""
        request_id, invocation_id = event.request_id, event.invocation_id
        attempt = self.begun.get(request_id)
        if attempt is None:
            # Remembered until the late answer has come once; the next one is unknown, as on Lambda (spec 5).
            return INVOKE_TIMEOUT if self._late.pop(request_id, self) is None else INVALID_REQUEST_ID
        if invocation_id is not None and invocation_id != attempt.invocation.invocation_id:
            return INVOKE_TIMEOUT
        return self._runtime.answer(request_id, move) or attempt

    def await_body(self, call: ev.Call, attempt: InvokeAttempt) -> None:
        """The body of this attempt's answer is on its way."""
        self._bodies[call] = attempt

    def drop_body(self, attempt: InvokeAttempt) -> ev.Call | None:
        """Forget the body of this attempt's answer that is on its way; gives its call, if there is one."""
        call = next((call for call, of in self._bodies.items() if of is attempt), None)
        if call is not None:
            del self._bodies[call]
        return call

    def open_stream(self, event: ev.ResponseStarted, attempt: InvokeAttempt) -> list[fx.Effect]:
        """Let a caller who reads streams have a streamed response as it comes."""
        if event.mode is None or not attempt.invocation.streamed:
            return []
        attempt.forwarded = 0
        return [fx.OpenStream(event.call, event.request_id, event.content_type)]

    def forward(self, attempt: InvokeAttempt, data: bytes) -> tuple[list[fx.Effect], bool]:
        """Hand the caller a piece of its stream, as much as the limit allows; whether that is not all of it."""
        before = attempt.forwarded or 0
        kept = data[: self._settings.limits.streamed_bytes - before]
        attempt.forwarded = before + len(kept)
        effects: list[fx.Effect] = [fx.Forward(attempt.invocation.request_id, kept)] if kept else []
        return effects, len(kept) < len(data)

    def body_of(self, call: ev.Call) -> InvokeAttempt | None:
        """Whose body is on its way; None when it belongs to nothing any more."""
        return self._bodies.get(call)

    def take_body(self, call: ev.Call) -> InvokeAttempt | None:
        """Whose body has ended; None when it belongs to nothing any more."""
        return self._bodies.pop(call, None)

    # -- how they end

    def complete(
        self, attempt: InvokeAttempt, outcome: fx.Outcome, now: float, *, ends: bool = False
    ) -> list[fx.Effect]:
        """The outcome is known: the caller can be answered.

        With it END and REPORT are fixed and the slot is free, unless extensions still work or will have to be ended,
        since the environment `ends`.
        """
        if self._extensions.by_name and (ends or not self._extensions.subscribers_back):
            return self._answer(attempt, outcome, now)
        attempt.progress = _REPORTED
        self.taken -= 1
        records = attempt.closing_records(outcome, self._settings, self.peak_bytes, self.init_ms, now)
        self.init_ms = None
        if self.restore_ms is not None:
            records = self._with_restore(records)
        effects: list[fx.Effect] = [fx.Emit(records), fx.Complete(outcome)]
        if self._runtime.is_done_with(outcome.request_id):
            effects.append(self.over(outcome.request_id))
        return effects

    def _answer(self, attempt: InvokeAttempt, outcome: fx.Outcome, now: float) -> list[fx.Effect]:
        attempt.progress, attempt.outcome, attempt.answered = _ANSWERED, outcome, now
        self.unsettled.append(outcome.request_id)
        done, *_ = attempt.closing_records(outcome, self._settings, self.peak_bytes, self.init_ms, now)
        return [fx.Emit((done,)), fx.Complete(outcome, settled=False)]

    def report(self, now: float, failure: tuple[fx.Status, Fault] | None = None) -> list[fx.Effect]:
        """Write END and REPORT of what is answered: no extension works on it any more, because of a failure maybe."""
        effects: list[fx.Effect] = []
        for attempt in self.begun.values():
            outcome = attempt.outcome
            if attempt.progress is _ANSWERED and outcome is not None:
                attempt.progress = _REPORTED
                if failure is not None and outcome.status is fx.Status.SUCCESS:
                    outcome = fx.Outcome(outcome.request_id, failure[0], fault=failure[1])
                records = attempt.closing_records(outcome, self._settings, self.peak_bytes, self.init_ms, now)
                self.init_ms = None
                effects.append(fx.Emit(self._with_restore(records)[1:]))
        return effects

    def _with_restore(self, records: Closing) -> Closing:
        """The closing records of the first invocation after a restore, whose REPORT shows and bills it."""
        took_ms, self.restore_ms = self.restore_ms, None
        if took_ms is None:
            return records
        *others, report = records
        billed = log.billed_ms(took_ms, self._settings.limits.billing_step_ms)
        assert isinstance(report, log.Report)
        total = report.billed_ms + billed
        return (*others, structs.replace(report, billed_ms=total, restore_ms=took_ms, billed_restore_ms=billed))

    def settle(self) -> list[fx.Effect]:
        """Free the slots of what is answered."""
        settled, self.unsettled = self.unsettled, []
        self.taken -= len(settled)
        return [fx.Settled(request_id) for request_id in settled]

    def fail(
        self,
        attempt: InvokeAttempt,
        fault: Fault,
        status: fx.Status,
        now: float,
        init: InitAttempt | None = None,
        *,
        ends: bool = False,
    ) -> list[fx.Effect]:
        """Give an invocation this fault as its outcome; `ends` as in `complete`."""
        request_id = attempt.invocation.request_id
        said = worded(fault, request_id)
        if init is not None:
            outcome = _init_failed(request_id, fault, status, init)
        else:
            reached = self._reached(attempt)
            outcome = fx.Outcome(request_id, status, error_type=fault.error_type, fault=said, reached=reached)
        line = log.FaultLine(request_id, said.error_type, said.message)
        return [fx.Emit((line,)), *self.complete(attempt, outcome, now, ends=ends)]

    def _reached(self, attempt: InvokeAttempt) -> Reached:
        if attempt in self.undelivered:
            return Reached(Stage.AWAY)
        return Reached(Stage.WORKING if attempt.latency is None else Stage.ANSWERING, attempt.asked_again)

    def time_out(self, attempt: InvokeAttempt, fault: Fault, now: float) -> list[fx.Effect]:
        """In concurrent mode only this invocation ends; the runtime goes on, and may answer late (spec 5)."""
        request_id = attempt.invocation.request_id
        self._late[request_id] = None
        if len(self._late) > LATE_IDS:
            del self._late[next(iter(self._late))]
        failed = self.fail(attempt, fault, fx.Status.TIMEOUT, now)
        if attempt in self.undelivered:
            self.undelivered.remove(attempt)
        effects: list[fx.Effect] = []
        for call in [call for call, of in self._bodies.items() if of is attempt]:
            del self._bodies[call]
            effects.append(fx.Refuse(call, INVOKE_TIMEOUT))
        return [*effects, *failed, self.over(request_id)]

    def exceeded(self, event: ev.ProcessExited) -> list[fx.Effect]:
        """Say which limit the process was killed for, if it was."""
        records: list[log.Record] = []
        if event.over_bytes:
            records.append(log.MemoryExceeded(self.first, self._settings.memory_mb, event.over_bytes))
        if event.over_processes:
            records.append(log.ProcessesExceeded(self.first, self._settings.limits.processes))
        return [fx.Emit((record,)) for record in records]

    def over(self, request_id: str) -> fx.Over:
        """The runtime and the extensions are back, or owe this invocation nothing more."""
        del self.begun[request_id]
        self._runtime.end(request_id)
        return fx.Over(request_id)

    def refuse_waiting(self, fault: Fault = SHUT_DOWN, status: fx.Status = fx.Status.FAILURE) -> list[fx.Effect]:
        """End what has not begun with this fault: the environment shuts down, or its restore has failed."""
        waiting = self._give_up_waiting()
        outcomes = [fx.Complete(fx.Outcome(request_id, status, fault=fault)) for request_id in waiting]
        return [*outcomes, *(fx.Over(request_id) for request_id in waiting)]

    def fail_waiting(self, fault: Fault, status: fx.Status, init: InitAttempt) -> list[fx.Effect]:
        """End what has not begun: the init that it waits for has failed."""
        waiting = self._give_up_waiting()
        lines = tuple(log.FaultLine(request_id, *worded(fault, request_id)) for request_id in waiting)
        outcomes = [fx.Complete(_init_failed(request_id, fault, status, init)) for request_id in waiting]
        return [fx.Emit(lines), *outcomes, *(fx.Over(request_id) for request_id in waiting)] if lines else []

    def _give_up_waiting(self) -> list[str]:
        waiting = [event.invocation.request_id for event, _ in self.waiting]
        self.taken -= len(waiting)
        self.waiting.clear()
        return waiting

    def release(self) -> list[fx.Effect]:
        """Let go of the runtime: nothing of it counts any more, bodies on their way included."""
        effects: list[fx.Effect] = [fx.Refuse(call, INVALID_REQUEST_ID) for call in self._bodies]
        effects += [self.over(request_id) for request_id in tuple(self.begun)]
        self._bodies.clear()
        self._late.clear()
        self.undelivered.clear()
        self.init_ms = None
        self.peak_bytes = 0
        return effects


def _init_failed(request_id: str, fault: Fault, status: fx.Status, init: InitAttempt) -> fx.Outcome:
    """The outcome of an invocation whose init has failed.

    The first fatal error wins: what the runtime said of its init tells more than how it ended (spec 4).
    """
    posted = init.error
    if posted is not None:
        return fx.Outcome(request_id, status, posted.body, posted.content_type, posted.error_type)
    said, reached = worded(fault, request_id), Reached(Stage.STARTING)
    return fx.Outcome(request_id, status, error_type=fault.error_type, fault=said, reached=reached)
