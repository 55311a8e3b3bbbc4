"""JSON for people: indented, and coloured where that is wanted. Every number and string stays as it is spelt."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Colour", "indented"]

MOST_BYTES = 1_048_576  # more is no reading for people, and is left alone
INDENT = "  "
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"\[\]{},:]+|[\[\]{},:]')
_OPENING, _CLOSING = ("{", "["), ("}", "]")


class Colour(Enum):
    """What a terminal shows in a colour, as jq does."""

    NAME = "34;1"
    TEXT = "32"
    WORD = "36"  # numbers, true, false and null

    def paint(self, text: str) -> str:
        """The text in this colour."""
        return f"\x1b[{self.value}m{text}\x1b[0m"


def indented(payload: bytes, *, coloured: bool) -> bytes | None:
    """JSON in lines; None for what is no JSON, or more of it than anybody reads."""
    if len(payload) > MOST_BYTES:
        return None
    try:
        text = payload.decode()
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    # A terminal must not take orders from a function; JSON itself allows no control characters but DEL and C1 ones.
    if not all(letter.isprintable() or letter in " \t\r\n" for letter in text):
        return None
    return "".join(_laid_out(_TOKEN.findall(text), coloured=coloured)).encode()


def _laid_out(tokens: list[str], *, coloured: bool) -> Iterator[str]:
    depth = 0
    for token, before, after in zip(tokens, ["", *tokens], [*tokens[1:], ""], strict=False):
        if token in _CLOSING:
            depth -= 1
            yield "" if before in _OPENING else f"\n{INDENT * depth}"
        elif before in _OPENING or before == ",":
            yield f"\n{INDENT * depth}"
        depth += token in _OPENING
        yield f"{token} " if token == ":" else _painted(token, after) if coloured else token


def _painted(token: str, after: str) -> str:
    if token[0] in "[]{},":
        return token
    if token[0] == '"':
        return (Colour.NAME if after == ":" else Colour.TEXT).paint(token)
    return Colour.WORD.paint(token)
