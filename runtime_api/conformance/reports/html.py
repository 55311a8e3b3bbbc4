"""One self-contained page for a browser: the verdicts, failures first, and each exchange as a diagram and a text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from runtime_api.conformance.exchange import render as render_exchange
from runtime_api.conformance.verdicts import Verdict

from .diagram import diagram
from .sources import address
from .tables import by_gravity, counts_by_group, facts, folded, settings, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runtime_api.conformance.verdicts import Findings, Judgement

__all__ = ["render"]

FOLDED = (Verdict.UNIMPLEMENTED, Verdict.SKIPPED)
STYLE = """
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70em;padding:1em;color:#222;background:#fff}
h1{font-size:1.5em;line-height:1.25}h1,summary,dd,li{overflow-wrap:anywhere}
table{border-collapse:collapse}td,th{padding:.15em .6em;text-align:left;border-bottom:1px solid #8884}
td.n,th.n{text-align:right}.wide{overflow-x:auto}
summary{cursor:pointer;padding:.2em 0}summary b{display:inline-block;min-width:9em}
details details{margin-left:1em}dl{margin:.5em 0 .5em 1em}dt{font-weight:600}dd{margin:0 0 .4em}
button{font:inherit;font-weight:600;background:none;border:1px solid;border-radius:1em;padding:.15em .8em;
margin:.15em;cursor:pointer}button[aria-pressed=false]{opacity:.45;text-decoration:line-through}
.OK{color:#1a7f37}.FAILED{color:#cf222e}.NON-STRICT{color:#8a5a00}.UNIMPLEMENTED{color:#7a45c8}.SKIPPED{color:#636b74}
svg{display:block}svg text{font:12px ui-monospace,monospace;fill:currentColor}line,path{stroke:currentColor}
pre{background:#8882;padding:.6em;font-size:12px;white-space:pre-wrap;overflow-wrap:anywhere;margin:.5em 0}
@media(min-width:50em){dl{display:grid;grid-template-columns:8em 1fr}dd{margin:0}}
@media(max-width:50em){body{padding:.6em}td,th{padding:.15em .3em;font-size:13px}th.n{writing-mode:vertical-rl}
summary b{min-width:0}.wide.steps{display:none}details details,dl{margin-left:.4em}}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}a{color:#7ab7ff}.OK{color:#4ac26b}
.FAILED{color:#ff7b72}.NON-STRICT{color:#d9a33a}.UNIMPLEMENTED{color:#bc8cff}.SKIPPED{color:#9aa4ae}}
"""
SCRIPT = """
for (const button of document.querySelectorAll("button[data-verdict]"))
  button.onclick = () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", shown);
    for (const one of document.querySelectorAll('[data-of="' + button.dataset.verdict + '"]')) one.hidden = !shown;
  };
"""


def render(findings: Findings) -> str:
    """The page."""
    title = f"Conformance of {escape(findings.subject)}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style></head>",
        f"<body><h1>{title}</h1><p>{escape(summary(findings))}; {settings(findings)}; {findings.seconds:.1f} s.</p>",
        _table(findings),
        _list("Not in the baseline", findings.news),
        _list("Stale in the baseline", findings.stale),
        f"<h2>Cases</h2><p>Show: {_filter(findings)}</p>",
        *_cases(findings),
        f"<script>{SCRIPT}</script></body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _table(findings: Findings) -> str:
    used = _used(findings)
    head = "".join(f'<th class="n {verdict}">{verdict}</th>' for verdict in used)
    rows = [
        f"<tr><td>{group}</td>" + "".join(f'<td class="n">{counts[verdict] or ""}</td>' for verdict in used) + "</tr>"
        for group, counts in counts_by_group(findings).items()
    ]
    return f'<div class="wide"><table><tr><th>cases</th>{head}</tr>{"".join(rows)}</table></div>'


def _list(title: str, texts: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<h2>{title}</h2><ul>{items}</ul>" if items else ""


def _used(findings: Findings) -> list[Verdict]:
    return [verdict for verdict in Verdict if findings.count(verdict)]


def _filter(findings: Findings) -> str:
    return "".join(
        f'<button class="{verdict}" data-verdict="{verdict}" aria-pressed="true">{verdict}</button>'
        for verdict in _used(findings)
    )


def _cases(findings: Findings) -> Iterable[str]:
    """Every case; those that lack a part for the same reason are folded into one line."""
    apart = [judgement for judgement in by_gravity(findings.judgements) if judgement.verdict not in FOLDED]
    yield from (_case(judgement) for judgement in apart if judgement.verdict is not Verdict.OK)
    for verdict in FOLDED:
        for few in folded(findings, verdict):
            inner = "".join(map(_case, few.judgements))
            yield (
                f'<details data-of="{verdict}"><summary><b class="{verdict}">{verdict}</b> {few.group}, {few.cases}: '
                f"{escape(few.reason)}</summary>{inner}</details>"
            )
    yield from (_case(judgement) for judgement in apart if judgement.verdict is Verdict.OK)


def _case(judgement: Judgement) -> str:
    case, verdict = judgement.case, judgement.verdict
    rows = "".join(
        f"<dt>{name}</dt><dd>{_sources(case.cite) if name == 'source' else escape(value)}</dd>"
        for name, value in facts(judgement)
    )
    is_open = " open" if verdict is Verdict.FAILED else ""
    text = escape(render_exchange(judgement.exchange))
    exchange = f'<div class="wide steps">{diagram(judgement.exchange)}</div><pre>{text}</pre>' if text else ""
    return (
        f'<details id="{case.id}" data-of="{verdict}"{is_open}><summary><b class="{verdict}">{verdict}</b> {case.id}'
        f"</summary><dl>{rows}</dl>{exchange}</details>"
    )


def _sources(cites: Sequence[str]) -> str:
    return "; ".join(
        f'<a href="{escape(url)}">{escape(cite)}</a>' if (url := address(cite)) else escape(cite) for cite in cites
    )
