"""The table of first successes has the numbers of the commands below it."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "first-success.md").read_text()
SECTION = re.compile(r"^## ([^\n]+): ([^\n]+)\n\n```shell\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_table_counts_the_commands_and_keystrokes() -> None:
    counted = {
        (tool, task): f"{len(commands.splitlines())} commands, {len(commands)} keystrokes"
        for tool, task, commands in SECTION.findall(PAGE)
    }
    header, _, *rows = (line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("|"))
    table = {
        (tool, row[0]): cell for row in rows for tool, cell in zip(header[1:], row[1:], strict=True) if cell != "none"
    }
    assert len(table) == 10
    assert table == counted
