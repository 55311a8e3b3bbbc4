"""For pages and step summaries: Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.conformance.exchange import render as render_exchange
from runtime_api.conformance.verdicts import Verdict

from .tables import counts_by_group, facts, notable, settings, summary

if TYPE_CHECKING:
    from runtime_api.conformance.verdicts import Findings, Judgement

__all__ = ["render"]


def render(findings: Findings) -> str:
    """A heading, a table of counts, the differences from the baseline, and the deviations."""
    parts = [
        f"## Conformance of `{findings.subject}`",
        f"{summary(findings)}; {settings(findings)}.",
        _table(findings),
    ]
    parts += [f"- **not in the baseline:** {_cell(text)}" for text in findings.news]
    parts += [f"- **stale in the baseline:** {_cell(text)}" for text in findings.stale]
    parts += [_details(judgement) for judgement in notable(findings)]
    return "\n\n".join(parts) + "\n"


def _table(findings: Findings) -> str:
    used = [verdict for verdict in Verdict if findings.count(verdict)]
    lines = ["| cases | " + " | ".join(used) + " |", "|---|" + "---:|" * len(used)]
    for group, counts in counts_by_group(findings).items():
        lines.append(f"| {group} | " + " | ".join(str(counts[verdict] or "") for verdict in used) + " |")
    return "\n".join(lines)


def _details(judgement: Judgement) -> str:
    rows = "\n".join(f"| {name} | {_cell(value)} |" for name, value in facts(judgement))
    exchange = render_exchange(judgement.exchange).replace("```", "'''")
    return (
        f"<details><summary><b>{judgement.verdict}</b> {judgement.case.id}</summary>\n\n| | |\n|---|---|\n{rows}\n\n"
        f"```text\n{exchange}\n```\n\n</details>"
    )


def _cell(text: str) -> str:
    """Text for a table cell, with Markdown's special characters escaped."""
    escaped = text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
    for letter in "`*_<>[]":
        escaped = escaped.replace(letter, "\\" + letter)
    return escaped
