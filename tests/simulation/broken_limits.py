"""Fleets and capacities with one rule about limits or provisioned environments broken each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.protocol.capacity import Capacity
from runtime_api.protocol.concurrency import Fleet
from runtime_api.protocol.fleet_actions import Assign, Close, Provision, Start, Throttle

from .fleet_runtime import PaperEnvironment

if TYPE_CHECKING:
    from typing import TypeAlias

    from runtime_api.protocol.capacity import Member
    from runtime_api.protocol.fleet_actions import Action

    Actions: TypeAlias = list[Action[str, PaperEnvironment]]
    Room: TypeAlias = tuple[int, list[Close[PaperEnvironment]]]

__all__ = ["BROKEN_CAPACITIES", "BROKEN_FLEETS"]

Base = Fleet[str, PaperEnvironment]
BaseCapacity = Capacity[PaperEnvironment]


class GrantsOneTooMany(BaseCapacity):
    def claim(self, wanted: int) -> Room:
        self.most += 1
        room = super().claim(wanted)
        self.most -= 1
        return room


class EndsNothingForOthers(BaseCapacity):
    def _idlest(self) -> Member[PaperEnvironment] | None:
        return None


class EndsTheIdleWithoutNeed(BaseCapacity):
    def claim(self, wanted: int) -> Room:
        idlest = self._idlest()
        closed = [] if idlest is None else [idlest.give_up_idle()]
        granted, more = super().claim(wanted)
        return granted, closed + more


class EndsTheLastIdle(BaseCapacity):
    def _idlest(self) -> Member[PaperEnvironment] | None:
        idle = [member for member in self._members if member.idle_since is not None]
        return max(idle, key=lambda member: member.idle_since or 0.0, default=None)


class ForgetsWhatIsGivenBack(BaseCapacity):
    def release(self, places: int) -> None:
        super().release(min(places, 1))


class CountsNobodyElse(BaseCapacity):
    def claim(self, wanted: int) -> Room:
        self.used += wanted
        return wanted, []


class KeepsTheSpent(Base):
    def lost(self, environment: PaperEnvironment) -> Actions:
        return []


class KeepsTheCrashed(Base):
    def _is_spent(self, environment: PaperEnvironment) -> bool:
        return False


class EndsTheSpentAndMakesNoOther(Base):
    def _renew(self, environment: PaperEnvironment) -> Actions:
        return [action for action in super()._renew(environment) if not isinstance(action, Provision)]


class TriesTheFailedAgain(Base):
    def _give_up_provisioned(self) -> Actions:
        return [*self._provision(), *super()._give_up_provisioned()]


class TriesAgainWhatHasNeverServed(Base):
    def lost(self, environment: PaperEnvironment) -> Actions:
        before = self._provisioning.given_up
        actions = super().lost(environment)
        self._provisioning.given_up = before
        return actions


class CountsTheFailedTwice(Base):
    def _give_up_provisioned(self) -> Actions:
        self._provisioning.given_up += 2
        return super()._give_up_provisioned()


class UsesTheProvisionedLast(Base):
    def _choose(self, tenant: str | None) -> PaperEnvironment | None:
        kept, self._provisioned = self._provisioned, {}
        chosen = super()._choose(tenant)
        self._provisioned = kept
        return chosen


class EndsIdleProvisioned(Base):
    def _idle(self) -> list[PaperEnvironment]:
        return [each for each in self._free if each not in self._busy]


class CountsTheProvisioned(Base):
    def __len__(self) -> int:
        return super().__len__() + len(self._provisioned)


class KeepsTheSurplus(Base):
    def _unprovision(self) -> Actions:
        return []


class KeepsBusySurplus(Base):
    def keep(self, count: int) -> Actions:
        busy = dict(self._busy)
        actions = super().keep(count)
        for environment in [each for each in busy if each in self._retired]:
            self._busy[environment] = self._retired.pop(environment)
        return actions


class EndsTooManyProvisioned(Base):
    def keep(self, count: int) -> Actions:
        actions = super().keep(max(count - 1, 0))
        return [*actions, *super().keep(count)]


class ProvisionsNothingForNewCode(Base):
    def replace(self, most: int, slots: int = 1) -> Actions:
        wanted = self._provisioning.wanted
        self._provisioning.want(0)
        actions = super().replace(most, slots)
        self._provisioning.want(wanted)
        return actions


class KeepsTheProvisionedOfOldCode(Base):
    def replace(self, most: int, slots: int = 1) -> Actions:
        kept = dict(self._provisioned)
        free = {each: since for each, since in self._free.items() if each in kept and each not in self._busy}
        for each in free:
            del self._free[each], self._provisioned[each]
        actions = super().replace(most, slots)
        self._free |= free
        self._provisioned |= free
        return actions


class ShedsNothing(Base):
    def shed(self) -> Actions:
        return self._assign()

    def shed_idle(self) -> Actions:
        return []


class ShedsTheBusyFirst(Base):
    def shed_idle(self) -> Actions:
        for environment in [each for each in self._busy if each not in self._provisioned]:
            if self._is_too_many:
                self._retire(environment)
                self._capacity.release(1)
        return super().shed_idle()


class KeepsTheBusyThatAreTooMany(Base):
    def shed(self) -> Actions:
        return [*self.shed_idle(), *self._assign()]


class StartsNothingWhenThereIsRoom(Base):
    def shed(self) -> Actions:
        actions = super().shed()
        starts = [action for action in actions if isinstance(action, Start)]
        self._announced -= len(starts)
        self._capacity.release(len(starts))
        return [action for action in actions if not isinstance(action, Start)]


class LetsThemWaitForNothing(Base):
    @property
    def _has_any(self) -> bool:
        return True


class ThrottlesThoseWhoCouldWait(Base):
    @property
    def _has_any(self) -> bool:
        return bool(self._free or self._coming)


class NamesTheOtherLimit(Base):
    def submit(self, invocation: str, max_queued: int, tenant: str | None = None) -> Actions:
        actions = super().submit(invocation, max_queued, tenant)
        return [
            action._replace(shared=not action.shared) if isinstance(action, Throttle) else action
            for action in actions
        ]


class KeepsItsPlaces(Base):
    def never_started(self) -> Actions:
        self._capacity.used += 1
        return super().never_started()


class GivesBackTwice(Base):
    def expire(self, now: float) -> Actions:
        actions = super().expire(now)
        self._capacity.release(sum(isinstance(action, Close) for action in actions))
        return actions


class GivesUpTheProvisioned(Base):
    def give_up_idle(self) -> Close[PaperEnvironment]:
        environment = next(iter(self._free))
        self._provisioned.pop(environment, None)
        return self._give_up(environment)


class GivesUpTheLastIdle(Base):
    def give_up_idle(self) -> Close[PaperEnvironment]:
        return self._give_up(self._idle()[-1])


class AssignsTheRetired(Base):
    def shed(self) -> Actions:
        before = dict(self._busy)
        actions = super().shed()
        for environment in [each for each in before if each in self._retired]:
            self._free[environment] = 0.0
        return [action for action in actions if not isinstance(action, Assign)]


def _here(base: type) -> list[type]:
    mine = [kind for kind in globals().values() if isinstance(kind, type) and kind.__module__ == __name__]
    return [kind for kind in mine if issubclass(kind, base)]


BROKEN_FLEETS: list[type[Base]] = _here(Fleet)
BROKEN_CAPACITIES: list[type[BaseCapacity]] = _here(Capacity)
