"""A head that comes again is not parsed again: whatever comes is read as if it were the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from hypothesis import given
from hypothesis import strategies as st
from runtime_api.web.reader import RequestReader

if TYPE_CHECKING:
    from runtime_api.web.http1 import Connection

LIMIT = 64


class Read(NamedTuple):
    """What a request was read as."""

    method: bytes
    path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    complete: bool
    overflow: bool
    close: bool
    trailers: Any


def read(pieces: list[bytes], reader: RequestReader | None = None) -> list[Read]:
    """What comes of these pieces, one read each."""
    reader = reader or RequestReader(cast("Connection", None), LIMIT)
    found = []
    for piece in pieces:
        reader.feed(piece)
        while reader.arrived and reader.arrived[0].complete:
            one = reader.arrived.popleft()
            body = b"" if one.overflow else one.body
            found.append(
                Read(
                    one.method,
                    one.path,
                    one.query,
                    one.headers,
                    body,
                    one.complete,
                    one.overflow,
                    one.close,
                    one.trailers,
                )
            )
    return found


bodies = st.sampled_from([b"", b"{}", b"GET / HTTP/1.1\r\n\r\n", b"x" * LIMIT, b"y" * (LIMIT + 1)])
paths = st.sampled_from([b"/next", b"/a?q=1", b"/a?q=2", b"http://host/next"])
extra = st.sampled_from([b"", b"A: 1\r\n", b"A: 2\r\n", b"Connection: keep-alive\r\n", b"Expect: 100-continue\r\n"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    path, header, body = draw(paths), draw(extra), draw(bodies)
    if draw(st.integers(0, 3)) == 0:
        return b"GET %b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (path, header)
    if draw(st.integers(0, 5)) == 0:
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return b"POST %b HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % (path, header, chunk)
    return b"POST %b HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (path, header, len(body), body)


@given(st.lists(requests(), max_size=12), st.data())
def test_requests_are_read_as_if_each_were_the_first(sent: list[bytes], data: st.DataObject) -> None:
    alone = [one for request in sent for one in read([request])]
    assert read(sent) == alone
    stream = b"".join(sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read([piece for piece in pieces if piece]) == alone


def test_a_head_that_came_twice_is_known_and_its_body_is_its_own() -> None:
    post = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n"
    assert [one.body for one in read([post + b"11", post + b"22", post + b"33", post + b"44"])] == [
        b"11",
        b"22",
        b"33",
        b"44",
    ]


def test_half_a_request_with_a_known_head_is_waited_for() -> None:
    post = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n"
    pieces = [post + b"11", post + b"22", post + b"3", b"3", post, b"44"]
    assert [one.body for one in read(pieces)] == [b"11", b"22", b"33", b"44"]


def test_a_known_head_with_a_new_target_or_another_method_is_read_for_what_it_is() -> None:
    ending = b" HTTP/1.1\r\nContent-Length: 2\r\n\r\n11"
    targets = [b"POST /a", b"POST /b?q=1", b"PUT /b?q=1", b"POST /a", b"PUT http://host/c", b"POST /b"]
    found = read([target + ending for target in targets])
    assert [(one.method, one.path, one.query) for one in found] == [
        (b"POST", b"/a", b""),
        (b"POST", b"/b", b"q=1"),
        (b"PUT", b"/b", b"q=1"),
        (b"POST", b"/a", b""),
        (b"PUT", b"/c", b""),
        (b"POST", b"/b", b""),
    ]
