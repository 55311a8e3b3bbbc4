"""The cases for servers as data, and the table of states beside the machine's own."""

from __future__ import annotations

from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.server.features import PROBES
from runtime_api.conformance.server.launching import given_of
from runtime_api.conformance.server.script import Script
from runtime_api.conformance.server.walk import STATES
from runtime_api.protocol.states import CLASSIC, Move, RuntimeState

CASES = load_cases("server", "extensions")
CALLS = {"next": Move.NEXT, "init/error": Move.INIT_ERROR, "response": Move.RESPONSE, "error": Move.ERROR}
NOT_OF_A_RUNTIME = {RuntimeState.ABSENT, RuntimeState.STOPPING}  # there is no runtime that could call


def test_every_step_is_one_that_can_be_done() -> None:
    assert [step["do"] for case in CASES for step in case.steps if not hasattr(Script, f"do_{step['do']}")] == []


def test_every_feature_has_a_probe() -> None:
    assert {case.feature for case in CASES if case.feature} == set(PROBES)


def test_what_is_given_is_known() -> None:
    for case in CASES:
        given_of(case.given)


def test_ids_are_unique() -> None:
    ids = [case.id for case in CASES]
    assert sorted(set(ids)) == sorted(ids)


def states_named(name: str) -> list[RuntimeState]:
    """The machine's states that AWS gives this one name; the first is the one that a call leads to."""
    return [state for state in CLASSIC.runtime if state.aws_name == name]


def test_the_kit_knows_the_states_of_the_machine() -> None:
    known = {state.aws_name for state in CLASSIC.runtime if state not in NOT_OF_A_RUNTIME}
    assert set(STATES["states"]) == known


def test_the_kit_allows_what_the_machine_allows() -> None:
    for name, cells in STATES["states"].items():
        for state in states_named(name):
            for call, move in CALLS.items():
                assert (move in CLASSIC.runtime[state]) is ("to" in cells[call]), (state, call)


def test_the_kit_s_states_lead_where_the_machine_s_do() -> None:
    rows, kit = CLASSIC.runtime, STATES["states"]
    for name, cells in kit.items():
        for call in ("next", "init/error"):
            if "to" in cells[call]:
                assert rows[states_named(name)[0]][CALLS[call]].aws_name == cells[call]["to"], (name, call)
    for call in ("response", "error"):
        on_its_way = rows[RuntimeState.RUNNING][CALLS[call]]
        assert kit["Running"][f"[begin {call}]"]["to"] == on_its_way.aws_name
        sent = rows[on_its_way][Move.FINISHED].aws_name
        assert kit[on_its_way.aws_name]["[body ends]"]["to"] == kit["Running"][call]["to"] == sent
    assert kit["Ready"]["[event]"]["to"] == rows[RuntimeState.READY][Move.DELIVER].aws_name
