"""The journal: every consumer gets every entry, in order, as values."""

from __future__ import annotations

from runtime_api.protocol import platform_events as log
from runtime_api.protocol.journal import Entry, Journal, LogTail


def test_consumers_get_entries_in_order_until_they_unsubscribe() -> None:
    journal, first, second = Journal(), list[Entry](), list[Entry]()
    journal.subscribe(first.append)
    journal.append(1.0, (log.End("r1"),))
    journal.subscribe(second.append)
    journal.append(2.0, (log.Lines("runtime", b"line\n"), log.End("r2")))
    journal.unsubscribe(first.append)
    journal.append(3.0, (log.End("r3"),))
    assert [entry.at for entry in first] == [1.0, 2.0]
    assert [entry.at for entry in second] == [2.0, 3.0]
    assert second[0].records == (log.Lines("runtime", b"line\n"), log.End("r2"))


def test_a_log_tail_keeps_the_end_of_the_text_across_entries() -> None:
    tail = LogTail(25)
    tail(Entry(1.0, (log.Lines("runtime", b"a first line\n"),)))
    tail(Entry(2.0, (log.Lines("runtime", b"\xff not UTF-8\n"), log.End("r1"))))
    assert tail.text() == b"\n\xff not UTF-8\nEND RequestId: r1\n"[-25:]


def test_records_that_only_telemetry_shows_have_no_log_text() -> None:
    assert log.log_bytes([log.InitRuntimeDone("init", "success", None)]) == b""
