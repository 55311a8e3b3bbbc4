"""Each mutant of the server fails the case for its fault, and few others."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest

from runtime_api.conformance.cases import load_cases
from tests.conformance.servers.matrix import DOCS, caught, counting, judge_server, judged_cases, read_matrix, written
from tests.conformance.servers.mutants import Mutant, mutants

MUTANTS = mutants()
MATRIX = read_matrix()
CHOSEN = 12  # mutants, another sample for each length of the list; the whole matrix takes twenty minutes
SAMPLE = 12  # other cases, which a mutant has to pass
FEW = 40


def test_every_patch_applies() -> None:
    for mutant in MUTANTS:
        spec = find_spec(mutant.module)
        assert spec is not None
        assert spec.origin is not None
        assert Path(spec.origin).read_text("utf-8").count(mutant.old) == 1, mutant.name


def test_the_matrix_has_every_mutant() -> None:
    assert list(MATRIX) == [mutant.name for mutant in MUTANTS]


def test_each_mutant_fails_the_case_for_its_fault() -> None:
    assert [mutant.name for mutant in MUTANTS if mutant.case not in MATRIX[mutant.name]] == []


def test_each_mutant_fails_few_other_cases() -> None:
    assert max(len(cases) for cases in MATRIX.values()) < FEW
    assert sum(len(cases) for cases in MATRIX.values()) / len(MATRIX) < 5


def test_each_case_of_extensions_has_a_mutant_that_it_catches() -> None:
    cases = {case.id for case in load_cases("extensions") if case.feature == "extensions"}
    assert cases <= {mutant.case for mutant in MUTANTS}


def test_there_are_enough_distinct_cases() -> None:
    assert len(MUTANTS) >= 40
    assert counting(MATRIX) >= 150


def test_the_docs_show_the_matrix() -> None:
    page = DOCS.read_text("utf-8")
    assert page == written(page, MATRIX)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", Random(str(len(MUTANTS))).sample(MUTANTS, CHOSEN), ids=lambda mutant: mutant.name)
def test_a_mutant_fails_its_case_and_no_unrecorded_one(mutant: Mutant) -> None:
    known = set(MATRIX[mutant.name])
    cases = [case for case in judged_cases(mutant) if not case.basic]
    others = [case for case in cases if case.id not in known]
    passing = Random(mutant.name).sample(others, min(SAMPLE, len(others)))
    found = caught(judge_server(mutant, [case for case in cases if case.id in known] + passing))
    assert mutant.case in found
    assert set(found) <= known
