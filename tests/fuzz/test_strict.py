"""The strict reader that judges the server: what it reads, and what it does not."""

from __future__ import annotations

import pytest

from tests.fuzz.strict import read
from tests.web.requests import chunked, get, in_chunks, post, request

GOOD = {
    "no body": get("/a"),
    "a length": post("/a", b"hello"),
    "chunks": chunked("/a", b"hel", b"lo", trailers="X: 1\r\n"),
    "extensions": request("POST", "/a", "Transfer-Encoding: chunked", body=b"5;a=b\r\nhello\r\n0\r\n\r\n"),
    "an empty line before": b"\r\n" + get("/a"),
    "spaces around a value": get("/a", "X: \t 1 \t"),
    "HTTP/1.0 without a host": b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
}
BAD = {
    "no host": b"GET /a HTTP/1.1\r\n\r\n",
    "two hosts": get("/a", "Host: b"),
    "another version": b"GET /a HTTP/2.0\r\nHost: a\r\n\r\n",
    "a fold": get("/a", "X: 1", " 2"),
    "a space before the colon": get("/a", "X : 1"),
    "a line feed": get("/a", "X: 1\nY: 2"),
    "two lengths": get("/a", "Content-Length: 0", "Content-Length: 0"),
    "length and chunks": request(
        "POST", "/a", "Content-Length: 5", "Transfer-Encoding: chunked", body=in_chunks(b"hello")
    ),
    "an unknown coding": request("POST", "/a", "Transfer-Encoding: gzip", body=in_chunks(b"hello")),
    "a bad chunk": request("POST", "/a", "Transfer-Encoding: chunked", body=b"5\nhello\n0\n\n"),
    "a long chunk": request("POST", "/a", "Transfer-Encoding: chunked", body=b"5\r\nhello!\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_request_is_read_wherever_it_stands(name: str) -> None:
    reading = read(get("/1") + GOOD[name] + post("/2", b"x"))
    assert [each.target for each in reading.requests] == [b"/1", b"/a", b"/2"]
    assert reading.requests[1].body in (b"", b"hello")
    assert reading.rest == "nothing"


@pytest.mark.parametrize("name", BAD)
def test_nothing_is_read_from_a_bad_one_on(name: str) -> None:
    reading = read(get("/1") + BAD[name] + get("/2"))
    assert [each.target for each in reading.requests] == [b"/1"]
    assert reading.rest == "fault"


@pytest.mark.parametrize("name", GOOD)
def test_one_cut_short_is_a_part(name: str) -> None:
    whole = GOOD[name]
    for end in range(3, len(whole)):  # less may be an empty line
        reading = read(whole[:end])
        assert (reading.requests, reading.rest) == ([], "part"), whole[:end]


def test_nothing_counts_behind_a_request_that_ends_the_connection() -> None:
    for last in (get("/1", "Connection: x, close"), b"GET /1 HTTP/1.0\r\n\r\n"):
        reading = read(last + get("/2"))
        assert [each.target for each in reading.requests] == [b"/1"]
        assert reading.rest == "ignored"
