"""For people: every deviation with its recorded exchange, failures first; then a table, and the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.conformance.exchange import render as render_exchange
from runtime_api.conformance.verdicts import Verdict

from .tables import counts_by_group, deviating, facts, folded

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.conformance.verdicts import Findings, Judgement

    Paint = Callable[[str, Verdict], str]

__all__ = ["render"]

SHORT = {
    Verdict.OK: "ok",
    Verdict.NON_STRICT: "non-strict",
    Verdict.FAILED: "failed",
    Verdict.UNIMPLEMENTED: "unimplem.",
    Verdict.SKIPPED: "skipped",
}
COLOURS = {
    Verdict.OK: "\x1b[32m",
    Verdict.NON_STRICT: "\x1b[33m",
    Verdict.FAILED: "\x1b[1;31m",
    Verdict.UNIMPLEMENTED: "\x1b[35m",
    Verdict.SKIPPED: "\x1b[2m",
}
PLAIN = "\x1b[0m"


def render(findings: Findings, *, colour: bool = False) -> str:
    """The report, with the verdicts in colours if wanted."""
    paint = _coloured if colour else _plain
    blocks = [_block(findings, judgement, paint) for judgement in deviating(findings)]
    blocks += [_folded(findings, Verdict.UNIMPLEMENTED, paint), _skipped(findings, paint)]
    blocks += [_table(findings, paint), _baseline(findings)]
    blocks.append(f"{findings.subject}\n{_summary(findings, paint)}, in {findings.seconds:.1f} s")
    return "\n\n".join(block for block in blocks if block) + "\n"


def _coloured(text: str, verdict: Verdict) -> str:
    return f"{COLOURS[verdict]}{text}{PLAIN}"


def _plain(text: str, _verdict: Verdict) -> str:
    return text


def _block(findings: Findings, judgement: Judgement, paint: Paint) -> str:
    lines = [f"{paint(judgement.verdict, judgement.verdict)}  {judgement.case.id}"]
    lines += [f"    {name:12} {value}" for name, value in facts(judgement)]
    lines += [f"    | {line}" for line in render_exchange(judgement.exchange).splitlines()]
    if findings.replay:
        lines.append(f"    {'alone':12} {findings.replay.replace('{id}', judgement.case.id)}")
    return "\n".join(lines)


def _folded(findings: Findings, verdict: Verdict, paint: Paint) -> str:
    return "\n".join(
        f"{paint(verdict, verdict)}  {few.group}, {few.cases}: {few.reason}" for few in folded(findings, verdict)
    )


def _skipped(findings: Findings, paint: Paint) -> str:
    """Each reason once, with its number of cases."""
    reasons: dict[str, int] = {}
    for few in folded(findings, Verdict.SKIPPED):
        reasons[few.reason] = reasons.get(few.reason, 0) + len(few.judgements)
    return "\n".join(
        f"{paint('SKIPPED', Verdict.SKIPPED)}  {count} {'case' if count == 1 else 'cases'}: {reason}"
        for reason, count in reasons.items()
    )


def _table(findings: Findings, paint: Paint) -> str:
    used = [verdict for verdict in Verdict if findings.count(verdict)]
    groups = counts_by_group(findings)
    width = max((len(group) for group in groups), default=0)
    lines = [" " * width + "".join(paint(f"{SHORT[verdict]:>12}", verdict) for verdict in used)]
    for group, counts in groups.items():
        cells = (paint(f"{counts[v]:>12}", v) if counts[v] else f"{'.':>12}" for v in used)
        lines.append(f"{group:{width}}" + "".join(cells))
    return "\n".join(lines)


def _baseline(findings: Findings) -> str:
    if not findings.baseline:
        return ""
    lines = [f"NEWS   {text}" for text in findings.news] + [f"STALE  {text}" for text in findings.stale]
    return "\n".join(lines) or "No differences from the baseline."


def _summary(findings: Findings, paint: Paint) -> str:
    counted = ((findings.count(verdict), verdict) for verdict in Verdict)
    return ", ".join(paint(f"{count} {verdict}", verdict) for count, verdict in counted if count) or "no cases"
