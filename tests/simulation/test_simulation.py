"""Thousands of worlds: the machine as it is breaks no rule; broken in any one row of its tables, it is caught."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_api.protocol.states import PHASES, RUNTIME, TRANSITIONS, Tables

from .world import Broken, World

WORLDS = 1500
WORLDS_TO_CATCH = 3000


def first_broken(tables: Tables, worlds: int) -> tuple[int, Broken] | None:
    """The first seed whose world breaks a rule."""
    for seed in range(worlds):
        try:
            World(Random(seed), tables).live()
        except Broken as broken:
            return seed, broken
    return None


def test_no_world_breaks_a_rule() -> None:
    found = first_broken(TRANSITIONS, WORLDS)
    assert found is None, f"seed {found[0]}: {found[1]}"


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_sequence_of_events_keeps_the_rules(dice: Random) -> None:
    World(dice).live()


@pytest.mark.slow
def test_no_world_of_very_many_breaks_a_rule() -> None:
    found = first_broken(TRANSITIONS, 30_000)
    assert found is None, f"seed {found[0]}: {found[1]}"


def rows() -> list[Any]:
    """Every row of both tables, once left out and once leading elsewhere."""
    cases = []
    for name, table in (("phases", PHASES), ("runtime", RUNTIME)):
        for state, moves in table.items():
            for move, target in moves.items():
                for other in [None, *(each for each in table if each is not target)]:
                    label = f"{name}-{state}-{move}-{other or 'gone'}".replace(" ", "_")
                    cases.append(pytest.param(name, state, move, other, id=label))
    return cases


def broken_tables(name: str, state: Any, move: Any, other: Any) -> Tables:
    """The tables with one row left out (None) or leading to another state."""
    table = {key: dict(value) for key, value in getattr(TRANSITIONS, name).items()}
    if other is None:
        del table[state][move]
    else:
        table[state][move] = other
    return TRANSITIONS._replace(**{name: table})


@pytest.mark.parametrize(("name", "state", "move", "other"), rows())
def test_a_broken_row_is_caught(name: str, state: Any, move: Any, other: Any) -> None:
    assert first_broken(broken_tables(name, state, move, other), WORLDS_TO_CATCH) is not None
