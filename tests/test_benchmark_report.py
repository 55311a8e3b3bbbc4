"""Tables of benchmarks name peers, targets and verdicts, and can be collected over several runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import collected
from benchmarks.errors import Unusable
from benchmarks.report import Goal, Table

if TYPE_CHECKING:
    from pathlib import Path


def test_each_table_is_a_line_of_json_behind_the_ones_before(tmp_path: Path) -> None:
    collected = tmp_path / "runs"
    for samples in ([1.0, 2.0], [3.0]):
        Table("Warm", "µs", {"bootjack": samples}, {"RIE": "not here"}).append_to(collected)
    lines = [json.loads(line) for line in collected.read_text().splitlines()]
    assert [line["samples"]["bootjack"] for line in lines] == [[1.0, 2.0], [3.0]]
    assert {(line["title"], line["unit"], line["missing"]["RIE"]) for line in lines} == {("Warm", "µs", "not here")}


GOALS = {"bootjack": (Goal(0.75, 0.6, "cargo-lambda"), Goal(0.5, 0.4, "RIE"))}


def _warm(own: list[float], rie: list[float]) -> Table:
    return Table("Warm", "µs", {"bootjack": own, "cargo-lambda": [4.0] * len(own), "RIE": rie}, {}, GOALS)


def test_a_table_judges_a_figure_by_its_ratio_to_each_peer() -> None:
    row = next(line for line in _warm([2.0, 2.0], [3.0, 5.0]).render().splitlines() if "| bootjack" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[3:5] == ["0.50", "0.53"]
    assert cells[5:] == [
        "≤ 0.75 x cargo-lambda; ≤ 0.5 x RIE",
        "≤ 0.6 x cargo-lambda; ≤ 0.4 x RIE",
        "aim reached; MISSED",
    ]


def test_the_figures_of_several_runs_make_one_row_for_each_target(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for rie in (3.0, 4.0, 8.0):
        _warm([2.0], [rie]).append_to(runs)
    _, _, cargo, row = collected.render(runs).splitlines()
    assert "aim reached 3 x" in cargo
    assert [cell.strip() for cell in row.strip("|").split("|")][1:5] == ["3", "0.50", "0.25", "0.67"]
    assert "MISSED 1 x; aim reached 1 x; target reached 1 x" in row


def test_a_file_without_figures_is_refused_with_the_way_to_fill_it(tmp_path: Path) -> None:
    empty = tmp_path / "runs"
    empty.write_text("")
    with pytest.raises(Unusable, match="--append"):
        collected.render(empty)
    empty.write_text("warm 3\n")
    with pytest.raises(Unusable, match="no file of figures"):
        collected.render(empty)
