"""For GitHub Actions: an annotation for each deviation. (The step summary is the Markdown report.)"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.conformance.verdicts import Verdict, failures

from .tables import facts, notable, summary

if TYPE_CHECKING:
    from runtime_api.conformance.verdicts import Findings

__all__ = ["render"]


def render(findings: Findings) -> str:
    """Workflow commands, one per line."""
    failing = {judgement.case.id for judgement in failures(findings)}
    lines = []
    for judgement in notable(findings):
        failed = judgement.case.id in failing
        kind = "error" if failed else "warning" if judgement.verdict is Verdict.NON_STRICT else "notice"
        text = "\n".join(f"{name}: {value}" for name, value in facts(judgement))
        lines.append(f"::{kind} title={_property(f'{judgement.verdict} {judgement.case.id}')}::{_data(text)}")
    lines += [f"::error title=not in the baseline::{_data(text)}" for text in findings.news]
    lines += [f"::error title=stale in the baseline::{_data(text)}" for text in findings.stale]
    lines.append(f"::notice title=bootjack conform::{_data(f'{findings.subject}: {summary(findings)}')}")
    return "\n".join(lines) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
