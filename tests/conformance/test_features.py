"""A bootstrap that lacks a feature lacks it in every case of it, whichever cases are chosen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from runtime_api.conformance.cases import load_cases, select
from runtime_api.conformance.judge import judge
from runtime_api.conformance.verdicts import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from runtime_api.conformance.cases import Case

LACKING = {"runtime/concurrency/polls": Verdict.UNIMPLEMENTED, "runtime/init/handler-missing": Verdict.UNIMPLEMENTED}


class Verdicts:
    """A side whose cases end as a table says, and otherwise OK."""

    def __init__(self, table: Mapping[str, Verdict]) -> None:
        self.table = table
        self.ran: list[str] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def run(self, case: Case, rng: Random) -> Judgement:
        self.ran.append(case.id)
        verdict = self.table.get(case.id, Verdict.OK)
        return Judgement(case, verdict, reason="it is lacking" if verdict is Verdict.UNIMPLEMENTED else "")


def judged(side: Verdicts, *only: str) -> dict[str, Judgement]:
    cases = select(load_cases("runtime"), only=only)
    judgements = asyncio.run(judge(side, cases, jobs=3))
    assert [judgement.case.id for judgement in judgements] == [case.id for case in cases]
    return {judgement.case.id: judgement for judgement in judgements}


def test_a_lacking_feature_is_unimplemented_as_a_whole() -> None:
    side = Verdicts(LACKING)
    judgements = judged(side)
    lacking = {name for name, judgement in judgements.items() if judgement.verdict is Verdict.UNIMPLEMENTED}
    features = {"concurrency", "named-handler"}
    assert lacking == {case.id for case in load_cases("runtime") if case.feature in features}
    assert {judgements[name].reason for name in lacking} == {"it is lacking"}
    assert "runtime/init/raises" in lacking
    assert len(side.ran) == len(judgements) - len(lacking) + len(LACKING)


def test_a_case_alone_has_the_verdict_that_it_has_among_others() -> None:
    side = Verdicts(LACKING)
    assert judged(side, "runtime/init/raises")["runtime/init/raises"].verdict is Verdict.UNIMPLEMENTED
    assert side.ran == ["runtime/init/handler-missing"]


def test_a_feature_that_works_wrongly_is_judged_case_by_case() -> None:
    side = Verdicts({"runtime/concurrency/polls": Verdict.FAILED})
    verdicts = [judgement.verdict for judgement in judged(side, "runtime/concurrency").values()]
    assert verdicts.count(Verdict.FAILED) == 1
    assert verdicts.count(Verdict.UNIMPLEMENTED) == 0
    assert len(side.ran) == len(set(side.ran)) == len(verdicts)


def test_what_an_earlier_run_has_probed_is_not_probed_again() -> None:
    side = Verdicts(LACKING)
    probed: dict[str, Judgement] = {}
    for name in ("runtime/concurrency/own-ids", "runtime/concurrency/polls", "runtime/concurrency/no-more"):
        cases = select(load_cases("runtime"), only=[name])
        (judgement,) = asyncio.run(judge(side, cases, probed=probed))
        assert judgement.verdict is Verdict.UNIMPLEMENTED
    assert side.ran == ["runtime/concurrency/polls"]
