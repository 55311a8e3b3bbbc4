"""What is sent on a connection and when it is replaced: conversations, without a socket."""

from __future__ import annotations

import errno
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootjack_bootstrap.client import MOST_KEPT_BYTES, Client, Upload
from bootjack_bootstrap.ends import ConnectionLost
from bootjack_bootstrap.responses import read_response
from bootjack_bootstrap.steps import Receive, ReceiveInto
from tests.bootstrap.played import ADDRESS, CONNECTED, play
from tests.bootstrap.scripted import accepted, answer

if TYPE_CHECKING:
    from bootjack_bootstrap.http1 import Response
    from bootjack_bootstrap.steps import Conversation

GET = b"GET /next HTTP/1.1\r\n\r\n"
POST = b"POST /response HTTP/1.1\r\n\r\n"
OK = answer(200, b"{}")
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "asyncio says this at length")


def connected() -> Client:
    """A client whose connection has been used."""
    client = Client("api:9001")
    play(client.ask(GET), [*CONNECTED, (GET, True), ("Receive", OK)])
    return client


def test_a_connection_is_kept() -> None:
    client = connected()
    status, headers, body = play(client.ask(GET), [(GET, True), ("Receive", OK)])
    assert (status, headers["content-length"], body) == (200, "2", b"{}")


def test_a_small_body_goes_out_with_its_head_and_a_large_one_does_not() -> None:
    client = connected()
    play(client.ask(POST, b"small"), [(POST + b"small", True), ("Receive", accepted())])
    large = b"x" * 100_000
    play(client.ask(POST, large), [(POST, True), (large, True), ("Receive", accepted())])


def test_something_is_done_while_the_server_works() -> None:
    done: list[str] = []
    conversation = connected().ask(GET, meanwhile=lambda: done.append("done"))
    next(conversation)
    assert done == []
    assert isinstance(conversation.send(True), Receive)
    assert done == ["done"]


def test_every_address_of_a_name_is_tried() -> None:
    six = (10, 1, 6, "", ("::1", 9001, 0, 0))
    script = [("Resolve", [six, ADDRESS]), (("Connect", six), REFUSED), (("Connect", ADDRESS), None)]
    assert play(Client("localhost:9001").ask(GET), [*script, (GET, True), ("Receive", OK)])[0] == 200


def test_a_server_that_refuses_connections_gets_time_to_listen() -> None:
    refused = [("Resolve", [ADDRESS]), (("Connect", ADDRESS), REFUSED)]
    script: list[tuple[object, object]] = [*refused]
    for wait_ms in (20, 40, 80, 160, 320):
        script += [(("Sleep", wait_ms / 1000), None), *refused]
    with pytest.raises(ConnectionLost, match=r"^api:9001: connection refused$"):
        play(Client("api:9001").ask(GET), script)


@pytest.mark.parametrize(
    "error", [OSError(errno.ENETUNREACH, "asyncio says this at length"), OSError(-2, "Network is unreachable")]
)
def test_other_failures_to_connect_are_final(error: OSError) -> None:
    with pytest.raises(ConnectionLost, match=r"^api:9001: network is unreachable$"):
        play(Client("api:9001").ask(GET), [("Resolve", error)])
    with pytest.raises(ConnectionLost, match=r"^api:9001: network is unreachable$"):
        play(Client("api:9001").ask(GET), [("Resolve", [ADDRESS]), (("Connect", ADDRESS), error)])


SENT_OR_NOT = pytest.mark.parametrize("is_sent", [True, False], ids=["FIN", "RST"])


@SENT_OR_NOT
@pytest.mark.parametrize("body", [b"", b"body", b"x" * 100_000], ids=["none", "small", "large"])
def test_a_request_lost_with_an_idle_connection_is_sent_once_more(is_sent: bool, body: bytes) -> None:
    sent = [(POST + body, is_sent)] if len(body) < 100_000 else [(POST, True), (body, is_sent)]
    script = [*sent, ("Receive", b""), ("Close", None), *CONNECTED, *sent, ("Receive", OK)]
    assert play(connected().ask(POST, body), script)[0] == 200


