"""What an init writes when it fails twice: shown once where it is the same, and never lost where it is not."""

from __future__ import annotations

import pytest

from runtime_api.protocol.journal import Entry
from runtime_api.protocol.platform_events import End, InitReport, InitStart, Lines, Record
from runtime_api.sinks.look import OWN
from runtime_api.sinks.repeated_init import MOST_BYTES, RepeatedInit

INIT, INVOKE = (InitStart(phase, "f", "$LATEST", 128) for phase in ("init", "invoke"))
FAILED, FAILED_AGAIN = (InitReport(phase, "error", "Runtime.ExitError", 1.0) for phase in ("init", "invoke"))
SUCCEEDED = InitReport("invoke", "success", None, 1.0)
END = End("an-id")


def wrote(data: bytes, source: str = "runtime") -> Lines:
    return Lines(source, data)


def shown(*records: Record) -> bytes:
    """What is shown of these records, without the platform's own text."""
    repeated, text = RepeatedInit(), b""
    for record in records:
        text += repeated.show(Entry(0, (record,)), record.data if isinstance(record, Lines) else b"")
    return text


def test_the_same_failure_is_shown_once() -> None:
    twice = (INIT, wrote(b"a\n"), wrote(b"b\n"), FAILED, INVOKE, wrote(b"a\nb\n"), FAILED_AGAIN, END)
    assert shown(*twice) == b"a\nb\n"


def test_an_init_that_begins_to_differ_is_shown_from_its_beginning() -> None:
    assert shown(INIT, wrote(b"a\n"), FAILED, INVOKE, wrote(b"a\n"), wrote(b"c\n"), FAILED_AGAIN) == b"a\na\nc\n"


def test_an_init_that_writes_less_is_shown() -> None:
    assert shown(INIT, wrote(b"a\nb\n"), FAILED, INVOKE, wrote(b"a\n"), FAILED_AGAIN) == b"a\nb\na\n"


@pytest.mark.parametrize("last", [END, SUCCEEDED])
def test_an_init_that_works_the_second_time_is_shown(last: Record) -> None:
    assert shown(INIT, wrote(b"a\n"), FAILED, INVOKE, wrote(b"a\n"), last, wrote(b"c\n")) == b"a\na\nc\n"


def test_our_own_lines_are_always_shown() -> None:
    assert shown(INIT, FAILED, INVOKE, wrote(b"bootjack: why\n", OWN), FAILED_AGAIN) == b"bootjack: why\n"


def test_a_new_environment_shows_its_failure_again() -> None:
    once = (INIT, wrote(b"a\n"), FAILED, INVOKE, wrote(b"a\n"), FAILED_AGAIN, END)
    assert shown(*once, *once) == b"a\na\n"


def test_a_long_output_is_shown_both_times() -> None:
    long = b"x" * MOST_BYTES + b"\n"
    assert shown(INIT, wrote(long), FAILED, INVOKE, wrote(long), FAILED_AGAIN) == long * 2


def test_a_log_in_json_has_every_line() -> None:
    repeated = RepeatedInit()
    for record in (INIT, FAILED, INVOKE):
        repeated.show(Entry(0, (record,)), b"")
    entry = Entry(0, (wrote(b"a\n"),), made_text=b'{"message":"a"}\n')
    assert repeated.show(entry, entry.text()) == b'{"message":"a"}\n'
