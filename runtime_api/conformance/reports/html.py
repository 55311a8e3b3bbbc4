"""One self-contained page for a browser: the verdicts, and each exchange as a sequence diagram."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from runtime_api.conformance.exchange import shown_body
from runtime_api.conformance.verdicts import Verdict

from .tables import counts_by_group, facts, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.conformance.exchange import Message
    from runtime_api.conformance.verdicts import Findings, Judgement

__all__ = ["render"]

ROW = 26  # pixels between two messages
COLUMN = 300
MARGIN = 90
TEXT = 60  # characters that fit on an arrow

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;color:#222;background:#fff}
table{border-collapse:collapse}td,th{padding:.15em .8em;text-align:left}
td,th{border-bottom:1px solid #ddd;vertical-align:top}
td.n,th.n{text-align:right}summary{cursor:pointer;padding:.1em}b.v{display:inline-block;min-width:9.5em}
.OK{color:#1a7f37}.FAILED{color:#cf222e}.NON-STRICT{color:#9a6700}
.UNIMPLEMENTED{color:#8250df}.SKIPPED{color:#6e7781}
svg{display:block;overflow-x:auto}svg text{font:12px ui-monospace,monospace;fill:currentColor}
line,path{stroke:currentColor}pre{background:#8881;padding:.5em;overflow-x:auto}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}td,th{border-color:#444}}
"""


def render(findings: Findings) -> str:
    """The page."""
    title = f"Conformance of {escape(findings.subject)}"
    level = f"level {findings.level}{', strict' if findings.strict else ''}, seed {findings.seed}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f"<style>{STYLE}</style></head>",
        f"<body><h1>{title}</h1><p>{escape(summary(findings))}; {level}; {findings.seconds:.1f} s.</p>",
        _table(findings),
        _list("Not in the baseline", findings.news),
        _list("Stale in the baseline", findings.stale),
        "<h2>Cases</h2>",
        *(_case(judgement) for judgement in findings.judgements),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _table(findings: Findings) -> str:
    used = [verdict for verdict in Verdict if findings.count(verdict)]
    head = "".join(f'<th class="n {verdict}">{verdict}</th>' for verdict in used)
    rows = [
        f"<tr><td>{group}</td>" + "".join(f'<td class="n">{counts[verdict] or ""}</td>' for verdict in used) + "</tr>"
        for group, counts in counts_by_group(findings).items()
    ]
    return f"<table><tr><th>cases</th>{head}</tr>{''.join(rows)}</table>"


def _list(title: str, texts: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<h2>{title}</h2><ul>{items}</ul>" if items else ""


def _case(judgement: Judgement) -> str:
    case, verdict = judgement.case, judgement.verdict
    rows = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in facts(judgement))
    is_open = " open" if verdict is Verdict.FAILED else ""
    return (
        f'<details id="{case.id}"{is_open}><summary><b class="v {verdict}">{verdict}</b> {case.id}</summary>'
        f"<table>{rows}</table>{_diagram(judgement.exchange)}</details>"
    )


def _diagram(exchange: Sequence[Message]) -> str:
    """A column for each party, an arrow for each message, and the whole message in the arrow's tooltip."""
    if not exchange:
        return ""
    parties = list(dict.fromkeys(party for message in exchange for party in (message.sender, message.receiver)))
    places = {party: MARGIN + number * COLUMN for number, party in enumerate(parties)}
    height = ROW * (len(exchange) + 2)
    width = MARGIN + COLUMN * len(parties)
    parts = [f'<svg width="{width}" height="{height}" role="img">']
    for party, x in places.items():
        parts.append(f'<text x="{x}" y="14" text-anchor="middle">{escape(party)}</text>')
        parts.append(f'<line x1="{x}" y1="20" x2="{x}" y2="{height}" stroke-opacity=".3"/>')
    for number, message in enumerate(exchange):
        parts.append(_arrow(message, places[message.sender], places[message.receiver], ROW * (number + 2)))
    return "".join(parts) + "</svg>"


def _arrow(message: Message, start: int, end: int, y: int) -> str:
    whole = "\n".join(
        part for part in (message.text, message.head, shown_body(message) if message.size else "") if part
    )
    label = escape(message.text if len(message.text) <= TEXT else message.text[: TEXT - 1] + "…")
    title = f"<title>{escape(whole)}</title>"
    time = f'<text x="2" y="{y}" fill-opacity=".5">{message.at:.3f}</text>'
    if start == end:
        mark = f'<rect x="{start - 4}" y="{y - 8}" width="8" height="8" fill="currentColor"/>'
        return f'<g>{title}{time}{mark}<text x="{start + 9}" y="{y}">{label}</text></g>'
    tip = end - 7 if end > start else end + 7
    head = f'<path d="M{tip} {y - 4}L{end} {y}L{tip} {y + 4}" fill="none"/>'
    line = f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}"/>'
    return f'<g>{title}{time}{line}{head}<text x="{min(start, end) + 9}" y="{y - 4}">{label}</text></g>'
