"""Who has how much of an account's concurrency: reserved, provisioned, and what is left for invocations on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .function_record import Function

__all__ = ["capacity_of", "claimed", "on_demand_share", "provisioned_by", "provisioned_of", "provisioned_versions"]


def provisioned_by(function: Function, qualifier: str) -> dict[str, int]:
    """Return how many environments of which versions are provisioned for a version or an alias, by number.

    An alias has those of the version that it points to; they are divided between two versions by their weights.
    """
    requested, alias = function.provisioned[qualifier].requested, function.aliases.get(qualifier)
    if alias is None:
        return {qualifier: requested}
    others = {number: int(requested * weight) for number, weight in alias.weights.items()}
    return {alias.version: requested - sum(others.values())} | others


def provisioned_versions(function: Function) -> dict[str, int]:
    """Return how many environments each version of a function has provisioned, by number."""
    wanted: dict[str, int] = {}
    for qualifier in function.provisioned:
        for number, count in provisioned_by(function, qualifier).items():
            wanted[number] = wanted.get(number, 0) + count
    return wanted


def provisioned_of(function: Function) -> int:
    """Return how many environments a function has provisioned in all."""
    return sum(config.requested for config in function.provisioned.values())


def claimed(function: Function | None) -> int:
    """Return how much of the account's concurrency a function has to itself, on demand or provisioned."""
    if function is None:
        return 0
    return provisioned_of(function) if function.reserved_concurrency is None else function.reserved_concurrency


def on_demand_share(function: Function | None) -> int | None:
    """Return how many environments on demand a function's versions may have together; None: what the account has."""
    if function is None or function.reserved_concurrency is None:
        return None
    return function.reserved_concurrency - provisioned_of(function)


def capacity_of(function: Function, number: str, on_demand: int) -> int:
    """Return how many environments a version may have; `on_demand`: how many where the function has reserved none."""
    share = on_demand_share(function)
    return (on_demand if share is None else share) + provisioned_versions(function).get(number, 0)
