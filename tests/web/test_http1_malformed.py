"""The HTTP/1.1 server on real sockets: requests that are malformed or ambiguous, and what looks like them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.peer import Ended, Peer
from tests.web.requests import get, in_chunks, request

if TYPE_CHECKING:
    from tests.web.served import Served

HIDDEN = get("/now/hidden")
CHUNKED = "Transfer-Encoding: chunked"
AMBIGUOUS = {
    "a length twice": ("Content-Length: 5", "Content-Length: 5"),
    "two lengths": ("Content-Length: 5", f"Content-Length: {5 + len(HIDDEN)}"),
    "a list of lengths": ("Content-Length: 5, 5",),
    "a negative length": ("Content-Length: -5",),
    "a signed length": ("Content-Length: +5",),
    "a hexadecimal length": ("Content-Length: 0x5",),
    "no length": ("Content-Length:",),
    "a length in two words": ("Content-Length: 5 5",),
    "a length beyond 64 bits": ("Content-Length: 18446744073709551621",),
    "a length of thousands of digits": ("Content-Length: " + "0" * 5000 + "5",),
    "length and chunks": ("Content-Length: 5", CHUNKED),
    "chunks and length": (CHUNKED, "Content-Length: 5"),
    "chunked twice": (CHUNKED, CHUNKED),
    "chunked not last": (f"{CHUNKED}, identity",),
    "another coding": ("Transfer-Encoding: gzip",),
    "identity": ("Transfer-Encoding: identity",),
    "a coding that ends in chunked": ("Transfer-Encoding: xchunked",),
    "a coding with a control character": ("Transfer-Encoding: \x0bchunked",),
    "a space before the colon": ("Content-Length : 5",),
    "a folded line": ("Content-Length: 5", " 5"),
    "a bare line feed": ("X: 1\nContent-Length: 5",),
    "a bare carriage return": ("X: 1\rContent-Length: 5",),
    "a zero byte": ("X: 1\x002",),
    "a header without a name": (": 5",),
}


def in_parts(served: Served, peer: Peer, apart: bool, first: bytes, second: bytes) -> None:
    """Send both, so that the server reads them apart or in one."""
    if apart:
        peer.send(first)
        served.settle()
        peer.send(second)
    else:
        peer.send(first + second)


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_length_that_can_be_read_in_two_ways_is_refused(served: Served, name: str) -> None:
    with served.peer() as peer:
        peer.send(request("POST", "/now", *AMBIGUOUS[name], body=b"0\r\n\r\n" + HIDDEN))
        assert peer.answer().status == 400
        assert peer.rest() == b""
    assert not served.handler.count("answered")


BAD_CHUNKS = {
    "a negative size": b"-1\r\n\r\n",
    "a size beyond 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size with a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "a size with a space": b"5 \r\nhello\r\n0\r\n\r\n",
    "bare line feeds": b"5\nhello\n0\n\n",
    "a bare line feed after an extension": b"5;a\nhello\r\n0\r\n\r\n",
    "more than its size": b"5\r\nhello!\r\n0\r\n\r\n",
    "no line end": b"5\r\nhello0\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
@pytest.mark.parametrize("apart", [False, True])
def test_a_bad_chunk_ends_the_connection(served: Served, name: str, apart: bool) -> None:
    with served.peer() as peer:
        in_parts(served, peer, apart, request("POST", "/now", CHUNKED), BAD_CHUNKS[name] + HIDDEN)
        assert peer.answer().status == 400
        assert peer.rest() == b""
    assert [story.endings for story in served.handler.stories] == [["truncated"]]


@pytest.mark.parametrize("apart", [False, True])
def test_a_handler_that_hears_of_a_garbled_body_has_heard_of_its_head(served: Served, apart: bool) -> None:
    with served.peer() as peer:
        in_parts(served, peer, apart, request("POST", "/now", CHUNKED), b"zz\r\n")
        peer.rest()
    assert [story.words for story in served.handler.stories] == [["started", "truncated"]]


BAD_HOSTS = {
    "none": (),
    "two": ("Host: localhost", "Host: localhost"),
    "two of one letter": ("Host: a", "Host: a"),
    "two that are empty": ("Host:", "Host:"),
    "two that differ": ("Host: localhost", "host: evil.example"),
    "two in one line": ("Host: localhost, evil.example",),
    "two in one line without a space": ("Host: localhost,localhost",),
    "a space": ("Host: local host",),
    "a tab": ("Host: local\thost",),
    "a path": ("Host: localhost/x",),
    "a user": ("Host: user@localhost",),
    "a scheme": ("Host: http://localhost",),
    "a port that is none": ("Host: localhost:http",),
    "two ports": ("Host: localhost:1:2",),
    "only a port": ("Host: :9000",),
    "a signed port": ("Host: localhost:+9000",),
    "an open bracket": ("Host: [::1",),
    "a closed bracket": ("Host: ::1]",),
    "IPv6 without brackets": ("Host: ::1",),
    "IPv6 that is none": ("Host: [:::::]",),
    "IPv6 of too many parts": ("Host: [1:2:3:4:5:6:7:8:9]",),
    "a name in brackets": ("Host: [localhost]",),
    "a stray percent": ("Host: local%zzhost",),
    "a percent at the end": ("Host: localhost%",),
    "letters beyond ASCII": ("Host: löcalhost",),
    "a quote": ('Host: "localhost"',),
    "an angle bracket": ("Host: <localhost>",),
    "a backslash": ("Host: local\\host",),
}
GOOD_HOSTS = [
    "localhost", "localhost:9000", "localhost:", "127.0.0.1:9000", "[::1]", "[::1]:9000", "[fe80::1%25eth0]",
    "[::ffff:127.0.0.1]", "a_b.example", "a.example.", "xn--lcalhost-n4a", "a%2Db", "",
]  # fmt: skip


def with_hosts(*lines: str, version: str = "HTTP/1.1") -> bytes:
    return "\r\n".join([f"GET /now {version}", *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize("name", BAD_HOSTS)
@pytest.mark.parametrize("behind", [False, True])
def test_a_bad_host_is_refused(served: Served, name: str, behind: bool) -> None:
    with served.peer() as peer:
        if behind:  # where the same head without the fault has come before
            assert [peer.ask(get("/now")).status for _ in range(3)] == [200] * 3
        answer = peer.ask(with_hosts(*BAD_HOSTS[name]))
        assert (answer.status, b"Host" in answer.body) == (400, True)
        assert peer.rest() == b""


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_a_host_may_be_anything_that_names_one(served: Served, host: str) -> None:
    with served.peer() as peer:
        for _ in range(3):
            assert peer.ask(with_hosts(f"Host: {host}")).status == 200


def test_http_1_0_needs_no_host(served: Served) -> None:
    with served.peer() as peer:
        for _ in range(3):
            assert peer.ask(with_hosts("Connection: keep-alive", version="HTTP/1.0")).status == 200
        assert peer.ask(with_hosts("Host: a", "Host: a", version="HTTP/1.0")).status == 400


@pytest.mark.parametrize(
    "version", ["HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/2", "HTTP/3.0", "HTTP/1", "HTTP/1.10",
                "HTTP/01.1", "http/1.1", "HTTPS/1.1", "ICE/1.0", "1.1", "HTTP/", ""],
)  # fmt: skip
def test_a_version_that_is_not_spoken_is_refused(served: Served, version: str) -> None:
    with served.peer() as peer:
        assert peer.ask(with_hosts("Host: localhost", version=version)).status == 400
        assert peer.rest() == b""


def test_a_request_without_a_version_is_refused(served: Served) -> None:
    with served.peer() as peer:
        assert peer.ask(b"GET /now\r\n\r\n").status == 400
        assert peer.rest() == b""
    assert not served.handler.stories


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"hello\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\0",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_answered_with_400(served: Served, garbage: bytes) -> None:
    with served.peer() as peer:
        assert peer.ask(garbage).status == 400
        assert peer.rest() == b""


@pytest.mark.parametrize("apart", [False, True])
def test_requests_before_garbage_are_answered(served: Served, apart: bool) -> None:
    with served.peer() as peer:
        in_parts(served, peer, apart, get("/now/1") + get("/now/2"), b"garbage\r\n\r\n")
        assert [peer.answer().status for _ in range(3)] == [200, 200, 400]
        assert peer.rest() == b""


def test_garbage_behind_a_request_in_hand_ends_the_connection_once(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/never"))
        served.handler.wait_for("finished")
        peer.send(b"garbage\r\n\r\n")
        with pytest.raises(Ended):
            peer.answer()
    assert served.handler.count("dropped") == 1


def test_chunk_extensions_are_read_over(served: Served) -> None:
    with served.peer() as peer:
        answer = peer.ask(request("POST", "/now", CHUNKED, body=b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'))
        assert answer.body == b"hello"


def test_a_request_after_the_end_of_a_chunked_body_is_its_own(served: Served) -> None:
    with served.peer() as peer:
        peer.send(request("POST", "/now/1", CHUNKED, body=in_chunks(get("/now/hidden"))) + get("/now/2"))
        assert [peer.answer().headers["x-asked"] for _ in range(2)] == ["POST /now/1", "GET /now/2"]
