"""Thousands of pools in worlds of chance; and pools that are broken on purpose, which must be noticed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.concurrency import Fleet

from .broken_fleets import BROKEN
from .fleet_world import Broken, FleetWorld

if TYPE_CHECKING:
    from .fleet_world import Made, Make

FEW = 60
ENOUGH = 500  # worlds in which every breakage shows; most of them show in the first ten


def live(seed: int, make: Make = Fleet) -> None:
    """One world; its seed stands in what is raised."""
    try:
        FleetWorld(random.Random(seed), make).run()
    except Broken as broken:
        raise Broken(f"seed {seed}: {broken}") from None


def live_through(worlds: int, make: Make) -> None:
    for seed in range(worlds):
        live(seed, make)


def test_no_rule_is_broken_in_a_few_worlds() -> None:
    live_through(FEW, Fleet)


@pytest.mark.slow
def test_no_rule_is_broken_in_the_worlds_that_show_every_breakage() -> None:
    for seed in range(FEW, ENOUGH):
        live(seed)


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_fleet_is_noticed(kind: type[Made]) -> None:
    with pytest.raises(Broken):
        live_through(ENOUGH, kind)


def test_the_worlds_see_everything_that_a_pool_can_do() -> None:
    fates: set[str] = set()
    for seed in range(60):
        world = FleetWorld(random.Random(seed))
        world.run()
        fates |= set(world.fates.values())
    assert fates == {"success", "error", "failure", "timeout", "throttled", "failed"}
