"""What the server believes of a supervisor: the form of a report, and the moment for it."""

from __future__ import annotations

import os
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.sandbox.bubblewrap.reports import EXPECTED, Ledger, Progress, Report, Teller, Verb, read_report
from runtime_api.sandbox.processes.reaping import exit_status

TAG = 7
REPORTS = [
    (b"started 7", Verb.STARTED, ()),
    (b"refused 7 2 0", Verb.REFUSED, (2, 0)),
    (b"refused 7 20 1", Verb.REFUSED, (20, 1)),
    (b"refused 7 4095 0", Verb.REFUSED, (4095, 0)),
    (b"ended 7 0 9216", Verb.EXITED, (0, 9216)),
    (b"ended 7 65280 0", Verb.EXITED, (65280, 0)),  # exit(255)
    (b"ended 7 9 999999999999", Verb.KILLED, (9, 999_999_999_999)),
    (b"ended 7 139 1", Verb.KILLED, (139, 1)),  # SIGSEGV with a core dump
]
NO_REPORTS = [
    b"",
    b" ",
    b"up",
    b"started",
    b"started ",
    b"started 7 ",
    b" started 7",
    b"started  7",
    b"started 7\n",
    b"started\t7",
    b"STARTED 7",
    b"started seven",
    b"started -7",
    b"started +7",
    b"started 7_0",
    b"started 0x7",
    b"started 7.0",
    "started \N{ARABIC-INDIC DIGIT SEVEN}".encode(),  # a digit to int(), and none to us
    b"started 7\0",
    b"started 7\xff",
    b"started 12345678901",
    b"started " + b"9" * 200,
    b"started 7 0",
    b"started runtime.1",
    b"started ../../etc/passwd",
    b"refused 7",
    b"refused 7 2",
    b"refused 7 0 0",  # no error
    b"refused 7 4096 0",  # more than the kernel has
    b"refused 7 99999999999 0",
    b"refused 7 2 2",
    b"refused 7 2 0 0",
    b"refused 7 -2 0",
    b"ended 7",
    b"ended 7 0",
    b"ended 7 0 -1",
    b"ended 7 0 0 0",
    b"ended 7 127 0",  # stopped
    b"ended 7 4991 0",  # stopped by SIGSTOP
    b"ended 7 65535 0",  # continued
    b"ended 7 128 0",  # a core dump without a signal
    b"ended 7 265 0",  # a signal and an exit code
    b"ended 7 65536 0",
    b"ended 7 2147483648 0",
    b"ended 7 9999999999 0",
    b"ended 7 0 9999999999999",
    b"killed 7 9 0",
    b"exited 7 0 0",
    b"started 7started 8",
    b"started 7\nended 7 0 0",
    b"\x80\x04N.",  # pickle
    b"\xe9\x00\x00\x00\x00",  # marshal
    b"x" * 4096,
]


@pytest.mark.parametrize(("packet", "verb", "numbers"), REPORTS)
def test_a_report_is_read(packet: bytes, verb: Verb, numbers: tuple[int, ...]) -> None:
    assert read_report(packet, 42) == Report(verb, TAG, numbers, 42)


@pytest.mark.parametrize("packet", NO_REPORTS)
def test_anything_else_is_none(packet: bytes) -> None:
    assert read_report(packet, 42) is None


def test_the_status_of_every_report_is_one_that_wait4_gives() -> None:
    """And so the standard library can read it."""
    believed = [status for status in range(1 << 17) if read_report(b"ended 7 %d 0" % status, 1)]
    given_by_wait4 = {code << 8 for code in range(256)} | {
        core | number for core in (0, 128) for number in range(1, 127)
    }
    assert set(believed) == given_by_wait4
    for status in believed:
        end = exit_status(status)
        assert (end.signal is None) == os.WIFEXITED(status)


@given(st.binary(max_size=300))
def test_no_bytes_are_an_error(packet: bytes) -> None:
    report = read_report(packet, 1)
    assert report is None or packet.startswith((b"started", b"refused", b"ended"))


WORDS = st.sampled_from([b"started", b"refused", b"ended", b"up", b""])
NUMBERS = st.lists(st.integers(-1, 1 << 70).map(lambda number: str(number).encode()), max_size=5)