def test_a_large_body_is_not_sent_after_its_head_has_failed() -> None:
    large = b"x" * 100_000
    script = [(POST, False), ("Receive", answer(413))]
    assert play(connected().ask(POST, large), script)[0] == 413


@SENT_OR_NOT
def test_a_request_on_a_new_connection_is_not_repeated(is_sent: bool) -> None:
    with pytest.raises(ConnectionLost, match="closed before a response"):
        play(Client("a:1").ask(GET), [*CONNECTED, (GET, is_sent), ("Receive", b""), ("Close", None)])


def test_a_request_is_not_sent_a_third_time() -> None:
    script = [(GET, True), ("Receive", b""), ("Close", None), *CONNECTED, (GET, True), ("Receive", b"")]
    with pytest.raises(ConnectionLost, match="closed before a response"):
        play(connected().ask(GET), [*script, ("Close", None)])


def test_a_request_is_not_repeated_once_a_byte_of_the_response_has_come() -> None:
    with pytest.raises(ConnectionLost, match="cut short"):
        play(connected().ask(GET), [(GET, True), ("Receive", b"H"), ("Receive", b""), ("Close", None)])


def test_a_refusal_is_read_from_a_connection_that_broke_while_sending() -> None:
    script = [(POST + b"body", False), ("Receive", answer(413, b"too large", Connection="close")), ("Close", None)]
    assert play(connected().ask(POST, b"body"), script)[0] == 413


def test_a_response_that_ends_the_connection() -> None:
    client = connected()
    play(client.ask(GET), [(GET, True), ("Receive", answer(200, Connection="Close")), ("Close", None)])
    play(client.ask(GET), [*CONNECTED, (GET, True), ("Receive", OK)])


@pytest.mark.parametrize("wrong", [b"SSH-2.0-x\r\n\r\n", answer(200, b"{}") + b"more"])
def test_a_response_that_is_not_http(wrong: bytes) -> None:
    with pytest.raises(ConnectionLost, match="cannot be read"):
        play(connected().ask(GET), [(GET, True), ("Receive", wrong), ("Close", None)])


def test_an_acceptance_seen_before_is_not_mistaken_for_the_beginning_of_another_response() -> None:
    client = connected()
    known = accepted()
    for _ in range(3):
        assert play(client.ask(POST), [(POST, True), ("Receive", known)])[2] == b'{"status":"OK"}'
    beginning = answer(202).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    for _ in range(3):
        script = [(POST, True), ("Receive", beginning), ("Receive", b"0\r\n\r\n")]
        assert play(client.ask(POST), script)[0] == 202


def uploaded(client: Client, *pieces: bytes) -> Conversation[Response]:
    """A conversation that uploads these pieces, the last one too."""
    upload = Upload(client)
    is_open = yield from upload.begin(pieces[0])
    for piece in pieces[1:]:
        if not is_open:
            break
        is_open = yield from upload.send(piece)
    return (yield from upload.response())


FRESH: tuple[object, object] = ("IsStale", False)


def test_an_upload() -> None:
    script = [FRESH, (b"a", True), (b"b", True), ("Receive", OK)]
    assert play(uploaded(connected(), b"a", b"b"), script)[0] == 200
    assert play(uploaded(Client("a:1"), b"a", b"b"), [*CONNECTED, *script[1:]])[0] == 200


def test_an_upload_on_a_connection_that_has_died_while_idle() -> None:
    script = [("IsStale", True), ("Close", None), *CONNECTED, (b"a", True), (b"b", True), ("Receive", OK)]
    assert play(uploaded(connected(), b"a", b"b"), script)[0] == 200


AGAIN = [("Close", None), *CONNECTED, (b"ab", True)]


