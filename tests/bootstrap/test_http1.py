"""HTTP/1.1 heads and chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootjack_bootstrap.http1 import (
    CHUNKED,
    UNTIL_CLOSED,
    ChunkedBody,
    HttpError,
    chunk,
    last_chunk,
    read_head,
    request_head,
)


def unchunked(*pieces: bytes) -> ChunkedBody:
    body = ChunkedBody()
    for piece in pieces:
        body.feed(piece)
    return body


@given(st.lists(st.binary(min_size=1), max_size=8), st.data())
def test_chunks_may_arrive_in_any_pieces(chunks: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(chunk, chunks)) + last_chunk({"A": "b"})
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    body = unchunked(*pieces)
    assert (bytes(body.body), body.done) == (b"".join(chunks), True)


@pytest.mark.parametrize(
    "wrong",
    [
        b"\r\n", b"zz\r\n", b"-5\r\n{}\r\n", b"0x2\r\n{}\r\n", b"1_0\r\n", b"\xb2\r\n", b"2\r\n{}more\r\n",
        b"2\r\n{}\r\n0\r\n\r\nmore", b"0" * 2_000_000,
    ],
)  # fmt: skip
def test_bytes_that_are_not_chunks_are_refused(wrong: bytes) -> None:
    with pytest.raises(HttpError):
        unchunked(wrong)


def test_a_chunk_size_may_have_extensions_and_spaces() -> None:
    assert unchunked(b"2 ;a=b\r\n{}\r\n0\r\n\r\n").body == b"{}"


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 12", 12),
        (b"HTTP/1.1 200\r\nCONTENT-LENGTH:0", 0),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked", CHUNKED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 3", CHUNKED),
        (b"HTTP/1.1 200 OK", UNTIL_CLOSED),
        (b"HTTP/1.1 204 No Content", 0),
        (b"HTTP/1.1 100 Continue", 0),
    ],
)
def test_the_length_of_a_body(lines: bytes, length: int) -> None:
    assert read_head(lines)[2] == length


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"HTTP/2 200", b"HTTP/1.1 2x0 OK", b"HTTP/1.1 \xb2\xb2\xb2", b"HTTP/1.1", b"\x16\x03\x01",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1", b"HTTP/1.1 200 OK\r\nContent-Length: \xb2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1", b"HTTP/1.1 200 OK\r\nContent-Length: 0x1",
    ],
)  # fmt: skip
def test_bytes_that_are_not_a_head_are_refused(wrong: bytes) -> None:
    with pytest.raises(HttpError):
        read_head(wrong)


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    try:
        status, _, _ = read_head(b"HTTP/1.1 " + data)
    except HttpError:
        return
    assert 0 <= status <= 999


def test_http_1_0_closes_unless_it_says_otherwise() -> None:
    assert read_head(b"HTTP/1.0 200 OK")[1]["connection"] == "close"
    assert read_head(b"HTTP/1.0 200 OK\r\nConnection: keep-alive")[1]["connection"] == "keep-alive"


def test_the_head_of_a_request() -> None:
    assert request_head("GET", "/a", "h:1", {}, 0) == b"GET /a HTTP/1.1\r\nHost: h:1\r\n\r\n"
    assert request_head("POST", "/a", "h:1", {"B": "\u00e4"}, 0) == (
        b"POST /a HTTP/1.1\r\nHost: h:1\r\nB: \xe4\r\nContent-Length: 0\r\n\r\n"
    )
    assert request_head("POST", "/a", "h", {}, None).endswith(b"Transfer-Encoding: chunked\r\n\r\n")
