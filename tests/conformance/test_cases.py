"""The cases match their schema, and each of them catches a fault of its own."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

import runtime_api.conformance
from runtime_api.conformance.cases import LEVELS, load_cases, next_level, select
from runtime_api.conformance.runtime.steps import STEPS as RUNTIME_STEPS
from runtime_api.conformance.server.script import STEPS as SERVER_STEPS
from tests.conformance.matrix import mutants, read_matrix

HOME = Path(runtime_api.conformance.__file__).parent
FILES = sorted((HOME / "cases").glob("*/*.json"))
DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = jsonschema.Draft202012Validator(json.loads((HOME / "case-schema.json").read_text()))
AT_LEAST = 120  # distinct cases
FEW = 10  # cases that catch a mutant; more for faults on which many requirements depend
MANY = 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_file_matches_the_schema(file: Path) -> None:
    document = json.loads(file.read_text())
    SCHEMA.validate(document)
    assert all(case["id"].startswith(f"{file.parent.name}/{file.stem}/") for case in document["cases"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_file_means_the_same_to_every_json_parser(file: Path) -> None:
    """The kit reads cases with orjson, which differs from `json` on lone surrogates, NaN and large integers."""
    data = file.read_bytes()
    assert repr(orjson.loads(data)) == repr(json.loads(data))


def test_the_schema_is_valid() -> None:
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
def test_the_schema_refuses_a_step_that_cannot_run(side: str, step: dict[str, Any]) -> None:
    case = {"id": f"{side}/group/name", "requirement": "It works.", "cite": ["source"], "steps": [{"do": "next"}]}
    assert SCHEMA.is_valid({"about": "these", "cases": [case]})
    assert not SCHEMA.is_valid({"about": "these", "cases": [{**case, "steps": [{"do": "next"}, step]}]})


def test_the_schema_has_exactly_the_steps_that_can_run() -> None:
    known = SCHEMA.schema["$defs"]
    assert set(known["runtime_step"]["properties"]["do"]["enum"]) == set(RUNTIME_STEPS)
    assert set(known["server_step"]["properties"]["do"]["enum"]) == set(SERVER_STEPS)


def test_ids_are_unique() -> None:
    ids = [case.id for case in load_cases("runtime")]
    assert len(ids) == len(set(ids))


def test_each_case_catches_a_mutant_of_its_own() -> None:
    matrix, made = read_matrix(), mutants()
    assert set(matrix) == set(made)
    assert {mutant.case for mutant in made.values()} == {case.id for case in load_cases("runtime")}
    assert [name for name in made if made[name].case not in matrix[name]] == []


def test_there_are_enough_distinct_cases() -> None:
    caught: dict[str, set[str]] = {}
    for name, cases in read_matrix().items():
        for case in cases:
            caught.setdefault(case, set()).add(name)
    assert len({frozenset(names) for names in caught.values()}) >= AT_LEAST


def test_few_cases_catch_the_same_mutant() -> None:
    counts = sorted(len(cases) for cases in read_matrix().values())
    assert counts[-1] <= MANY
    assert sum(count > FEW for count in counts) <= 3


def test_the_matrix_in_the_docs_is_current() -> None:
    drawn = runpy.run_path(str(DOCS / "draw_conformance.py"))["page"]()
    assert (DOCS / "conformance-matrix.md").read_text() == drawn, "run `make docs`"


def test_the_bootstraps_in_the_docs_are_current() -> None:
    drawn = runpy.run_path(str(DOCS / "draw_subjects.py"))["page"]()
    assert (DOCS / "conformance-bootstraps.md").read_text() == drawn, "run `make docs`"


def test_a_level_contains_the_levels_below_it() -> None:
    cases = load_cases("runtime")
    counts = [len(select(cases, level=level)) for level in ("wire", "echo", "contract")]
    assert counts == sorted(set(counts))
    assert next_level("wire") == "echo"
    assert next_level("contract") is None


def test_cases_are_selected_by_id_by_group_and_by_pattern() -> None:
    cases = load_cases("runtime")
    assert [case.id for case in select(cases, only=["runtime/ids/long"])] == ["runtime/ids/long"]
    assert {case.group for case in select(cases, only=["runtime/ids"])} == {"runtime/ids"}
    assert {case.id.rpartition("/")[2] for case in select(cases, only=["*/goes-on"])} == {"goes-on"}
    assert select(cases, only=["runtime/i"]) == []


def test_the_docs_count_the_cases_of_each_level() -> None:
    page = (DOCS / "conformance.md").read_text()
    counts = [int(count) for count in re.findall(r"^\| `\w+` \| (\d+) \|", page, re.MULTILINE)]
    assert counts == [len(select(load_cases("runtime"), level=level)) for level in LEVELS]
