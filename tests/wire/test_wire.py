"""Every case against bootjack, and against RIE with its known deviations."""

from collections.abc import Iterator

import pytest

from tests.wire.book import Case, instead_of, read_cases, read_deviations
from tests.wire.script import Mismatch, Script
from tests.wire.servers import BOOTJACK, RIE, Kind, Pool

CASES = read_cases()
DEVIATIONS = read_deviations()
NOT_RUN = {case for deviation in DEVIATIONS for case in deviation.not_run}


def parameters(cases: list[Case], *, slow: bool = False) -> list[object]:
    """One parameter set a case, the slow ones marked."""
    return [pytest.param(case, id=case.id, marks=[pytest.mark.slow] if slow or case.slow else []) for case in cases]


def pool_of(kind: Kind) -> Iterator[Pool]:
    """A pool that is closed at the end, whatever happens."""
    pool = Pool(kind)
    try:
        yield pool
    finally:
        pool.close()


@pytest.fixture(scope="module")
def bootjack() -> Iterator[Pool]:
    """Servers of bootjack."""
    yield from pool_of(BOOTJACK)


@pytest.fixture(scope="module")
def rie() -> Iterator[Pool]:
    """Servers of RIE."""
    yield from pool_of(RIE)


@pytest.mark.parametrize("case", parameters(CASES))
def test_bootjack_does_as_the_case_says(case: Case, bootjack: Pool) -> None:
    play(case, bootjack, {})


@pytest.mark.parametrize("case", parameters([case for case in CASES if case.id not in NOT_RUN], slow=True))
def test_rie_does_as_the_case_or_its_deviation_says(case: Case, rie: Pool) -> None:
    play(case, rie, instead_of(case.id, DEVIATIONS))


def test_case_ids_are_unique() -> None:
    ids = [case.id for case in CASES]
    assert sorted(set(ids)) == sorted(ids)


def test_every_deviation_names_cases_there_are() -> None:
    named = {case for deviation in DEVIATIONS for case in [*deviation.cases, *deviation.not_run]}
    assert named <= {case.id for case in CASES}


def test_a_case_that_can_not_run_has_no_observations() -> None:
    assert not NOT_RUN & {case for deviation in DEVIATIONS for case in deviation.cases}


def test_every_deviation_has_a_reason_a_source_and_a_case() -> None:
    for deviation in DEVIATIONS:
        assert deviation.reason
        assert deviation.source
        assert deviation.cases or deviation.not_run


@pytest.mark.parametrize(
    ("instead", "complaint"),
    [
        ({"call": {"body": "pong"}}, "this is no deviation"),
        ({"call": {"body": "gnop"}}, "body b'pong'"),
        ({"call": {"silent": True}}, "an answer came"),
        ({"call-2": {"status": 500}}, "steps that were not played"),
    ],
)
def test_a_deviation_that_is_none_is_found_out(
    instead: dict[str, dict[str, object]], complaint: str, bootjack: Pool
) -> None:
    ping = next(case for case in CASES if case.id == "ping")
    with pytest.raises(Mismatch, match=complaint):
        play(ping, bootjack, instead)


def play(case: Case, pool: Pool, instead: dict[str, dict[str, object]]) -> None:
    """Play a case; the server is used again when the case leaves its runtime waiting."""
    server = pool.take(case.settings, fresh=case.fresh)
    unspoiled = False
    try:
        Script(server, instead).play(case.steps)
        unspoiled = not case.fresh and not any(seen.get("stop") for seen in instead.values())
    finally:
        if unspoiled:
            pool.give_back(case.settings, server)
        else:
            server.stop()
