"""Filter patterns: which messages they let through, and what they refuse."""

from __future__ import annotations

import pytest

from runtime_api.service.logs.errors import InvalidParameterException
from runtime_api.service.logs.patterns import parse_pattern

MESSAGES = ("ERROR: out of memory", "ERROR timeout", "WARN slow", "health ok", 'said "no"', "größer")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", MESSAGES),
        ("   ", MESSAGES),
        ("ERROR", MESSAGES[:2]),
        ("error", ()),
        ("ERROR timeout", MESSAGES[1:2]),
        ("timeout ERROR", MESSAGES[1:2]),
        ('"out of memory"', MESSAGES[:1]),
        ('"memory out"', ()),
        ('ERROR -"out of"', MESSAGES[1:2]),
        ("-ERROR -WARN", MESSAGES[3:]),
        ("?ERROR ?WARN", MESSAGES[:3]),
        ('?WARN ?"health ok" ', MESSAGES[2:4]),
        ("ERROR ?WARN", MESSAGES[:2]),  # beside a term that must be there, the other decides nothing
        ("?ERROR ?WARN -timeout", (MESSAGES[0], MESSAGES[2])),
        (r'"\"no\""', MESSAGES[4:5]),
        ("größer", MESSAGES[5:]),
    ],
)
def test_which_messages_match(pattern: str, found: tuple[str, ...]) -> None:
    matches = parse_pattern(pattern).matches
    assert tuple(message for message in MESSAGES if matches(message.encode())) == found


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ('{ $.level = "ERROR" }', "JSON patterns are not supported"),
        (" {$.a=1}", "JSON patterns are not supported"),
        ("[ip, user, ...]", "Patterns for columns are not supported"),
        ("%a+b%", "Regular expressions are not supported"),
        ("a-b", "Invalid character(s) in term 'a-b'"),
        ("user@host ok", "Invalid character(s) in term 'user@host'"),
        ('"open', "Invalid filter pattern"),
        ('a"b"', "Invalid filter pattern"),
        ("- a", "Invalid character(s) in term"),
    ],
)
def test_what_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        parse_pattern(pattern)
    assert words in refused.value.message
