"""A badge for a README, in SVG: "Lambda conformance | 257 OK"."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from runtime_api.conformance.verdicts import Verdict, failures

from .tables import summary

if TYPE_CHECKING:
    from runtime_api.conformance.verdicts import Findings

__all__ = ["render"]

LABEL = "Lambda conformance"
LETTER = 6.4  # pixels; the text is stretched to fit, whatever font the reader has
PAD = 8
HEIGHT = 20
GREY, GREEN, OLIVE, RED = "#6e7781", "#1a7f37", "#7d7a00", "#cf222e"


def render(findings: Findings) -> str:
    """The badge: red when the run fails, olive when it passes with NON-STRICT cases, grey when nothing was judged."""
    message, colour = _message(findings)
    left, right = (round(len(text) * LETTER) + 2 * PAD for text in (LABEL, message))
    whole = left + right
    name = escape(f"{LABEL}: {summary(findings)}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{HEIGHT}" role="img" aria-label="{name}">',
        f"<title>{name}</title>",
        f'<clipPath id="round"><rect width="{whole}" height="{HEIGHT}" rx="4"/></clipPath>',
        f'<g clip-path="url(#round)"><rect width="{left}" height="{HEIGHT}" fill="#24292f"/>',
        f'<rect x="{left}" width="{right}" height="{HEIGHT}" fill="{colour}"/></g>',
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">',
        _text(LABEL, PAD, left),
        _text(message, left + PAD, right),
        "</g></svg>",
    ]
    return "\n".join(parts) + "\n"


def _message(findings: Findings) -> tuple[str, str]:
    ok, loose = findings.count(Verdict.OK), findings.count(Verdict.NON_STRICT)
    failed = len(failures(findings))
    if findings.exit_code:
        text = f"{failed} of {ok + loose + findings.count(Verdict.FAILED)} FAILED"
        return (text if failed else "baseline is stale"), RED
    if not ok:
        return "not judged", GREY
    known = f", {failed} known" if failed else ""
    loose = 0 if findings.strict else loose
    return f"{ok} OK{f', {loose} NON-STRICT' if loose else ''}{known}", OLIVE if loose or known else GREEN


def _text(text: str, x: int, width: int) -> str:
    return (
        f'<text x="{x}" y="14" textLength="{width - 2 * PAD}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
    )
