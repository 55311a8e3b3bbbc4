"""Every case of the corpus, on every way that a request can take: alone, behind a good request, in two pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.corpus.case import TARGET, with_body
from tests.web.corpus.tables import TABLES
from tests.web.peer import Peer
from tests.web.ways import WAYS, Listening, complaint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.web.corpus.case import Case
    from tests.web.ways import Way

Manner = tuple[bytes, int | None]  # what is sent before the case, and where the write is cut in two


@pytest.fixture(scope="module")
def ports() -> Iterator[Listening]:
    with Listening() as listening:
        yield listening
    assert not listening.problems, listening.problems[:5]


def alone(_way: Way, _case: Case) -> Manner:
    return b"", None


def in_two_pieces(way: Way, case: Case) -> Manner:
    """Cut in the middle of the case: for most of them, between what is odd and what follows."""
    return b"", len(case.sent.replace(TARGET, way.target)) // 2


def behind_another(way: Way, _case: Case) -> Manner:
    """A request before it, of a kind that changes nothing for the case."""
    return with_body().replace(TARGET, b"/2018-06-01/nothing" if way.is_runtime_api else way.target), None


MANNERS = [
    pytest.param(alone, id="alone"),
    pytest.param(in_two_pieces, id="in two pieces", marks=pytest.mark.slow),
    pytest.param(behind_another, id="behind another", marks=pytest.mark.slow),
]


def test_the_cases_are_many_and_distinct() -> None:
    cases = [case for cases in TABLES.values() for case in cases]
    assert len({case.sent for case in cases}) > 1200
    assert [name for name, cases in TABLES.items() if len({case.name for case in cases}) < len(cases)] == []


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("cases", TABLES.values(), ids=TABLES)
def test_nothing_odd_is_taken_for_something_else(
    ports: Listening, cases: list[Case], way: Way, manner: Callable[[Way, Case], Manner]
) -> None:
    wrong = []
    with Peer(ports.ports.public) as marker:
        for case in cases:
            behind, cut = manner(way, case)
            data, posted = ports.send(way, case, behind, cut)
            why = complaint(way, case, data, posted, behind=bool(behind))
            if why is not None:
                wrong.append(f"{case.name}: {why}")
            assert ports.is_answering(marker)
    assert not wrong, "\n".join([f"{len(wrong)} of {len(cases)}:", *wrong])
    assert not ports.problems, ports.problems[:5]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_client_s_fault_makes_no_traceback(ports: Listening, way: Way) -> None:
    ports.tracebacks.clear()
    for cases in TABLES.values():
        for case in cases:
            ports.send(way, case)
    assert not ports.tracebacks, "\n".join([f"{len(ports.tracebacks)}:", *ports.tracebacks[:3]])
