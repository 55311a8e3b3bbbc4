"""The cases for servers as data, and their table of states compared with the machine's."""

from __future__ import annotations

from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.server.features import PROBES
from runtime_api.conformance.server.remote import PROCESS_STEPS
from runtime_api.conformance.server.script import STEPS
from runtime_api.conformance.server.template import given_of
from runtime_api.conformance.server.walk import STATES
from runtime_api.protocol.states import CLASSIC, Move, RuntimeState

CASES = load_cases("server", "extensions")
CALLS = {"next": Move.NEXT, "init/error": Move.INIT_ERROR, "response": Move.RESPONSE, "error": Move.ERROR}
NOT_OF_A_RUNTIME = {RuntimeState.ABSENT, RuntimeState.STOPPING}  # no runtime can call in these states


def test_every_step_can_run() -> None:
    assert [step["do"] for case in CASES for step in case.steps if step["do"] not in STEPS] == []


def test_every_feature_has_a_probe() -> None:
    assert {case.feature for case in CASES if case.feature} == set(PROBES)


def test_every_given_is_known() -> None:
    for case in CASES:
        given_of(case.given)


def test_the_steps_that_a_running_server_cannot_serve_exist() -> None:
    assert set(STEPS) >= PROCESS_STEPS


def test_ids_are_unique() -> None:
    ids = [case.id for case in CASES]
    assert sorted(set(ids)) == sorted(ids)


def states_named(name: str) -> list[RuntimeState]:
    """The machine's states with this AWS name; the first is the one to which a call leads."""
    return [state for state in CLASSIC.runtime if state.aws_name == name]


def test_the_kit_knows_the_states_of_the_machine() -> None:
    known = {state.aws_name for state in CLASSIC.runtime if state not in NOT_OF_A_RUNTIME}
    assert set(STATES["states"]) == known


def test_the_kit_allows_what_the_machine_allows() -> None:
    for name, cells in STATES["states"].items():
        for state in states_named(name):
            for call, move in CALLS.items():
                assert (move in CLASSIC.runtime[state]) is ("to" in cells[call]), (state, call)


def test_the_kit_moves_between_states_as_the_machine_does() -> None:
    rows, kit = CLASSIC.runtime, STATES["states"]
    for name, cells in kit.items():
        for call in ("next", "init/error"):
            if "to" in cells[call]:
                assert rows[states_named(name)[0]][CALLS[call]].aws_name == cells[call]["to"], (name, call)
    for call in ("response", "error"):
        receiving = rows[RuntimeState.RUNNING][CALLS[call]]
        assert kit["Running"][f"[begin {call}]"]["to"] == receiving.aws_name
        sent = rows[receiving][Move.FINISHED].aws_name
        assert kit[receiving.aws_name]["[body ends]"]["to"] == kit["Running"][call]["to"] == sent
    assert kit["Ready"]["[event]"]["to"] == rows[RuntimeState.READY][Move.DELIVER].aws_name
