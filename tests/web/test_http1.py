"""The HTTP/1.1 server on real sockets: how requests are read, and in which order they are answered."""

from __future__ import annotations

import random

import pytest

from tests.web.requests import chunked, get, post, request
from tests.web.served import Served

CONTINUE = ("Expect: 100-continue",)
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")


def test_a_connection_serves_one_request_after_another(served: Served) -> None:
    with served.peer() as peer:
        for number in range(50):
            answer = peer.ask(post(f"/now/{number}?q={number}", b"%d" % number))
            assert (answer.status, answer.body) == (200, b"%d" % number)
            assert answer.headers["x-asked"] == f"POST /now/{number}?q={number}"
            assert "connection" not in answer.headers


def test_hundreds_of_requests_in_one_write_are_answered_in_order(served: Served) -> None:
    bodies = [b"%d" % number * (number % 90) for number in range(700)]
    with served.peer() as peer:
        peer.send(b"".join(post("/now", body) for body in bodies))
        assert [peer.answer().body for _ in bodies] == bodies


def test_a_late_answer_holds_back_those_behind_it(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/now/1") + get("/late/2") + get("/now/3") + get("/late/4") + get("/now/5"))
        assert peer.answer().headers["x-asked"] == "GET /now/1"
        served.settle()
        assert peer.is_silent()
        served.release()
        assert [peer.answer().headers["x-asked"] for _ in range(2)] == ["GET /late/2", "GET /now/3"]
        served.settle()
        assert peer.is_silent()
        served.release()
        assert [peer.answer().headers["x-asked"] for _ in range(2)] == ["GET /late/4", "GET /now/5"]


SHAPES = {
    "bare": (get("/now/a?b=c"), b""),
    "sized": (post("/now", b"hello", "Content-Type: text/plain"), b"hello"),
    "chunked": (chunked("/now", b"he", b"l", b"lo", trailers="X-Sum: 1\r\nY: 2\r\n"), b"hello"),
    "blank lines before": (b"\r\n\r\n" + get("/now"), b""),
    "absolute": (post("http://127.0.0.1:9001/now/a", b"hello"), b"hello"),
    "upgrade": (get("/now", *H2C), b""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_request_may_come_apart_anywhere(served: Served, shape: str) -> None:
    data, body = SHAPES[shape]
    with served.peer() as peer:
        for position in range(1, len(data)):
            peer.send(data[:position])
            served.settle()
            answer = peer.ask(data[position:])
            assert (answer.status, answer.body) == (200, body), f"split at {position}: {data[:position]!r}"


@pytest.mark.parametrize("shape", SHAPES)
def test_a_request_may_come_byte_by_byte(served: Served, shape: str) -> None:
    data, body = SHAPES[shape]
    with served.peer() as peer:
        for byte in data:
            peer.send(bytes([byte]))
            served.settle()
        assert peer.answer().body == body


@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
def test_chunks_may_have_any_size(served: Served, size: int) -> None:
    body = random.Random(size).randbytes(9000)
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    with served.peer() as peer:
        assert peer.ask(chunked("/now", *chunks)).body == body
        assert peer.ask(get("/now")).status == 200


def test_trailers_come_with_the_finished_request(served: Served) -> None:
    with served.peer() as peer:
        answer = peer.ask(chunked("/now", b"x", trailers="Lambda-Error: e\r\nOther: two words\r\n"))
        assert answer.headers["x-trailers"] == "[(b'lambda-error', b'e'), (b'other', b'two words')]"
        assert "x-trailers" not in peer.ask(chunked("/now", b"x")).headers


def test_a_body_of_megabytes_comes_and_goes_byte_for_byte() -> None:
    body = random.Random(6).randbytes(6_291_456)
    with Served(len(body)) as served, served.peer() as peer:
        for data in (post("/now", body), chunked("/now", body[:1], body[1:77_777], body[77_777:])):
            assert peer.ask(data).body == body


# -- Expect


def test_a_body_that_is_asked_for_gets_its_100(served: Served) -> None:
    with served.peer() as peer:
        peer.send(request("POST", "/now", "Content-Length: 5", *CONTINUE))
        assert peer.answer().status == 100
        answer = peer.ask(b"hello")
        assert (answer.status, answer.body) == (200, b"hello")
        assert peer.ask(get("/now")).status == 200


def test_a_body_that_came_unasked_gets_no_100(served: Served) -> None:
    with served.peer() as peer:
        assert peer.ask(post("/now", b"hello", *CONTINUE)).status == 200


def test_a_100_waits_for_its_turn(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/late") + request("POST", "/now", "Content-Length: 5", *CONTINUE))
        served.settle()
        assert peer.is_silent()
        served.release()
        assert peer.answer().headers["x-asked"] == "GET /late"
        assert peer.answer().status == 100
        assert peer.ask(b"hello").body == b"hello"


@pytest.mark.parametrize(("target", "size", "status"), [("/refuse", 5, 403), ("/now", 2_000_000, 413)])
def test_a_body_that_is_not_wanted_gets_no_100_and_ends_the_connection(
    served: Served, target: str, size: int, status: int
) -> None:
    with served.peer() as peer:
        answer = peer.ask(request("POST", target, f"Content-Length: {size}", *CONTINUE))
        assert answer.status == status
        assert answer.headers["connection"] == "close"
        assert peer.rest() == b""


def test_nothing_behind_a_body_that_was_not_wanted_is_served(served: Served) -> None:
    with served.peer() as peer:
        peer.send(request("POST", "/refuse", "Content-Length: 5", *CONTINUE))
        assert peer.answer().status == 403
        peer.send(b"hello" + get("/now"))
        assert peer.rest() == b""
    assert served.handler.count("answered") == 1


# -- versions, methods, targets


def test_http_1_0_ends_with_its_answer(served: Served) -> None:
    with served.peer() as peer:
        answer = peer.ask(request("POST", "/now", "Content-Length: 5", body=b"hello", version="HTTP/1.0"))
        assert (answer.body, answer.headers["connection"]) == (b"hello", "close")
        assert peer.rest() == b""


def test_http_1_0_goes_on_when_it_asks_for_it_and_is_told_so(served: Served) -> None:
    with served.peer() as peer:
        for _ in range(2):
            answer = peer.ask(request("GET", "/now", "Connection: keep-alive", version="HTTP/1.0"))
            assert answer.status == 200
            assert answer.headers["connection"].lower() == "keep-alive"


def test_http_1_0_is_told_of_a_close_only_once(served: Served) -> None:
    with served.peer() as peer:
        peer.send(request("GET", "/late", "Connection: keep-alive", version="HTTP/1.0"))
        served.handler.wait_for("finished")
        peer.finish_sending()
        served.handler.wait_for("half_closed")
        served.release()
        assert peer.answer().headers["connection"] == "close"


def test_http_1_0_knows_no_100(served: Served) -> None:
    with served.peer() as peer:
        peer.send(request("POST", "/now", "Content-Length: 5", *CONTINUE, version="HTTP/1.0"))
        served.settle()
        assert peer.is_silent()
        assert peer.ask(b"hello").status == 200


@pytest.mark.parametrize("version", ["HTTP/1.2", "HTTP/3.0", "HTTP/1", "FTP/1.1"])
def test_another_version_is_refused(served: Served, version: str) -> None:
    with served.peer() as peer:
        assert peer.ask(request("GET", "/now", version=version)).status == 400
        assert peer.rest() == b""


def test_head_is_answered_with_the_length_and_without_the_body(served: Served) -> None:
    with served.peer() as peer:
        answer = peer.ask(request("HEAD", "/big?5000"), "HEAD")
        assert (answer.status, answer.headers["content-length"]) == (200, "5000")
        assert peer.ask(get("/now")).headers["x-asked"] == "GET /now"


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        ("http://example.com/now/a?b=c", "/now/a?b=c"),
        ("http://example.com/now?u=http://x/y", "/now?u=http://x/y"),
        ("/now?u=http://x/y?z", "/now?u=http://x/y?z"),
        ("/now//a", "/now//a"),
        ("/now/http://x/y", "/now/http://x/y"),
        ("/now/%2Fa", "/now/%2Fa"),
    ],
)
def test_the_target_comes_as_path_and_query(served: Served, target: str, seen: str) -> None:
    with served.peer() as peer:
        assert peer.ask(get(target)).headers["x-asked"] == f"GET {seen}"


@pytest.mark.parametrize("target", ["http://example.com", "http://example.com?a=b", "*"])
def test_a_target_without_a_path_is_answered(served: Served, target: str) -> None:
    with served.peer() as peer:
        assert peer.ask(request("OPTIONS", target)).status == 404
        assert peer.ask(get("/now")).status == 200


@pytest.mark.parametrize(
    ("status", "reason"),
    [(200, b"OK"), (413, b"Request Entity Too Large"), (501, b"Not Implemented"), (418, b""), (599, b"")],
)
def test_every_status_can_be_answered(served: Served, status: int, reason: bytes) -> None:
    with served.peer() as peer:
        peer.send(get(f"/status?{status}", "Connection: close"))
        assert peer.rest().startswith(b"HTTP/1.1 %d %b\r\n" % (status, reason))


# -- Upgrade


def test_an_upgrade_is_ignored(served: Served) -> None:
    with served.peer() as peer:
        assert peer.ask(get("/now/1", *H2C)).headers["x-asked"] == "GET /now/1"
        assert peer.ask(get("/now/2")).headers["x-asked"] == "GET /now/2"


@pytest.mark.parametrize("data", [post("/now", b"hello", *H2C), chunked("/now", b"he", b"llo", headers=H2C)])
@pytest.mark.parametrize("at", [0, 3, 5])
def test_the_body_of_a_request_that_would_upgrade_is_read(served: Served, data: bytes, at: int) -> None:
    head, _, body = data.partition(b"\r\n\r\n")
    with served.peer() as peer:
        peer.send(head + b"\r\n\r\n" + body[:at])
        served.settle()
        answer = peer.ask(body[at:] + get("/now/next"))
        assert (answer.status, answer.body) == (200, b"hello")
        assert peer.answer().headers["x-asked"] == "GET /now/next"


def test_the_body_of_a_request_that_would_upgrade_is_no_request(served: Served) -> None:
    with served.peer() as peer:
        assert peer.ask(post("/now", get("/now/hidden"), *H2C)).body == get("/now/hidden")
        assert peer.ask(get("/now/next")).headers["x-asked"] == "GET /now/next"


def test_many_upgrades_in_one_write_are_ignored(served: Served) -> None:
    with served.peer() as peer:
        peer.send(get("/now", *H2C) * 1500)
        assert {peer.answer().status for _ in range(1500)} == {200}


def test_the_body_of_a_connect_is_no_request(served: Served) -> None:
    hidden = get("/now/hidden")
    with served.peer() as peer:
        peer.ask(request("CONNECT", "localhost:80", f"Content-Length: {len(hidden)}", body=hidden))
        served.settle()
    assert [story.target for story in served.handler.stories] == [b"localhost:80"]


# -- Connection: close


@pytest.mark.parametrize("target", ["/now", "/late"])
def test_close_ends_the_connection_after_the_answer(served: Served, target: str) -> None:
    with served.peer() as peer:
        peer.send(get(target, "Connection: close"))
        if target == "/late":
            served.release()
        assert peer.answer().headers["connection"] == "close"
        assert peer.rest() == b""


@pytest.mark.parametrize("target", ["/now", "/late"])
def test_what_follows_a_close_is_neither_served_nor_held_against_it(served: Served, target: str) -> None:
    with served.peer() as peer:
        peer.send(get(target, "Connection: close") + get("/now/2"))
        if target == "/late":
            served.release()
        assert peer.answer().headers["x-asked"] == f"GET {target}"
        assert peer.rest() == b""
    assert len(served.handler.stories) == 1
