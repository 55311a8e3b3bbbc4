"""Machines with one rule broken each, by the name of what they do wrong; the tables are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime_api.protocol import effects as fx
from runtime_api.protocol.environment import EnvironmentMachine
from runtime_api.protocol.invocations import Invocations
from runtime_api.protocol.restoring import Restoring

if TYPE_CHECKING:
    from runtime_api.protocol import events as ev
    from runtime_api.protocol.attempts import InvokeAttempt
    from runtime_api.protocol.errors import Fault

__all__ = ["BROKEN"]


class WithInvocations(EnvironmentMachine):
    """A machine whose books are broken."""

    books: type[Invocations] = Invocations
    restore: type[Restoring] = Restoring

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.invocations = self.books(self.settings, self.runtime, self.extensions)
        self.restoring = self.restore(self.settings, self.runtime, self.invocations)


class KeepsBodiesAtTheEnd(WithInvocations):
    class books(Invocations):
        def release(self) -> list[fx.Effect]:
            bodies = dict(self._bodies)
            effects = super().release()
            self._bodies.update(bodies)
            return [each for each in effects if not isinstance(each, fx.Refuse)]


class RefusesNoBodyAtTheEnd(WithInvocations):
    class books(Invocations):
        def release(self) -> list[fx.Effect]:
            return [each for each in super().release() if not isinstance(each, fx.Refuse)]


class ForgetsToEndInvocations(WithInvocations):
    class books(Invocations):
        def release(self) -> list[fx.Effect]:
            return [each for each in super().release() if not isinstance(each, fx.Over)]


class LeavesTheQueueWaiting(WithInvocations):
    class books(Invocations):
        def refuse_waiting(self, *_: Any) -> list[fx.Effect]:
            return []


class DeliversTheLatestFirst(WithInvocations):
    class books(Invocations):
        def deliver(self, now: float) -> list[fx.Effect]:
            self.undelivered.reverse()
            return super().deliver(now)


class CountsTheDeadlineFromTheRequest(WithInvocations):
    class books(Invocations):
        def begin(self, event: ev.Invoke, accepted: float, now: float) -> list[fx.Effect]:
            return super().begin(event, now, now)


class ForgetsWhoIsLate(WithInvocations):
    class books(Invocations):
        def time_out(self, attempt: InvokeAttempt, fault: Fault, now: float) -> list[fx.Effect]:
            effects = super().time_out(attempt, fault, now)
            self._late.clear()
            return effects


class RemembersTheLateForEver(WithInvocations):
    class books(Invocations):
        def claim(self, event: Any, move: Any) -> Any:
            late = dict(self._late)
            claimed = super().claim(event, move)
            self._late.update(late)
            return claimed


class LeavesTheBodyOfTheLate(WithInvocations):
    class books(Invocations):
        def time_out(self, attempt: InvokeAttempt, fault: Fault, now: float) -> list[fx.Effect]:
            effects = super().time_out(attempt, fault, now)
            return [each for each in effects if not isinstance(each, fx.Refuse)]


class StreamsToEverybody(WithInvocations):
    class books(Invocations):
        def open_stream(self, event: Any, attempt: InvokeAttempt) -> list[fx.Effect]:
            attempt.forwarded = 0
            return [fx.OpenStream(event.call, event.request_id, event.content_type)]


class ForgetsThatItStreams(WithInvocations):
    class books(Invocations):
        def open_stream(self, event: Any, attempt: InvokeAttempt) -> list[fx.Effect]:
            effects = super().open_stream(event, attempt)
            attempt.forwarded = None
            return effects


class StreamsWithoutALimit(WithInvocations):
    class books(Invocations):
        def forward(self, attempt: InvokeAttempt, data: bytes) -> tuple[list[fx.Effect], bool]:
            return [fx.Forward(attempt.invocation.request_id, data)], False


class DropsThePieceAtTheLimit(WithInvocations):
    class books(Invocations):
        def forward(self, attempt: InvokeAttempt, data: bytes) -> tuple[list[fx.Effect], bool]:
            effects, is_over = super().forward(attempt, data)
            return [] if is_over else effects, is_over


class KeepsTheBodyOfAStreamThatWasTooLarge(EnvironmentMachine):
    def _fail_body(self, call: Any, attempt: InvokeAttempt, *arguments: Any) -> list[fx.Effect]:
        effects = super()._fail_body(call, attempt, *arguments)
        self.invocations.await_body(call, attempt)
        return effects


class LeavesTheResponseThatAnErrorEnds(WithInvocations):
    class books(Invocations):
        def drop_body(self, attempt: InvokeAttempt) -> None:
            return None


class NeverFreesASlot(EnvironmentMachine):
    @property
    def free_slots(self) -> int:
        return min(super().free_slots, 1 if self.phase in ("new", "idle") else 0)


class KeepsParkedCallsOfTheDead(EnvironmentMachine):
    def _gone(self, fault: Fault, now: float) -> list[fx.Effect]:
        calls = list(self.runtime.parked)
        effects = super()._gone(fault, now)
        return [each for each in effects if not (isinstance(each, fx.Refuse) and each.call in calls)]


class LimitsExternalRuntimes(EnvironmentMachine):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.invocations._settings = self.settings._replace(external_runtime=False)


class NeverLimitsHooks(WithInvocations):
    class restore(Restoring):
        def begin(self, now: float) -> list[fx.Effect]:
            return [each for each in super().begin(now) if not isinstance(each, fx.SetTimer)]


class LeavesTheRuntimeInRestoreNext(WithInvocations):
    class restore(Restoring):
        def begin(self, now: float) -> list[fx.Effect]:
            return [each for each in super().begin(now) if not isinstance(each, fx.Restore)]


class KeepsTheRestoreToItself(WithInvocations):
    class restore(Restoring):
        def done(self, now: float) -> list[fx.Effect]:
            effects = super().done(now)
            self._invocations.restore_ms = None
            return effects


class ForgetsWhoWaitsForARestore(WithInvocations):
    class restore(Restoring):
        def fail(self, fault: Fault, status: fx.Status, now: float) -> list[fx.Effect]:
            return [each for each in super().fail(fault, status, now) if not isinstance(each, fx.Complete)]


class ForgetsWhoWaitsForAnInit(WithInvocations):
    class books(Invocations):
        def fail_waiting(self, *_: Any) -> list[fx.Effect]:
            return []


BROKEN = [
    *(
        (mode, make)
        for mode in ("classic", "concurrent", "snapstart")
        for make in (
            KeepsBodiesAtTheEnd,
            RefusesNoBodyAtTheEnd,
            ForgetsToEndInvocations,
            CountsTheDeadlineFromTheRequest,
            KeepsParkedCallsOfTheDead,
            LimitsExternalRuntimes,
            LeavesTheQueueWaiting,
            StreamsToEverybody,
            ForgetsThatItStreams,
            StreamsWithoutALimit,
            DropsThePieceAtTheLimit,
            KeepsTheBodyOfAStreamThatWasTooLarge,
        )
    ),
    *(
        ("concurrent", make)
        for make in (
            DeliversTheLatestFirst,
            ForgetsWhoIsLate,
            RemembersTheLateForEver,
            LeavesTheBodyOfTheLate,
            NeverFreesASlot,
            LeavesTheResponseThatAnErrorEnds,
            ForgetsWhoWaitsForAnInit,
        )
    ),
    *(
        ("snapstart", make)
        for make in (
            NeverLimitsHooks,
            LeavesTheRuntimeInRestoreNext,
            KeepsTheRestoreToItself,
            ForgetsWhoWaitsForARestore,
            ForgetsWhoWaitsForAnInit,
        )
    ),
]
