"""An exchange as a sequence diagram in SVG: a column for each party, an arrow for each message."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.conformance.exchange import Message

__all__ = ["diagram"]

ROW = 26  # pixels between two messages
COLUMN = 300
MARGIN = 90
TEXT = 46  # characters that fit between two columns


def diagram(exchange: Sequence[Message]) -> str:
    """The diagram; nothing for an empty exchange."""
    if not exchange:
        return ""
    parties = list(dict.fromkeys(party for message in exchange for party in (message.sender, message.receiver)))
    places = {party: MARGIN + number * COLUMN for number, party in enumerate(parties)}
    height = ROW * (len(exchange) + 2)
    width = MARGIN + COLUMN * len(parties)
    parts = [f'<svg width="{width}" height="{height}" role="img" aria-label="{", ".join(map(escape, parties))}">']
    for party, x in places.items():
        parts.append(f'<text x="{x}" y="14" text-anchor="middle">{escape(party)}</text>')
        parts.append(f'<line x1="{x}" y1="20" x2="{x}" y2="{height}" stroke-opacity=".3"/>')
    for number, message in enumerate(exchange):
        parts.append(_arrow(message, places[message.sender], places[message.receiver], ROW * (number + 2)))
    return "".join(parts) + "</svg>"


def _arrow(message: Message, start: int, end: int, y: int) -> str:
    text = message.text if len(message.text) <= TEXT else f"{message.text[: TEXT - 1]}…"
    label = f"<title>{escape(message.text)}</title>{escape(text)}"
    time = f'<text x="2" y="{y}" fill-opacity=".5">{message.at:.3f}</text>'
    if start == end:
        mark = f'<rect x="{start - 4}" y="{y - 8}" width="8" height="8" fill="currentColor"/>'
        return f'{time}{mark}<text x="{start + 9}" y="{y}">{label}</text>'
    tip = end - 7 if end > start else end + 7
    head = f'<path d="M{tip} {y - 4}L{end} {y}L{tip} {y + 4}" fill="none"/>'
    line = f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}"/>'
    return f'{time}{line}{head}<text x="{min(start, end) + 9}" y="{y - 4}">{label}</text>'
