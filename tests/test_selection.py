"""Modules that are left out unread hold no test that was asked for; long tests begin first, and none gets lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.selection import begin_with, may_hold

HERE = Path(__file__).parent
EVERY_TEST = "pytestmark = [pytest.mark.slow, pytest.mark.timeout(9)]\n"
ONE_TEST = "@pytest.mark.slow\ndef test_a() -> None: ...\n"
ONE_CASE = '@pytest.mark.parametrize("case", ["a", pytest.param("b", marks=pytest.mark.slow)])\n'


@pytest.mark.parametrize("source", [EVERY_TEST, ONE_TEST, ONE_CASE])
def test_a_module_with_the_mark_is_read(source: str) -> None:
    assert may_hold(source, "slow")


@pytest.mark.parametrize("source", [ONE_TEST, ONE_CASE, "pytestmark = pytest.mark.slowly\n"])
def test_a_module_with_tests_beside_the_marked_ones_is_read(source: str) -> None:
    assert may_hold(source, "not slow")


def test_a_module_of_other_tests_is_not_read() -> None:
    assert not may_hold("pytestmark = pytest.mark.slowly\n", "slow")
    assert not may_hold(EVERY_TEST, "not slow")


@pytest.mark.parametrize("expression", ["", "slow and bubblewrap", "not (slow or bubblewrap)"])
def test_any_other_expression_leaves_all_modules(expression: str) -> None:
    assert may_hold(EVERY_TEST, expression)
    assert may_hold("", expression)


def test_no_module_marks_the_tests_of_another() -> None:
    helpers = [path for path in HERE.rglob("*.py") if not path.name.startswith("test_")]
    assert [path for path in helpers if may_hold(path.read_text("utf-8"), "slow")] == []
    assert [path for path in helpers if may_hold(path.read_text("utf-8"), "both_sandboxes")] == []


def test_groups_begin_the_stretches_of_the_workers() -> None:
    assert "".join(begin_with("....A.A.B.C.", lambda item: None if item == "." else item, 3)) == "AA..B...C..."


@pytest.mark.parametrize("workers", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("items", ["", "A", "AAAA", ".", "AB.....", "...AAAAABBBBC...", "." * 30 + "ABCDE"])
def test_no_item_is_lost_or_doubled(items: str, workers: int) -> None:
    ordered = begin_with(items, lambda item: None if item == "." else item, workers)
    assert sorted(ordered) == sorted(items)