@given(WORDS, NUMBERS)
def test_no_numbers_are_an_error(word: bytes, numbers: list[bytes]) -> None:
    report = read_report(b" ".join([word, *numbers]), 1)
    if report is not None:
        assert report.tag == int(numbers[0])
        assert report.numbers == tuple(map(int, numbers[1:]))
        if report.verb is Verb.REFUSED:
            os.strerror(report.numbers[0])
        elif report.numbers:
            exit_status(report.numbers[0])


# -- the moment


def said(verb: Verb, tag: int = TAG) -> Report:
    return Report(verb, tag, (), 1)


WAYS: dict[Progress, list[tuple[Verb, Teller]]] = {
    Progress.ORDERED: [],
    Progress.RUNNING: [(Verb.STARTED, Teller.CHILD)],
    Progress.REFUSED: [(Verb.REFUSED, Teller.CHILD)],
}
OVER = [(Verb.STARTED, Teller.CHILD), (Verb.EXITED, Teller.SUPERVISOR)]


def ledger_after(reports: list[tuple[Verb, Teller]]) -> Ledger:
    ledger = Ledger()
    ledger.ordered(TAG)
    for verb, teller in reports:
        assert ledger.believes(said(verb), teller)
    return ledger


@pytest.mark.parametrize(("progress", "verb", "teller"), [*product(Progress, Verb, Teller)])
def test_only_what_the_table_expects_is_believed(progress: Progress, verb: Verb, teller: Teller) -> None:
    ledger = ledger_after(WAYS[progress])
    assert ledger.believes(said(verb), teller) == ((progress, verb, teller) in EXPECTED)


@pytest.mark.parametrize(("verb", "teller"), [*product(Verb, Teller)])
def test_nothing_is_believed_before_an_order_or_after_the_end(verb: Verb, teller: Teller) -> None:
    assert not Ledger().believes(said(verb), teller)
    assert not ledger_after(OVER).believes(said(verb), teller)
    assert not ledger_after([]).believes(said(verb, TAG + 1), teller)


LIES = [
    ([], (Verb.EXITED, Teller.SUPERVISOR)),  # ended before it started
    ([], (Verb.STARTED, Teller.SUPERVISOR)),
    ([], (Verb.STARTED, Teller.OTHER)),
    ([(Verb.STARTED, Teller.CHILD)], (Verb.STARTED, Teller.CHILD)),  # twice
    ([(Verb.STARTED, Teller.CHILD)], (Verb.EXITED, Teller.CHILD)),  # a process that reports its own end
    ([(Verb.STARTED, Teller.CHILD)], (Verb.KILLED, Teller.OTHER)),
    ([(Verb.STARTED, Teller.CHILD)], (Verb.REFUSED, Teller.SUPERVISOR)),
    ([(Verb.REFUSED, Teller.CHILD)], (Verb.REFUSED, Teller.CHILD)),
    ([(Verb.REFUSED, Teller.CHILD)], (Verb.STARTED, Teller.CHILD)),
    (OVER, (Verb.EXITED, Teller.SUPERVISOR)),
]


@pytest.mark.parametrize(("before", "lie"), LIES)
def test_a_lie_is_not_believed_and_changes_nothing(
    before: list[tuple[Verb, Teller]], lie: tuple[Verb, Teller]
) -> None:
    ledger, untold = ledger_after(before), ledger_after(before)
    verb, teller = lie
    assert not ledger.believes(said(verb), teller)
    for following, who in product(Verb, Teller):
        assert ledger.believes(said(following), who) == untold.believes(said(following), who)


@given(st.lists(st.tuples(st.sampled_from(Verb), st.sampled_from(Teller), st.integers(1, 3)), max_size=60))
def test_no_more_than_three_reports_of_an_order_are_believed(told: list[tuple[Verb, Teller, int]]) -> None:
    ledger = Ledger()
    for tag in (1, 2):
        ledger.ordered(tag)
    believed = [tag for verb, teller, tag in told if ledger.believes(said(verb, tag), teller)]
    assert all(believed.count(tag) <= (3 if tag < 3 else 0) for tag in (1, 2, 3))
