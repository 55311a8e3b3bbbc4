"""Fleets with one rule broken each, by the name of what they do wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.protocol.concurrency import Fleet
from runtime_api.protocol.fleet_actions import Assign, Close, Fail, Readiness, Throttle, WakeAt

from .fleet_runtime import PaperEnvironment

if TYPE_CHECKING:
    from typing import TypeAlias

    from runtime_api.protocol.capacity import Capacity
    from runtime_api.protocol.fleet_actions import Action

    Actions: TypeAlias = list[Action[str, PaperEnvironment]]

__all__ = ["BROKEN"]

Base = Fleet[str, PaperEnvironment]


class ForgetsWhatIsFreed(Base):
    def available(self, environment: PaperEnvironment, now: float) -> Actions:
        if environment in self._busy:
            self._busy.pop(environment)
            return []
        return super().available(environment, now)


class KeepsWhatIsFreedBusy(Base):
    def available(self, environment: PaperEnvironment, now: float) -> Actions:
        return [] if environment in self._busy else super().available(environment, now)


class GoesOverTheLimit(Base):
    def __init__(self, most: int, idle_ms: float | None, slots: int, capacity: Capacity[PaperEnvironment]) -> None:
        super().__init__(most + 1, idle_ms, slots, capacity)


class StopsBelowTheLimit(Base):
    def __init__(self, most: int, idle_ms: float | None, slots: int, capacity: Capacity[PaperEnvironment]) -> None:
        super().__init__(max(most - 1, 1), idle_ms, slots, capacity)


class TakesNothingFree(Base):
    def take(self) -> PaperEnvironment | None:
        return None

    def _choose(self, tenant: str | None) -> PaperEnvironment | None:
        return None


class NeverTakesACold(Base):
    def _choose(self, tenant: str | None) -> PaperEnvironment | None:
        chosen = super()._choose(tenant)
        return None if chosen is not None and chosen.readiness is Readiness.COLD else chosen


class PicksInOrder(Base):
    def _choose(self, tenant: str | None) -> PaperEnvironment | None:
        return next(iter(self._free), None)


class PicksTheLatest(Base):
    def _choose(self, tenant: str | None) -> PaperEnvironment | None:
        return next(reversed(self._free), None)


class PicksTheFinishingBeforeTheWarm(Base):
    def _choose(self, tenant: str | None) -> PaperEnvironment | None:
        finishing = [each for each in reversed(self._free) if each.readiness is Readiness.FINISHING]
        return finishing[0] if finishing else super()._choose(tenant)


class TakesAndForgets(Base):
    def take(self) -> PaperEnvironment | None:
        chosen = super().take()
        if chosen is not None:
            self._busy.pop(chosen)
        return chosen


class LeavesTheTakenFree(Base):
    def take(self) -> PaperEnvironment | None:
        chosen = super().take()
        if chosen is not None:
            self._free[chosen] = 0.0
        return chosen


class ServesTheLatestFirst(Base):
    def _assign(self) -> Actions:
        self._waiting.reverse()
        actions = super()._assign()
        self._waiting.reverse()
        return actions


class AssignsAndForgetsTheWaiting(Base):
    def _assign(self) -> Actions:
        before = list(self._waiting)
        actions = super()._assign()
        self._waiting.extend(before[:1] if any(isinstance(action, Assign) for action in actions) else [])
        return actions


class CountsWhatComesTwice(Base):
    @property
    def _coming(self) -> int:
        return 2 * (self._announced + len(self._starting))


class CountsNothingThatComes(Base):
    @property
    def _coming(self) -> int:
        return 0


class NeverThrottles(Base):
    def submit(self, invocation: str, max_queued: int, tenant: str | None = None) -> Actions:
        return super().submit(invocation, 10**9, tenant)


class ThrottlesThePatient(Base):
    def submit(self, invocation: str, max_queued: int, tenant: str | None = None) -> Actions:
        return super().submit(invocation, 0, tenant)


class LetsTheImpatientWait(Base):
    def submit(self, invocation: str, max_queued: int, tenant: str | None = None) -> Actions:
        return super().submit(invocation, max_queued + 1, tenant)


class StartsNothingNew(Base):
    def _assign(self) -> Actions:
        return [action for action in super()._assign() if isinstance(action, Assign)]


class FailsNobody(Base):
    def failed(self, environment: PaperEnvironment) -> Actions:
        self._starting.discard(environment)
        return self._assign()


class FailsEverybody(Base):
    def failed(self, environment: PaperEnvironment) -> Actions:
        actions: list[Action[str, PaperEnvironment]] = super().failed(environment)
        actions += [Fail(self._waiting.popleft().invocation) for _ in range(len(self._waiting))]
        return actions


class KeepsTheFailed(Base):
    def failed(self, environment: PaperEnvironment) -> Actions:
        actions = super().failed(environment)
        self._starting.add(environment)
        return actions


class TriesNotAgain(Base):
    def failed(self, environment: PaperEnvironment) -> Actions:
        actions = super().failed(environment)
        starts = len(actions) - sum(isinstance(action, Fail) for action in actions)
        self._announced -= starts
        return actions[: len(actions) - starts]


class NeverWakes(Base):
    def available(self, environment: PaperEnvironment, now: float) -> Actions:
        return [action for action in super().available(environment, now) if not isinstance(action, WakeAt)]


class WakesOnce(Base):
    def expire(self, now: float) -> Actions:
        actions = super().expire(now)
        self._wakes = True
        return [action for action in actions if not isinstance(action, WakeAt)]


class EndsTooEarly(Base):
    def expire(self, now: float) -> Actions:
        return super().expire(now + 1000)


class EndsAndForgetsNothing(Base):
    def expire(self, now: float) -> Actions:
        kept = dict(self._free)
        actions = super().expire(now)
        self._free = kept
        return actions


class KeepsWhatIsFreeOnOldCode(Base):
    def replace(self, most: int, slots: int = 1) -> Actions:
        kept, self._free = self._free, {}
        actions = super().replace(most, slots)
        self._free.update(kept)
        return actions


class KeepsWhatStartsOnOldCode(Base):
    def replace(self, most: int, slots: int = 1) -> Actions:
        kept, self._starting = self._starting, set()
        actions = super().replace(most, slots)
        self._starting |= kept
        return actions


class UsesOldCodeAgain(Base):
    def replace(self, most: int, slots: int = 1) -> Actions:
        busy = dict(self._busy)
        actions = super().replace(most, slots)
        for environment in busy:
            self._retired.pop(environment, None)
        self._busy |= busy
        return actions


class KeepsTheRetired(Base):
    def available(self, environment: PaperEnvironment, now: float) -> Actions:
        actions = super().available(environment, now)
        retired = [action for action in actions if isinstance(action, Close)]
        if retired:
            self._free[environment] = now
        return [] if retired else actions


class CountsTheRetired(Base):
    def __len__(self) -> int:
        return super().__len__() + len(self._retired)


class KeepsTheOldLimit(Base):
    def replace(self, most: int, slots: int = 1) -> Actions:
        return super().replace(self._most, slots)


class ReplacesAndLosesWhoWaits(Base):
    def replace(self, most: int, slots: int = 1) -> Actions:
        self._waiting.clear()
        return super().replace(most, slots)


class EndsWhatIsBusyOnOldCode(Base):
    def replace(self, most: int, slots: int = 1) -> Actions:
        busy = [Close(environment) for environment in self._busy]
        for environment in busy:
            self._free.pop(environment.environment, None)
        self._busy.clear()
        return [*busy, *super().replace(most, slots)]


class ShutsAndForgetsWhoWaits(Base):
    def shut(self) -> Actions:
        return [action for action in super().shut() if not isinstance(action, Fail)]


class ShutsAndForgetsTheRetired(Base):
    def shut(self) -> Actions:
        self._retired.clear()
        return super().shut()


class ShutsAndForgetsWhatStarts(Base):
    def shut(self) -> Actions:
        self._starting.clear()
        return super().shut()


class CountsWhatNeverStarted(Base):
    def never_started(self) -> Actions:
        self._announced += 1
        return super().never_started()


class FailsNobodyForWhatNeverStarted(Base):
    def never_started(self) -> Actions:
        self._announced -= 1
        return self._assign()


class StartsBesideFreeSlots(Base):
    def _choose(self, tenant: str | None) -> PaperEnvironment | None:
        chosen = super()._choose(tenant)
        return None if chosen in self._busy else chosen


class FillsOneSlotTooMany(Base):
    def _occupy(self, environment: PaperEnvironment, tenant: str | None) -> None:
        since = self._free[environment]
        super()._occupy(environment, tenant)
        if self._slots > 1 and self._busy[environment] == self._slots:
            self._free[environment] = since


class CountsOneSlotOfWhatComes(Base):
    @property
    def _uncovered(self) -> int:
        return len(self._waiting) - self._coming


class EndsWhatHasAFreeSlot(Base):
    def _idle(self) -> list[PaperEnvironment]:
        return list(self._free)


class ExpiresWhatHasAFreeSlot(Base):
    def expire(self, now: float) -> Actions:
        busy, self._busy = self._busy, {}
        actions = super().expire(now)
        self._busy = busy
        return actions


class ForgetsWhomItHasServed(Base):
    def _occupy(self, environment: PaperEnvironment, tenant: str | None) -> None:
        super()._occupy(environment, tenant)
        if self._tenants is not None:
            self._tenants.pop(environment)


class GivesWhatServedNobodyKnown(Base):
    def submit(self, invocation: str, max_queued: int, tenant: str | None = None) -> Actions:
        if tenant is not None and self._tenants is None:
            self._tenants = {}
        return super().submit(invocation, max_queued, tenant)


class KeepsEveryTenantWaiting(Base):
    def _assign(self) -> Actions:
        tenants = self._tenants
        blocked = tenants is not None and self._waiting and super()._choose(self._waiting[0].tenant) is None
        return super()._start(1) if blocked and self._uncovered > 0 else [] if blocked else super()._assign()


class MakesNoRoomForATenant(Base):
    def _start(self, missing: int) -> Actions:
        tenants, self._tenants = self._tenants, None
        actions = super()._start(missing)
        self._tenants = tenants
        return actions


class MakesMoreRoomThanNeeded(Base):
    def _start(self, missing: int) -> Actions:
        closed = [self._close_free(each) for each in self._idle()] if self._tenants is not None else []
        return [*closed, *super()._start(missing)]


class ThrottlesWhoWaitedBefore(Base):
    def submit(self, invocation: str, max_queued: int, tenant: str | None = None) -> Actions:
        actions = super().submit(invocation, 10**9, tenant)
        if self._waiting and self._uncovered > max_queued:
            actions.append(Throttle(self._waiting.pop().invocation))
        return actions


BROKEN: list[type[Base]] = [
    kind for kind in list(globals().values()) if isinstance(kind, type) and kind.__module__ == __name__
]
