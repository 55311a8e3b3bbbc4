"""Real servers: ours passes every case of what it offers, the others deviate as their baselines say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime_api.conformance.baseline import Comparison, compare, read_baseline
from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.judge import judge
from runtime_api.conformance.server.launching import read_template
from runtime_api.conformance.server.side import ServerSide
from tests.conformance.servers.matrix import caught, judged_cases, play
from tests.conformance.servers.subjects import ours, rie

BASELINES = Path(__file__).parent / "baselines"
QUICK = ("server/basics/", "server/states/", "server/next/", "server/order/", "server/transport/")


def compared(template: str, baseline: str, jobs: int) -> Comparison:
    async def run() -> Comparison:
        cases = load_cases("server", "extensions")
        async with ServerSide(read_template(template), 15) as side:
            judgements = await judge(side, cases, jobs=jobs)
        every = frozenset(case.id for case in cases)
        return compare(judgements, read_baseline(BASELINES / f"server-{baseline}.json"), every)

    return asyncio.run(run())


def test_our_server_passes_the_quick_cases() -> None:
    assert caught(play(None, [case for case in judged_cases() if case.id.startswith(QUICK)], 15)) == []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_our_server_passes_what_it_offers() -> None:
    assert compared(ours(), "bootjack", 3) == Comparison((), ())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rie_deviates_as_its_baseline_says() -> None:
    assert compared(rie(), "rie", 4) == Comparison((), ())
