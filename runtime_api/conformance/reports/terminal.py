"""For people: every deviation with its recorded exchange, then a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.conformance.exchange import render as render_exchange
from runtime_api.conformance.verdicts import Verdict

from .tables import counts_by_group, facts, notable, summary

if TYPE_CHECKING:
    from runtime_api.conformance.verdicts import Findings, Judgement

__all__ = ["render"]

SHORT = {
    Verdict.OK: "ok",
    Verdict.NON_STRICT: "non-strict",
    Verdict.FAILED: "failed",
    Verdict.UNIMPLEMENTED: "unimplem.",
    Verdict.SKIPPED: "skipped",
}


def render(findings: Findings) -> str:
    """The report."""
    blocks = [_block(findings, judgement) for judgement in notable(findings)]
    blocks += [_skipped(findings), _table(findings), _baseline(findings)]
    blocks.append(f"{findings.subject}\n{summary(findings)}, in {findings.seconds:.1f} s")
    return "\n\n".join(block for block in blocks if block) + "\n"


def _block(findings: Findings, judgement: Judgement) -> str:
    lines = [f"{judgement.verdict}  {judgement.case.id}"]
    lines += [f"    {name:12} {value}" for name, value in facts(judgement)]
    if judgement.verdict is not Verdict.UNIMPLEMENTED:
        lines += [f"    | {line}" for line in render_exchange(judgement.exchange).splitlines()]
        if findings.replay:
            lines.append(f"    {'reproduce':12} {findings.replay.replace('{id}', judgement.case.id)}")
    return "\n".join(lines)


def _skipped(findings: Findings) -> str:
    """Each reason once, with its number of cases."""
    reasons: dict[str, int] = {}
    for judgement in findings.judgements:
        if judgement.verdict is Verdict.SKIPPED:
            reasons[judgement.reason] = reasons.get(judgement.reason, 0) + 1
    return "\n".join(
        f"SKIPPED  {count} {'case' if count == 1 else 'cases'}: {reason}" for reason, count in reasons.items()
    )


def _table(findings: Findings) -> str:
    used = [verdict for verdict in Verdict if findings.count(verdict)]
    groups = counts_by_group(findings)
    width = max((len(group) for group in groups), default=0)
    lines = [" " * width + "".join(f"{SHORT[verdict]:>12}" for verdict in used)]
    for group, counts in groups.items():
        lines.append(f"{group:{width}}" + "".join(f"{counts[verdict] or '.':>12}" for verdict in used))
    return "\n".join(line.rstrip() for line in lines)


def _baseline(findings: Findings) -> str:
    if not findings.baseline:
        return ""
    lines = [f"NEWS   {text}" for text in findings.news] + [f"STALE  {text}" for text in findings.stale]
    return "\n".join(lines) or "No differences from the baseline."
