"""Tables of benchmarks can be collected over several runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.report import Table

if TYPE_CHECKING:
    from pathlib import Path


def test_each_table_is_a_line_of_json_behind_the_ones_before(tmp_path: Path) -> None:
    collected = tmp_path / "runs"
    for samples in ([1.0, 2.0], [3.0]):
        Table("Warm", "µs", {"bootjack": samples}, {"RIE": "not here"}).append_to(collected)
    lines = [json.loads(line) for line in collected.read_text().splitlines()]
    assert [line["samples"]["bootjack"] for line in lines] == [[1.0, 2.0], [3.0]]
    assert {(line["title"], line["unit"], line["missing"]["RIE"]) for line in lines} == {("Warm", "µs", "not here")}
