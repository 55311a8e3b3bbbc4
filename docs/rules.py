"""Writes docs/layers.md: the rules of `layer check`, from their table."""

from __future__ import annotations

from pathlib import Path

from bootjack_layers.rules import RULES

HEAD = """# Rules of `bootjack layer check`

An error fails at run time or at publishing, a warning may, a note costs time or bytes. Exit code 1 says there are
errors (`--strict`: or warnings). `--json` is described by the schema that `--schema` prints. Written by
`docs/rules.py` from `layers/rules.py`.

| rule | severity | what holds | source |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = [f"| {rule.number} | {rule.severity} | {rule.title} | {rule.source} |" for rule in RULES.values()]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("layers.md").write_text(page())
