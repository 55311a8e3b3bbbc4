"""Thousands of worlds: the machine as it is breaks no rule; broken in any one row of its tables, it is caught."""

from __future__ import annotations

import itertools
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_api.protocol.environment import EnvironmentMachine
from runtime_api.protocol.states import CLASSIC, CONCURRENT, SNAPSTART, Tables

from .broken_extensions import BROKEN_EXTENSIONS
from .broken_machines import BROKEN
from .life import Life
from .world import Broken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WORLDS = 1000
WORLDS_TO_CATCH = 16_000
MODES = {"classic": CLASSIC, "concurrent": CONCURRENT, "snapstart": SNAPSTART}
# Worlds that were the first to show rare breakages. They are tried early, which only saves time: once the worlds have
# changed, others show the same.
TELLING: dict[str, tuple[int, ...]] = {
    "classic": (23, 33, 26, 34, 17, 209, 37, 36, 990, 325, 201, 184, 69, 62, 108, 86, 813, 202, 228, 2394, 6310),
    "concurrent": (506, 243, 100, 64),
    "snapstart": (17, 84, 195, 211, 187, 244, 201, 109, 272, 92, 59, 34, 29, 513, 218, 164),
}


def worlds_to_catch(mode: str) -> Iterator[int]:
    """The seeds of the worlds of which one has to show that a machine is broken."""
    return itertools.chain(range(10), TELLING[mode], range(10, WORLDS_TO_CATCH))


def first_broken(
    mode: str, tables: Tables, seeds: Iterable[int], make: type[EnvironmentMachine] = EnvironmentMachine
) -> tuple[int, Broken] | None:
    """The first seed whose world breaks a rule."""
    for seed in seeds:
        try:
            Life(Random(seed), mode, tables, make).live()
        except Broken as broken:
            return seed, broken
    return None


@pytest.mark.parametrize("mode", MODES)
def test_no_world_breaks_a_rule(mode: str) -> None:
    found = first_broken(mode, MODES[mode], [*range(WORLDS), *TELLING[mode]])
    assert found is None, f"seed {found[0]}: {found[1]}"


@settings(max_examples=200)
@given(st.randoms(use_true_random=False), st.sampled_from(sorted(MODES)))
def test_any_sequence_of_events_keeps_the_rules(dice: Random, mode: str) -> None:
    Life(dice, mode).live()


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_no_world_of_more_breaks_a_rule(mode: str) -> None:
    found = first_broken(mode, MODES[mode], range(WORLDS, 2 * WORLDS))
    assert found is None, f"seed {found[0]}: {found[1]}"


def rows() -> list[Any]:
    """Every row of every table, once left out and once leading to each other state.

    A mode is tried with the rows of its own: those it shares with classic mode are tried there.
    """
    cases = []
    for mode, name in itertools.product(MODES, Tables._fields):
        table: Mapping[Any, Mapping[Any, Any]] = getattr(MODES[mode], name)
        if table:
            states = list(dict.fromkeys([*table, *(state for moves in table.values() for state in moves.values())]))
            for state, moves in table.items():
                for move, target in moves.items():
                    if mode != "classic" and getattr(CLASSIC, name).get(state, {}).get(move) is target:
                        continue
                    for other in [None, *(each for each in states if each is not target)]:
                        label = f"{mode}-{name}-{state}-{move}-{other or 'gone'}".replace(" ", "_")
                        cases.append(pytest.param(mode, name, state, move, other, id=label))
    return cases


def broken_tables(mode: str, name: str, state: Any, move: Any, other: Any) -> Tables:
    """The tables with one row left out (None) or leading to another state."""
    table = {key: dict(value) for key, value in getattr(MODES[mode], name).items()}
    if other is None:
        del table[state][move]
    else:
        table[state][move] = other
    return MODES[mode]._replace(**{name: table})


@pytest.mark.parametrize(("mode", "name", "state", "move", "other"), rows())
def test_a_broken_row_is_caught(mode: str, name: str, state: Any, move: Any, other: Any) -> None:
    tables = broken_tables(mode, name, state, move, other)
    assert first_broken(mode, tables, worlds_to_catch(mode)) is not None


@pytest.mark.parametrize(
    ("mode", "make"),
    [*BROKEN, *(("classic", make) for make in BROKEN_EXTENSIONS)],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_broken_machine_is_caught(mode: str, make: type[EnvironmentMachine]) -> None:
    assert first_broken(mode, MODES[mode], worlds_to_catch(mode), make) is not None
