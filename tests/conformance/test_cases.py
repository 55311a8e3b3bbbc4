"""The cases are what their schema says, and as many as they claim."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import runtime_api.conformance
from runtime_api.conformance.cases import load_cases, next_level, select
from runtime_api.conformance.runtime.steps import STEPS as RUNTIME_STEPS
from runtime_api.conformance.server.script import STEPS as SERVER_STEPS
from tests.conformance.matrix import mutants, read_matrix

HOME = Path(runtime_api.conformance.__file__).parent
FILES = sorted((HOME / "cases").glob("*/*.json"))
DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = jsonschema.Draft202012Validator(json.loads((HOME / "case-schema.json").read_text()))
AT_LEAST = 120  # cases that count
FEW = 10  # cases that catch a mutant, at most, but for faults that many requirements stand on
MANY = 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_file_is_of_the_form_that_the_schema_describes(file: Path) -> None:
    document = json.loads(file.read_text())
    SCHEMA.validate(document)
    assert all(case["id"].startswith(f"{file.parent.name}/{file.stem}/") for case in document["cases"])


def test_the_schema_is_one() -> None:
    SCHEMA.check_schema(SCHEMA.schema)


@pytest.mark.parametrize(
    ("side", "step"),
    [
        ("runtime", {"do": "invok"}),
        ("runtime", {"do": "invoke", "wnat": {"kind": "error"}}),
        ("runtime", {"do": "invoke", "want": {"kind": "fault"}}),
        ("runtime", {"do": "invoke", "answer": {"satus": 500}}),
        ("runtime", {"do": "any", "of": [{"do": "next"}, {"do": "respond"}]}),
        ("runtime", {"do": "quiet"}),
        ("runtime", {"do": "park"}),
        ("server", {"do": "quiet", "seconds": 1}),
        ("server", {"do": "deliver", "want": {"sttaus": 200}}),
        ("server", {"do": "call"}),
        ("server", {"do": "tell", "order": "dance"}),
        ("extensions", {"do": "register", "event": ["INVOKE"]}),
    ],
)
def test_a_step_that_no_one_can_play_is_not_of_the_form(side: str, step: dict[str, Any]) -> None:
    case = {"id": f"{side}/group/name", "requirement": "It is so.", "cite": ["source"], "steps": [{"do": "next"}]}
    assert SCHEMA.is_valid({"about": "these", "cases": [case]})
    assert not SCHEMA.is_valid({"about": "these", "cases": [{**case, "steps": [{"do": "next"}, step]}]})


def test_the_schema_knows_every_step_and_no_other() -> None:
    known = SCHEMA.schema["$defs"]
    assert set(known["runtime_step"]["properties"]["do"]["enum"]) == set(RUNTIME_STEPS)
    assert set(known["server_step"]["properties"]["do"]["enum"]) == set(SERVER_STEPS)


def test_ids_are_unique() -> None:
    ids = [case.id for case in load_cases("runtime")]
    assert len(ids) == len(set(ids))


def test_each_case_has_a_mutant_of_its_own_that_it_catches() -> None:
    matrix, made = read_matrix(), mutants()
    assert set(matrix) == set(made)
    assert {mutant.case for mutant in made.values()} == {case.id for case in load_cases("runtime")}
    assert [name for name in made if made[name].case not in matrix[name]] == []


def test_cases_that_the_same_mutants_fail_count_once_and_are_enough() -> None:
    caught: dict[str, set[str]] = {}
    for name, cases in read_matrix().items():
        for case in cases:
            caught.setdefault(case, set()).add(name)
    assert len({frozenset(names) for names in caught.values()}) >= AT_LEAST


def test_a_mutant_is_caught_by_few_cases() -> None:
    counts = sorted(len(cases) for cases in read_matrix().values())
    assert counts[-1] <= MANY
    assert sum(count > FEW for count in counts) <= 3


def test_the_table_in_the_docs_is_that_of_today() -> None:
    drawn = runpy.run_path(str(DOCS / "draw_conformance.py"))["page"]()
    assert (DOCS / "conformance-matrix.md").read_text() == drawn, "run `make docs`"


def test_the_table_of_bootstraps_is_that_of_today() -> None:
    drawn = runpy.run_path(str(DOCS / "draw_subjects.py"))["page"]()
    assert (DOCS / "conformance-bootstraps.md").read_text() == drawn, "run `make docs`"


def test_a_level_holds_those_below_it() -> None:
    cases = load_cases("runtime")
    counts = [len(select(cases, level=level)) for level in ("wire", "echo", "contract")]
    assert counts == sorted(set(counts))
    assert next_level("wire") == "echo"
    assert next_level("contract") is None


def test_cases_are_selected_by_id_by_its_beginning_and_by_a_pattern() -> None:
    cases = load_cases("runtime")
    assert [case.id for case in select(cases, only=["runtime/ids/long"])] == ["runtime/ids/long"]
    assert {case.group for case in select(cases, only=["runtime/ids"])} == {"runtime/ids"}
    assert {case.id.rpartition("/")[2] for case in select(cases, only=["*/goes-on"])} == {"goes-on"}
    assert select(cases, only=["runtime/i"]) == []
