"""What goes into a chunk comes out of it: every line an event, in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime_api.service.logs import chunks
from runtime_api.service.logs.chunks import EVENT_BITS, Event, events_in

WALL = 1_700_000_000_000.0
Texts = list[tuple[float, list[bytes]]]
TEXTS: st.SearchStrategy[Texts] = st.lists(
    st.tuples(st.floats(0, 5000), st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b"\r"))))
)


def section(number: int, times: list[float], texts: list[bytes]) -> bytes:
    return b"".join(chunks.section(number, times, WALL, texts).parts)


def test_each_line_is_an_event_and_what_belongs_together_is_one() -> None:
    texts = [b"one\ntwo\r\tlines\n\n", b"RequestId: r1 Error: why\nRuntime.ExitError\n", b"cut"]
    made = chunks.section(7, [1.25, 2.5, 2.5], WALL, texts)
    assert made.extent == (1_700_000_000_001, 1_700_000_000_002, len(b"".join(texts)))
    first = 5 << EVENT_BITS
    assert events_in(5, b"".join(made.parts)) == [
        Event(first + 1, 7, 1_700_000_000_001, b"one\n"),
        Event(first + 2, 7, 1_700_000_000_001, b"two\r\tlines\n"),
        Event(first + 3, 7, 1_700_000_000_001, b"\n"),
        Event(first + 4, 7, 1_700_000_000_002, b"RequestId: r1 Error: why\nRuntime.ExitError\n"),
        Event(first + 5, 7, 1_700_000_000_002, b"cut"),
    ]


def test_streams_are_merged_by_time() -> None:
    one = section(1, [1.0, 3.0], [b"1\n", b"3\n"])
    other = section(2, [0.0, 2.0], [b"0\n", b"2\n"])
    assert [event.message for event in events_in(1, one + other)] == [b"0\n", b"1\n", b"2\n", b"3\n"]


def test_a_stream_keeps_its_order_although_a_time_is_earlier() -> None:
    made = section(1, [6.1, 5.9, 7.0], [b"written\n", b"END\n", b"later\n"])
    events = events_in(1, made)
    assert [event.message for event in events] == [b"written\n", b"END\n", b"later\n"]
    assert [event.at_ms - int(WALL) for event in events] == [6, 6, 7]


@given(TEXTS, TEXTS)
def test_nothing_is_lost_or_changed(
    one: list[tuple[float, list[bytes]]], other: list[tuple[float, list[bytes]]]
) -> None:
    data = b""
    for number, texts in enumerate((one, other)):
        if texts:
            lines = [b"".join(line + b"\n" for line in each) for _, each in texts]
            data += section(number, [time for time, _ in texts], lines)
    events = events_in(3, data)
    for number, texts in enumerate((one, other)):
        assert [each.message for each in events if each.number == number] == [
            line + b"\n" for _, lines in texts for line in lines
        ]
    assert [each.position for each in events] == [(3 << EVENT_BITS) + count for count in range(1, len(events) + 1)]
    assert [each.at_ms for each in events] == sorted(each.at_ms for each in events)
