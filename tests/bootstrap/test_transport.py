"""The connection to the Runtime API, also to servers that misbehave."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.bootstrap.scripted import CLOSE, REQUEST_ID, RESET, SILENCE, Scripted, accepted, answer, event
from tests.bootstrap.starting import finish, run, start, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bootstrap.scripted import Act

ECHO = "def handler(event, context): return event"
ASYNC_ECHO = "async def handler(event, context): return event"
WAYS = pytest.mark.parametrize(
    ("source", "more"),
    [(ECHO, {}), (ASYNC_ECHO, {"AWS_LAMBDA_MAX_CONCURRENCY": "2"})],
    ids=["blocking", "tasks"],
)


def head(status: str, *lines: str) -> bytes:
    usual = ("Content-Type: application/json", f"Lambda-Runtime-Aws-Request-Id: {REQUEST_ID}")
    return "\r\n".join([f"HTTP/1.1 {status}", *usual, *lines, "", ""]).encode()


def test_one_connection_serves_every_call(tmp_path: Path) -> None:
    ran = run(tmp_path, ECHO, [event(b"1"), event(b"2"), event(b"3")])
    assert ran.calls == ["next", "response"] * 3 + ["next"]
    assert (ran.connections, ran.code, ran.out, ran.err) == (1, 0, "", "")


@WAYS
def test_an_event_in_chunks_that_arrive_in_single_bytes(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    whole = head("200 OK", "transfer-encoding: chunked") + b'5;ext=1\r\n{"a":\r\n2 \r\n1}\r\n0\r\nTrailer: x\r\n\r\n'
    whole = whole.replace(b"2 \r\n", b"2\r\n")
    pieces = [whole[at : at + 1] for at in range(len(whole))]
    assert run(tmp_path, source, [pieces], more=more).documents == [{"a": 1}]


@WAYS
def test_an_event_that_arrives_in_single_bytes(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    whole = event(b'{"slow":"\xc3\xa4"}')
    ran = run(tmp_path, source, [[whole[at : at + 1] for at in range(len(whole))]], more=more)
    assert ran.documents == [{"slow": "ä"}]


@WAYS
def test_header_names_in_any_case(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    whole = event(b"1", LAMBDA_RUNTIME_INVOCATION_ID="abc")
    shouted, _, body = whole.partition(b"\r\n\r\n")
    first, _, fields = shouted.partition(b"\r\n")
    for spelt in (fields.upper(), fields.lower()):
        ran = run(tmp_path, source, [first + b"\r\n" + spelt + b"\r\n\r\n" + body], more=more)
        assert ran.documents == [1]
        assert ran.posts[0].headers["lambda-runtime-invocation-id"].lower() == "abc"


@WAYS
def test_interim_responses_are_skipped(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    ran = run(tmp_path, source, [interim + event(b"1"), [interim, event(b"2")]], [interim + accepted()], more=more)
    assert sorted(ran.documents) == [1, 2]


@WAYS
def test_an_event_that_ends_with_the_connection(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    ran = run(tmp_path, source, [[head("200 OK") + b"[1", b",2]", CLOSE], event(b"3")], more=more)
    assert sorted(ran.documents, key=str) == [3, [1, 2]]


@WAYS
@pytest.mark.parametrize("http", ["1.0", "1.1"])
def test_a_connection_for_each_call(tmp_path: Path, source: str, more: dict[str, str], http: str) -> None:
    """HTTP/1.0 closes without a header, HTTP/1.1 announces it."""
    headers = {} if http == "1.0" else {"Connection": "close"}
    nexts: list[list[bytes | Act]] = [
        [event(b"1", **headers).replace(b"HTTP/1.1", b"HTTP/" + http.encode(), 1), CLOSE] for _ in range(2)
    ]
    posts: list[list[bytes | Act]] = [[answer(202, b"OK", http=http, **headers), CLOSE] for _ in range(2)]
    ran = run(tmp_path, source, nexts, posts, more=more)
    assert (ran.documents, ran.code) == ([1, 1], 0)
    assert ran.connections >= 5


@WAYS
def test_a_connection_closed_while_idle_is_replaced(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    ran = run(tmp_path, source, [event(b"1"), event(b"2")], [[accepted(), CLOSE]], more=more)
    assert (sorted(ran.documents), ran.code) == ([1, 2], 0)


def test_a_stream_after_a_connection_closed_while_idle(tmp_path: Path) -> None:
    source = """
        def handler(event, context):
            yield "a"
            yield "b"
    """
    ran = run(tmp_path, source, [[event(b"1"), CLOSE], event(b"2")], [accepted()])
    assert [one.body for one in ran.posts if "cut" not in one.trailers] == [b"ab", b"ab"]
    assert ran.code == 0


@WAYS
@pytest.mark.parametrize("act", [CLOSE, RESET], ids=["closed", "reset"])
def test_an_event_that_is_cut_short_ends_the_process(
    tmp_path: Path, source: str, more: dict[str, str], act: Act
) -> None:
    ran = run(tmp_path, source, [[event(b'{"a":1}')[:-3], act]], ends=True, more=more)
    assert ran.code == 1
    assert ran.posts == []
    assert "cut short" in ran.out


@WAYS
@pytest.mark.parametrize("act", [CLOSE, RESET], ids=["closed", "reset"])
def test_a_server_that_always_hangs_up_at_next_ends_the_process(
    tmp_path: Path, source: str, more: dict[str, str], act: Act
) -> None:
    ran = run(tmp_path, source, [[act]] * 8, ends=True, more=more)
    assert ran.code == 1
    assert len(ran.requests) <= 2 * int(more.get("AWS_LAMBDA_MAX_CONCURRENCY", 1))
    assert "[ERROR]" in ran.out


@WAYS
def test_a_server_that_hangs_up_at_an_answer_ends_the_process(
    tmp_path: Path, source: str, more: dict[str, str]
) -> None:
    """The answer is sent once more, since the connection had been idle; it is not replaced by an error."""
    ran = run(tmp_path, source, [event(b"1")], [[CLOSE]] * 3, ends=True, more=more)
    assert ran.code == 1
    assert {one.call.rpartition("/")[2] for one in ran.posts} == {"response"}
    assert len(ran.posts) <= 2


@WAYS
def test_a_response_that_is_not_http_ends_the_process(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    for wrong in (b"\x15\x03\x01\x00\x02\x02\x16\r\n\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n"):
        ran = run(tmp_path, source, [wrong], ends=True, more=more)
        assert (ran.code, ran.posts) == (1, [])
        assert "cannot be read" in ran.out
        assert "Traceback" not in ran.out + ran.err


@WAYS
def test_a_body_that_is_not_as_announced_ends_the_process(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    """test_http1 has more such bodies."""
    for length, body in (("Content-Length: 1", b"{} and more"), ("Transfer-Encoding: chunked", b"-5\r\n{}\r\n")):
        ran = run(tmp_path, source, [head("200 OK", length) + body], ends=True, more=more)
        assert (ran.code, ran.posts) == (1, [])
        assert "cannot be read" in ran.out
        assert "Traceback" not in ran.out + ran.err


@WAYS
@pytest.mark.parametrize("status", [204, 400, 403, 410, 500, 503])
def test_a_refusal_of_next_ends_the_process(tmp_path: Path, source: str, more: dict[str, str], status: int) -> None:
    ran = run(tmp_path, source, [answer(status, b"no" if status != 204 else b"")], ends=True, more=more)
    assert ran.code == 1
    assert ran.posts == []
    assert f"GET /invocation/next was answered with {status}" in ran.out


@WAYS
def test_an_event_without_a_request_id_ends_the_process(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    ran = run(tmp_path, source, [answer(200, b"{}")], ends=True, more=more)
    assert (ran.code, ran.posts) == (1, [])
    assert "without a Lambda-Runtime-Aws-Request-Id" in ran.out


@WAYS
@pytest.mark.parametrize("status", [400, 403, 410, 413])
def test_a_refused_response_is_logged_and_serving_goes_on(
    tmp_path: Path, source: str, more: dict[str, str], status: int
) -> None:
    refusal = answer(status, b'{"errorMessage":"because","errorType":"Refused"}')
    ran = run(tmp_path, source, [event(b"1"), event(b"2")], [refusal], more=more)
    assert (sorted(ran.documents), ran.code) == ([1, 2], 0)
    assert ran.calls.count("error") == 0
    assert "[WARNING]\t" in ran.out
    assert f"A response was refused with {status}" in ran.out
    assert "because" in ran.out


@pytest.mark.parametrize("status", [400, 403, 410, 413])
def test_a_refused_error_is_logged_and_serving_goes_on(tmp_path: Path, status: int) -> None:
    source = "def handler(event, context): return 1 // event"
    ran = run(tmp_path, source, [event(b"0"), event(b"1")], [answer(status)])
    assert (ran.calls, ran.code) == (["next", "error", "next", "response", "next"], 0)
    assert f"An error was refused with {status}" in ran.out


@WAYS
def test_a_5xx_for_a_response_ends_the_process(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    ran = run(tmp_path, source, [event(b"1"), event(b"2")], [answer(500, b"oh")] * 2, ends=True, more=more)
    assert ran.code == 1
    assert ran.calls.count("error") == 0
    assert "A response was refused with 500: oh" in ran.out


@WAYS
def test_a_large_response_that_is_refused_while_it_is_sent(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    """The server sends 413 after the head and hangs up: the refusal is read, and no error is posted."""
    source = source.replace("return event", "return event if event == 2 else 'x' * 30_000_000")
    with Scripted([event(b"1"), event(b"2")], early=answer(413, b"too large", Connection="close")) as server:
        write(tmp_path, source)
        process = start(tmp_path, server, more=more)
        server.wait_for(
            lambda it: it.waiting == int(more.get("AWS_LAMBDA_MAX_CONCURRENCY", 1)) or process.poll() is not None
        )
        process.terminate()
        ran = finish(process, server, tmp_path)
    assert [one.body for one in ran.posts] == [b"2"]
    assert "A response was refused with 413" in ran.out


@WAYS
def test_a_server_that_listens_late_is_waited_for(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    write(tmp_path, f"open('loaded', 'w').close()\n{source}")
    os.mkfifo(tmp_path / "loaded")
    server = Scripted([event(b"1")])
    try:
        process = start(tmp_path, server, more=more)
        (tmp_path / "loaded").read_text()  # now it connects
        server.listen()
        server.wait_for(
            lambda it: it.waiting == int(more.get("AWS_LAMBDA_MAX_CONCURRENCY", 1)) or process.poll() is not None
        )
        process.terminate()
        ran = finish(process, server, tmp_path)
    finally:
        server.close()
    assert (ran.documents, ran.code) == ([1], 0)


@WAYS
def test_a_server_that_never_listens_ends_the_process(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    write(tmp_path, source)
    server = Scripted([])
    try:
        ran = finish(start(tmp_path, server, more=more), server, tmp_path)
    finally:
        server.close()
    assert (ran.code, ran.requests) == (1, [])
    assert f"{server.address}: connection refused" in ran.out


@WAYS
@pytest.mark.parametrize("host", ["localhost", "::1"])
def test_other_ways_to_name_the_server(tmp_path: Path, source: str, more: dict[str, str], host: str) -> None:
    """A name may have addresses of both families, of which only one has a listener."""
    write(tmp_path, source)
    with Scripted([event(b"1")], host="127.0.0.1" if host == "localhost" else host) as server:
        address = server.address.replace("127.0.0.1", host)
        process = start(tmp_path, server, more={**more, "AWS_LAMBDA_RUNTIME_API": address})
        server.wait_for(
            lambda it: it.waiting == int(more.get("AWS_LAMBDA_MAX_CONCURRENCY", 1)) or process.poll() is not None
        )
        process.terminate()
        ran = finish(process, server, tmp_path)
    assert (ran.documents, ran.code) == ([1], 0)
    assert ran.requests[0].headers["host"] == address


@pytest.mark.parametrize(
    ("given", "message"),
    [("", "AWS_LAMBDA_RUNTIME_API is not set"), ("no.such.host.invalid:9001", "no.such.host.invalid:9001")],
)
def test_a_server_that_is_not_named_or_not_known(tmp_path: Path, given: str, message: str) -> None:
    ran = run(tmp_path, ECHO, AWS_LAMBDA_RUNTIME_API=given)
    assert ran.code == 1
    assert message in ran.out + ran.err
    assert "Traceback" not in ran.out + ran.err


@WAYS
def test_the_invocation_id_is_echoed(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    source += " if event else 1 // 0"
    nexts = [
        event(b"1", Lambda_Runtime_Invocation_Id="one"),
        event(b"0", Lambda_Runtime_Invocation_Id="two"),
        event(b"2"),
    ]
    ran = run(tmp_path, source, nexts, more={**more, **({"AWS_LAMBDA_MAX_CONCURRENCY": "1"} if more else {})})
    assert [one.headers.get("lambda-runtime-invocation-id") for one in ran.posts] == ["one", "two", None]
    assert ran.calls == ["next", "response", "next", "error", "next", "response", "next"]


@pytest.mark.slow
@WAYS
def test_next_does_not_time_out(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    """The server is silent for longer than one call of recv waits, before an event and in the middle of it."""
    whole = event(b'{"a":1}')
    ran = run(tmp_path, source, [[SILENCE, whole[:-4], SILENCE, whole[-4:]]], more=more)
    assert (ran.documents, ran.code) == ([{"a": 1}], 0)
    assert ran.connections == int(more.get("AWS_LAMBDA_MAX_CONCURRENCY", "1"))


@WAYS
def test_6_mb_in_and_out(tmp_path: Path, source: str, more: dict[str, str]) -> None:
    text = b'"' + "ä".encode() * 3_000_000 + b'"'
    ran = run(tmp_path, source, [event(text), event(text)], more=more)
    assert [one.body == text for one in ran.posts] == [True, True]
