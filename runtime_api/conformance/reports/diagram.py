"""An exchange as a sequence diagram in SVG: a column for each party, an arrow for each message."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.conformance.exchange import Message

__all__ = ["diagram"]

ROW = 26  # pixels between two messages
WIDTH = 1000  # at most, so that a page 1280 pixels wide shows the whole diagram
COLUMN = 300  # at most
MARGIN = 90
LETTER = 7.3
START = MARGIN + 9  # where the text of an event without a receiver begins


def diagram(exchange: Sequence[Message]) -> str:
    """The diagram; nothing for an empty exchange. An event that concerns one party only is a line of text."""
    if not exchange:
        return ""
    sent = [message for message in exchange if message.sender != message.receiver]
    parties = list(dict.fromkeys(party for message in sent for party in (message.sender, message.receiver)))
    column = min(COLUMN, (WIDTH - MARGIN) // max(len(parties), 1))
    places = {party: MARGIN + number * column for number, party in enumerate(parties)}
    height = ROW * (len(exchange) + 2)
    parts = [f'<svg width="{WIDTH}" height="{height}" role="img" aria-label="{", ".join(map(escape, parties))}">']
    for party, x in places.items():
        parts.append(f'<text x="{x}" y="14" text-anchor="middle">{escape(party)}</text>')
        parts.append(f'<line x1="{x}" y1="20" x2="{x}" y2="{height}" stroke-opacity=".3"/>')
    for number, message in enumerate(exchange):
        y = ROW * (number + 2)
        parts.append(f'<text x="2" y="{y}" fill-opacity=".5">{message.at:.3f}</text>')
        if message.sender == message.receiver:
            parts.append(_text(f"{message.sender}: {message.text}", START, y, WIDTH - START))
        else:
            parts.append(_arrow(message, places[message.sender], places[message.receiver], y, column))
    return "".join(parts) + "</svg>"


def _arrow(message: Message, start: int, end: int, y: int, column: int) -> str:
    tip = end - 7 if end > start else end + 7
    head = f'<path d="M{tip} {y - 4}L{end} {y}L{tip} {y + 4}" fill="none"/>'
    line = f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}"/>'
    return line + head + _text(message.text, min(start, end) + 9, y - 4, column)


def _text(text: str, x: int, y: int, width: int) -> str:
    """A text that is shortened to a width; its tooltip is the whole."""
    fits = int(width / LETTER) - 2
    shown = text if len(text) <= fits else f"{text[: fits - 1]}…"
    return f'<text x="{x}" y="{y}"><title>{escape(text)}</title>{escape(shown)}</text>'
