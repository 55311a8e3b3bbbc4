"""Thousands of pools with limits that change and environments kept initialised; broken ones, which are noticed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.capacity import Capacity
from runtime_api.protocol.concurrency import Fleet

from .broken_limits import BROKEN_CAPACITIES, BROKEN_FLEETS
from .fleet_world import Broken
from .limits_world import LimitsWorld

if TYPE_CHECKING:
    from collections.abc import Callable

    from .fleet_runtime import PaperEnvironment
    from .fleet_world import Made, Make

FEW = 60
ENOUGH = 600  # worlds in which every breakage shows; most of them show in the first ten


def live(seed: int, make: Make = Fleet, capacity: Callable[[], Capacity[PaperEnvironment]] = Capacity) -> None:
    """One world; its seed stands in what is raised."""
    try:
        LimitsWorld(random.Random(seed), make, capacity).run()
    except Broken as broken:
        raise Broken(f"seed {seed}: {broken}") from None


def live_through(
    worlds: int, make: Make = Fleet, capacity: Callable[[], Capacity[PaperEnvironment]] = Capacity
) -> None:
    for seed in range(worlds):
        live(seed, make, capacity)


def test_no_limit_is_broken_in_a_few_worlds() -> None:
    live_through(FEW)


@pytest.mark.slow
def test_no_limit_is_broken_in_the_worlds_that_show_every_breakage() -> None:
    for seed in range(FEW, ENOUGH):
        live(seed)


@pytest.mark.parametrize("kind", BROKEN_FLEETS, ids=lambda kind: kind.__name__)
def test_a_fleet_that_breaks_a_limit_is_noticed(kind: type[Made]) -> None:
    with pytest.raises(Broken):
        live_through(ENOUGH, kind)


@pytest.mark.parametrize("kind", BROKEN_CAPACITIES, ids=lambda kind: kind.__name__)
def test_a_broken_capacity_is_noticed(kind: type[Capacity[PaperEnvironment]]) -> None:
    with pytest.raises(Broken):
        live_through(ENOUGH, capacity=kind)
