"""The parser: bytes in any pieces become the same events."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.web.http1.events import Broken, Data, End, Head
from runtime_api.web.http1.parser import BETWEEN, HEAD_BYTES, OVER, RequestParser
from runtime_api.web.replies import BAD_REQUEST, BAD_VERSION, HEAD_TOO_LARGE

if TYPE_CHECKING:
    from runtime_api.web.http1.events import Event

POST = b"POST /a?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
GET = b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = (
    b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nTail: 1\r\n\r\n"
)


def parse(*pieces: bytes) -> list[Event]:
    parser = RequestParser()
    return [event for piece in pieces for event in parser.feed(piece)]


def joined(events: list[Event]) -> list[Event]:
    """The same with neighbouring pieces of a body in one."""
    result: list[Event] = []
    for event in events:
        if isinstance(event, Data) and result and isinstance(result[-1], Data):
            event = Data(result.pop().chunk + event.chunk)  # type: ignore[union-attr]
        result.append(event)
    return result


def test_a_request_is_a_head_data_and_an_end() -> None:
    head, data, end = parse(POST + b"abc")
    assert head == Head(b"POST", b"/a", b"q=1", {b"host": b"x", b"content-length": b"3"}, 3)
    assert (data, end) == (Data(b"abc"), End())


def test_the_first_of_several_lines_counts_and_the_others_are_kept() -> None:
    lines = b"A: 1\r\nB: 2\r\na: 3\r\nA: 4\r\n"
    head = parse(b"GET / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n")[0]
    assert head == Head(
        b"GET", b"/", b"", {b"host": b"x", b"a": b"1", b"b": b"2"}, repeated=((b"a", b"3"), (b"A", b"4"))
    )


def test_trailers_come_with_the_end() -> None:
    assert joined(parse(CHUNKED))[1:] == [Data(b"abcde"), End({b"tail": b"1"})]


def test_requests_behind_each_other_are_told_apart() -> None:
    kinds = [type(event) for event in parse(POST + b"abc" + GET + GET)]
    assert kinds == [Head, Data, End, Head, End, Head, End]


@given(st.lists(st.sampled_from([POST + b"abc", GET, CHUNKED]), max_size=4), st.lists(st.integers(0, 400)))
def test_it_makes_no_difference_how_bytes_are_split(sent: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(sent)
    places = sorted({0, *(cut % (len(stream) + 1) for cut in cuts), len(stream)})
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    assert joined(parse(*pieces)) == joined(parse(stream))


def test_what_is_no_http_breaks_the_stream_once() -> None:
    parser = RequestParser()
    assert list(parser.feed(b"what is this\r\n\r\n")) == [Broken(BAD_REQUEST)]
    assert list(parser.feed(GET)) == []


@pytest.mark.parametrize(
    "line", [b"GET /a RTSP/1.1", b"OPTIONS rtsp://x RTSP/1.0", b"SOURCE /a ICE/1.0", b"GET /aHTTP/1.1"]
)
def test_another_protocol_is_refused_wherever_it_is_cut(line: bytes) -> None:
    sent = POST + b"abc" + CHUNKED + line + b"\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" + GET
    good = joined(parse(POST + b"abc" + CHUNKED))
    for pieces in (
        [sent],
        [sent[at : at + 1] for at in range(len(sent))],
        *([sent[:at], sent[at:]] for at in range(len(sent))),
    ):
        assert joined(parse(*pieces)) == [*good, Broken(BAD_VERSION)]


def test_the_name_of_another_protocol_may_stand_elsewhere() -> None:
    body = b"GET /a RTSP/1.0\r\n\r\n"
    head = b"POST /RTSP/1.0 HTTP/1.1\r\nHost: x\r\nA: RTSP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body)
    chunks = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
        len(body),
        body,
    )
    sent = (head + body + chunks) * 2
    events = joined(parse(sent))
    assert [event for event in events if type(event) is Data] == [Data(body)] * 4
    assert joined(parse(*[sent[at : at + 1] for at in range(len(sent))])) == events


@pytest.mark.parametrize("behind", [b"", GET[:9], b"\r\n", b"what is this\r\n\r\n", POST + b"ab"])
@pytest.mark.parametrize(
    "sent",
    [b"", GET, POST + b"abc", CHUNKED, GET + CHUNKED, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")],
)
def test_it_is_known_where_the_last_whole_request_ends(sent: bytes, behind: bytes) -> None:
    parser = RequestParser()
    parser.feed(sent + behind)
    empty_lines = 2 if behind == b"\r\n" and parser.state is BETWEEN else 0
    assert parser.whole_bytes == len(sent) + empty_lines
    if parser.state is not OVER:
        parser.feed(b"")
        assert parser.whole_bytes == 0


def test_a_head_without_end_is_bounded() -> None:
    parser = RequestParser()
    head = b"GET / HTTP/1.1\r\nA: " + b"x" * HEAD_BYTES
    assert list(parser.feed(head)) == [Broken(HEAD_TOO_LARGE)]


def test_nothing_is_wrong_behind_a_request_that_ends_the_connection() -> None:
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    *request, broken = parse(last, b"what is this\r\n\r\n")
    assert [type(event) for event in request] == [Head, End]
    assert broken == Broken(None)


@pytest.mark.parametrize("sent", [b"", POST[:20], POST + b"a"])
def test_the_end_of_the_stream_breaks_what_is_half_here(sent: bytes) -> None:
    parser = RequestParser()
    parser.feed(sent)
    assert list(parser.end()) == [Broken(None)]
    assert list(parser.end()) == []