@pytest.mark.parametrize(
    "script",
    [
        [(b"a", False), ("Receive", b""), *CONNECTED, (b"a", True), (b"b", True), ("Receive", OK)],
        [(b"a", True), (b"b", False), ("Receive", b""), *AGAIN, ("Receive", OK)],
        [(b"a", True), (b"b", True), ("Receive", b""), *AGAIN, ("Receive", OK)],
    ],
    ids=["at once", "midway", "at the end"],
)
def test_an_upload_whose_connection_turns_out_to_be_dead_begins_again(script: list[tuple[object, object]]) -> None:
    if ("Close", None) not in script:
        script.insert(2, ("Close", None))
    assert play(uploaded(connected(), b"a", b"b"), [FRESH, *script])[0] == 200


def test_an_upload_begins_again_only_once() -> None:
    script = [FRESH, (b"a", True), (b"b", True), ("Receive", b""), *AGAIN, ("Receive", b""), ("Close", None)]
    with pytest.raises(ConnectionLost):
        play(uploaded(connected(), b"a", b"b"), script)
    script = [*CONNECTED, (b"a", True), (b"b", True), ("Receive", b""), ("Close", None)]
    with pytest.raises(ConnectionLost):
        play(uploaded(Client("a:1"), b"a", b"b"), script)


def test_a_long_upload_does_not_begin_again() -> None:
    long = b"x" * MOST_KEPT_BYTES
    script = [FRESH, (b"a", True), (long, False), ("Receive", b""), ("Close", None)]
    with pytest.raises(ConnectionLost):
        play(uploaded(connected(), b"a", long), script)


@pytest.mark.parametrize("is_again", [True, False], ids=["begun again", "at first"])
def test_an_upload_that_is_refused_midway(is_again: bool) -> None:
    refusal = answer(413, Connection="close")
    script = [FRESH, (b"a", False), ("Receive", refusal), ("Close", None)]
    if is_again:
        lost = [FRESH, (b"a", False), ("Receive", b""), ("Close", None), *CONNECTED]
        script = [*lost, (b"a", False), ("Receive", refusal), ("Close", None)]
    assert play(uploaded(connected(), b"a", b"b"), script)[0] == 413


HEAD = b"HTTP/1.1 200 OK\r\nA: b\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
RESPONSES = {
    "sized": HEAD + b"Content-Length: 5\r\n\r\nhello",
    "chunked": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: u\r\n\r\n",
    "until closed": HEAD + b"\r\nhello",
    "after interim ones": INTERIM + INTERIM + HEAD + b"Content-Length: 5\r\n\r\nhello",
}


@given(st.sampled_from(sorted(RESPONSES)), st.data())
def test_a_response_is_the_same_in_any_pieces(name: str, data: st.DataObject) -> None:
    whole = RESPONSES[name]
    cuts = sorted({0, len(whole), *data.draw(st.lists(st.integers(1, len(whole) - 1), max_size=8))})
    pieces = [whole[start:end] for start, end in pairwise(cuts)]
    (status, headers, body), is_last, is_whole = received(pieces)
    assert (status, headers["a"], bytes(body), is_last) == (200, "b", b"hello", name == "until closed")
    assert is_whole == (name == "sized" and len(pieces) == 1)


@given(st.sampled_from(sorted(set(RESPONSES) - {"until closed"})), st.data())
def test_a_response_cut_short_is_lost(name: str, data: st.DataObject) -> None:
    whole = RESPONSES[name]
    with pytest.raises(ConnectionLost):
        received([whole[: data.draw(st.integers(0, len(whole) - 1))]])


def received(pieces: list[bytes]) -> tuple[Response, bool, bool]:
    """Read these, as they come, and then the end of the connection."""
    rest = bytearray()
    coming = iter(pieces)
    reading = read_response(next(coming))
    result: object = None
    while True:
        try:
            step = reading.send(result)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        rest += rest or next(coming, b"")
        if isinstance(step, ReceiveInto):
            result = min(len(rest), len(step.view))
            step.view[:result] = rest[:result]
            del rest[:result]
        else:
            assert isinstance(step, Receive)
            result = bytes(rest)
            rest.clear()
