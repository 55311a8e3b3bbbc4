"""The documentation matches the code."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from runtime_api import __version__

ROOT = Path(__file__).parents[1]


def test_the_state_diagram_shows_the_machine_s_tables() -> None:
    drawn = runpy.run_path(str(ROOT / "docs" / "draw.py"))["page"]()
    assert (ROOT / "docs" / "states.md").read_text() == drawn, "run `make docs`"


def test_the_table_of_rules_is_complete() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "rules.py"))["page"]()
    assert (ROOT / "docs" / "layers.md").read_text() == written, "run `make docs`"


def test_every_linked_file_exists() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text())]
    missing = [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()]
    assert not missing


def test_the_changelog_has_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
