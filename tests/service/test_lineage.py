"""Chains of invocations are counted in the trace header, whatever else stands in it."""

from __future__ import annotations

import pytest

from runtime_api.service.lineage import MOST_LOOPS, is_loop, with_lineage

ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
F, G, H = (f"arn:aws:lambda:us-east-1:123456789012:function:{name}" for name in "fgh")


def follow(*chain: str, most: int = 2000) -> int:
    """Invoke the functions round and round, the first time without a header; returns how many invocations ran."""
    trace, ran = ROOT, 1  # the first one has had a header that began here
    while ran < most:
        trace = with_lineage(trace, chain[ran % len(chain)])
        if is_loop(trace):
            return ran
        ran += 1
    return ran


def test_a_function_that_invokes_itself_runs_sixteen_times() -> None:
    assert follow(F) == MOST_LOOPS


@pytest.mark.parametrize("chain", [(F, G), (F, G, H)])
def test_a_loop_through_several_functions_ends_when_one_has_run_about_sixteen_times(chain: tuple[str, ...]) -> None:
    assert MOST_LOOPS - 2 <= follow(*chain) / len(chain) <= MOST_LOOPS


def test_a_loop_that_begins_late_in_a_chain_ends_too() -> None:
    trace, ran = with_lineage(ROOT, "arn of a function that never comes again"), 0
    while not is_loop(trace) and ran < 1000:
        trace, ran = with_lineage(trace, F), ran + 1
    assert ran < 300


def test_a_long_chain_of_different_functions_is_no_loop() -> None:
    trace = ROOT
    for number in range(1000):
        trace = with_lineage(trace, f"{F}{number}")
        assert not is_loop(trace)


def test_the_rest_of_the_header_stays() -> None:
    once = with_lineage(ROOT, F)
    assert once.startswith(f"{ROOT};Lineage=1:")
    lineage = once.removeprefix(ROOT)
    assert with_lineage(f"{ROOT}{lineage};Self=1-2", F).startswith(f"{ROOT};Self=1-2;Lineage=2:")


@pytest.mark.parametrize("header", ["", "anything", "Lineage=1:2:3", f"{ROOT};Lineage=x", f"{ROOT};Lineage=1:zz:3"])
def test_what_is_no_lineage_is_no_loop(header: str) -> None:
    assert not is_loop(header)
    assert not is_loop(with_lineage(header, F))
