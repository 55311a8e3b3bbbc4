"""How many environments the fleets of several function versions may have together.

The reserved concurrency of a function is such a capacity, shared by its versions; what an account has not reserved is
another one, shared by every other function. An invocation runs in an environment of its own, so nothing has to be
counted while invocations run: it is enough to bound the environments. When all of them are taken, the one that has
been free for longest, in whichever fleet, makes way for the one that is needed now.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, Protocol, TypeVar

__all__ = ["UNBOUNDED", "Capacity", "Close", "Member"]

UNBOUNDED = 1 << 62
E = TypeVar("E")


class Close(NamedTuple, Generic[E]):
    """End this environment; the fleet has forgotten it."""

    environment: E


class Member(Protocol[E]):
    """What a capacity must know of a fleet."""

    @property
    def idle_since(self) -> float | None:
        """Since when the one of its environments that has been free for longest is free; None: none is."""

    def give_up_idle(self) -> Close[E]:
        """Give up that environment; it counts no more."""


class Capacity(Generic[E]):
    """At most `most` environments in all of its fleets, which `claim` and `release` what they have."""

    def __init__(self, most: int = UNBOUNDED) -> None:
        self.most = most
        self.used = 0
        self._members: dict[Member[E], None] = {}  # in the order in which they joined

    def __repr__(self) -> str:
        return f"<Capacity {self.used} of {self.most}>"

    @property
    def is_exceeded(self) -> bool:
        """Whether there are more environments than there may be now, since `most` has become less."""
        return self.used > self.most

    @property
    def is_full(self) -> bool:
        """Whether nothing more fits in unless something makes way."""
        return self.used >= self.most

    def join(self, member: Member[E], used: int) -> None:
        """Count this fleet's environments, too, even where they are more than there is room for."""
        self._members[member] = None
        self.used += used

    def leave(self, member: Member[E], used: int) -> None:
        """Count this fleet's environments no more."""
        if member in self._members:
            del self._members[member]
            self.used -= used

    def claim(self, wanted: int) -> tuple[int, list[Close[E]]]:
        """Take up to `wanted` places; returns how many there were, and what is closed to make room for them."""
        closed: list[Close[E]] = []
        while self.used + wanted > self.most:
            idlest = self._idlest()
            if idlest is None:
                break
            closed.append(idlest.give_up_idle())
        granted = max(0, min(wanted, self.most - self.used))
        self.used += granted
        return granted, closed

    def release(self, places: int) -> None:
        """Give places back."""
        self.used -= places

    def _idlest(self) -> Member[E] | None:
        found, earliest = None, 0.0
        for member in self._members:
            since = member.idle_since
            if since is not None and (found is None or since < earliest):
                found, earliest = member, since
        return found
