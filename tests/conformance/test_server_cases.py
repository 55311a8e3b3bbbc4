"""The cases for servers as data, and the table of states beside the machine's own."""

from __future__ import annotations

from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.server.features import PROBES
from runtime_api.conformance.server.script import STEPS
from runtime_api.conformance.server.template import given_of
from runtime_api.conformance.server.walk import STATES
from runtime_api.protocol.states import TRANSITIONS, Move, RuntimeState

CASES = load_cases("server", "extensions")
CALLS = {"next": Move.NEXT, "init/error": Move.INIT_ERROR, "response": Move.RESPONSE, "error": Move.ERROR}
NOT_OF_A_RUNTIME = {RuntimeState.ABSENT, RuntimeState.STOPPING}  # there is no runtime that could call


def test_every_step_is_one_that_can_be_done() -> None:
    assert [step["do"] for case in CASES for step in case.steps if step["do"] not in STEPS] == []


def test_every_feature_has_a_probe() -> None:
    assert {case.feature for case in CASES if case.feature} == set(PROBES)


def test_what_is_given_is_known() -> None:
    for case in CASES:
        given_of(case.given)


def test_ids_are_unique() -> None:
    ids = [case.id for case in CASES]
    assert sorted(set(ids)) == sorted(ids)


def test_the_kit_knows_the_states_of_the_machine() -> None:
    assert set(STATES["states"]) == {str(state) for state in RuntimeState if state not in NOT_OF_A_RUNTIME}


def test_the_kit_allows_what_the_machine_allows() -> None:
    for state, cells in STATES["states"].items():
        moves = TRANSITIONS.runtime[RuntimeState(state)]
        for call, move in CALLS.items():
            assert (move in moves) is ("to" in cells[call]), (state, call)


def test_the_kit_s_states_lead_where_the_machine_s_do() -> None:
    for state, cells in STATES["states"].items():
        moves = TRANSITIONS.runtime[RuntimeState(state)]
        for call in ("next", "init/error"):
            if "to" in cells[call]:
                assert moves[CALLS[call]] == cells[call]["to"], (state, call)
    for call in ("response", "error"):
        on_its_way = TRANSITIONS.runtime[RuntimeState.RUNNING][CALLS[call]]
        assert STATES["states"]["Running"][f"[begin {call}]"]["to"] == on_its_way
        assert STATES["states"][on_its_way]["[body ends]"]["to"] == TRANSITIONS.runtime[on_its_way][Move.FINISHED]
        assert STATES["states"]["Running"][call]["to"] == TRANSITIONS.runtime[on_its_way][Move.FINISHED]
    assert STATES["states"]["Ready"]["[event]"]["to"] == TRANSITIONS.runtime[RuntimeState.READY][Move.DELIVER]
