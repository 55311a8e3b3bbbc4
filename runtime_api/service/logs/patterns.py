"""Filter patterns of CloudWatch Logs, as far as they are about words.

    ERROR timeout       every term stands in the message, upper and lower case told apart
    "out of memory"     so does this phrase, blanks and all
    -health             and this term does not
    ?WARN ?ERROR        at least one of these does

Patterns in braces, in brackets or between percent signs, which are about JSON, columns or regular expressions, are
refused by name.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import InvalidParameterException

__all__ = ["FilterPattern", "parse_pattern"]

TERM = re.compile(r'\s*(?P<sign>[?-]?)(?:"(?P<phrase>(?:\\.|[^"\\])*)"|(?P<word>[^\s"]+))(?=\s|$)')
WORD = re.compile(r"\w+")
KINDS = {"{": "JSON patterns", "[": "Patterns for columns", "%": "Regular expressions"}


class FilterPattern(NamedTuple):
    """The terms of a pattern, in UTF-8."""

    all_of: tuple[bytes, ...] = ()
    any_of: tuple[bytes, ...] = ()
    none_of: tuple[bytes, ...] = ()

    def matches(self, message: bytes) -> bool:
        """Whether a message has what the pattern asks for."""
        if any(term in message for term in self.none_of) or any(term not in message for term in self.all_of):
            return False
        # Beside a term that must be there, those that may be there decide nothing.
        return not self.any_of or bool(self.all_of) or any(term in message for term in self.any_of)


def parse_pattern(text: str) -> FilterPattern:
    """Read a pattern. InvalidParameterException when it is malformed, or of a kind that is not supported."""
    rest = text.strip()
    if rest[:1] in KINDS:
        raise InvalidParameterException(
            f'{KINDS[rest[0]]} are not supported by bootjack: filter by terms, "phrases", -exclusions or ?options'
        )
    found: dict[str, list[bytes]] = {"": [], "?": [], "-": []}
    offset = 0
    while offset < len(rest):
        term = TERM.match(rest, offset)
        if term is None:
            raise InvalidParameterException("Invalid filter pattern")
        found[term["sign"]].append(_wanted(term).encode())
        offset = term.end()
    return FilterPattern(tuple(found[""]), tuple(found["?"]), tuple(found["-"]))


def _wanted(term: re.Match[str]) -> str:
    if term["phrase"] is not None:
        return re.sub(r"\\(.)", r"\1", term["phrase"])
    word: str = term["word"]
    if WORD.fullmatch(word) is None:
        strange = "".join(sorted(set(WORD.sub("", word))))
        raise InvalidParameterException(
            f"Invalid character(s) in term '{word}': {strange!r} stands in \"quotes\" only"
        )
    return word
