"""Requests other than Invoke in every form that HTTP allows, over plain sockets."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import write_bootstrap
from tests.e2e.running import SECONDS, Serve

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

HEALTH = b'{"status":"ok","functions":["code","function"]}'
GET = b"GET /_bootjack/health HTTP/1.1\r\nHost: localhost\r\n"
CREATE = b"POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\n"
INVOKE = b"POST /2015-03-31/functions/code/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n[1]"
LAST = b"Connection: close\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with Serve(write_bootstrap(tmp_path_factory.mktemp("here") / "code")) as server:
        yield server


def exchange(server: Serve, *pieces: bytes) -> bytes:
    """Send the pieces and return everything that arrives until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            peer.sendall(piece)
        answer = b""
        while data := peer.recv(1 << 16):
            answer += data
    return answer


def statuses(answer: bytes) -> list[int]:
    """Return the status of each answer; no body here contains a status line."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", answer)]


@pytest.mark.parametrize(
    "request_",
    [
        GET + LAST + b"\r\n",
        GET.replace(b"GET /", b"GET http://localhost/") + LAST + b"\r\n",
        GET.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n",
        GET
        + b"Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n\r\n",
        GET + LAST + b"X-Long: " + b"x" * 5000 + b"\r\n\r\n",
    ],
)
def test_every_form_of_a_request_is_answered(server: Serve, request_: bytes) -> None:
    answer = exchange(server, request_)
    assert statuses(answer) == [200]
    assert answer.endswith(HEALTH)


def test_a_request_that_arrives_byte_by_byte(server: Serve) -> None:
    whole = GET + LAST + b"\r\n"
    assert exchange(server, *(whole[at : at + 1] for at in range(len(whole)))).endswith(HEALTH)


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 5\r\n\r\n[1,2]",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n3\r\n,2]\r\n0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("cut", [0, 3, 8])
def test_a_body_may_arrive_with_its_head_or_later(server: Serve, body: bytes, cut: int) -> None:
    whole = CREATE + LAST + body
    assert statuses(exchange(server, whole[: len(whole) - cut], whole[len(whole) - cut :])) == [400]


def test_a_client_that_expects_100_continue_gets_it_once(server: Serve) -> None:
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as peer:
        peer.sendall(CREATE + LAST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        first = peer.recv(1 << 16)
        assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(b"[1,2]")
        rest = b""
        while data := peer.recv(1 << 16):
            rest += data
    assert statuses(rest) == [400]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([GET + b"\r\n", GET + b"\r\n", GET + LAST + b"\r\n"], [200, 200, 200]),
        ([GET + b"\r\n" + GET + LAST + b"\r\n"], [200, 200]),
        ([INVOKE + GET + LAST + b"\r\n"], [200, 200]),
        ([GET + b"\r\n" + INVOKE + GET + LAST + b"\r\n"], [200, 200, 200]),
        ([INVOKE + CREATE + b"Content-Length: 2\r\n\r\n{}" + INVOKE + GET + LAST + b"\r\n"], [200, 400, 200, 200]),
    ],
)
def test_pipelined_requests_are_answered_in_order(server: Serve, pieces: list[bytes], expected: list[int]) -> None:
    assert statuses(exchange(server, *pieces)) == expected


def test_half_a_head_behind_a_request_that_changes_lanes_is_read_on(server: Serve) -> None:
    answer = exchange(server, INVOKE + GET + b"\r\n" + GET[:20], GET[20:] + LAST + b"\r\n")
    assert statuses(answer) == [200, 200, 200]


@pytest.mark.parametrize("header", [b"Host: evil.example\r\n", b"Host: localhost\r\nOrigin: http://evil.example\r\n"])
def test_a_foreign_request_is_refused_on_a_connection_that_was_accepted(server: Serve, header: bytes) -> None:
    foreign = b"GET /_bootjack/health HTTP/1.1\r\n" + header + LAST + b"\r\n"
    assert statuses(exchange(server, GET + b"\r\n", foreign)) == [200, 403]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (b"GET /", 404, b"UnknownOperationException"),
        (b"GET /favicon.ico", 404, b"UnknownOperationException"),
        (b"GET /2025-11-30/capacity-providers", 501, b"ListCapacityProviders is not supported"),
        (b"POST /_bootjack/health", 405, b"Allow: GET"),
        (b"OPTIONS /2015-03-31/functions", 405, b"Allow: GET, POST"),
    ],
)
def test_a_request_that_is_not_served_is_refused_by_name(
    server: Serve, asked: bytes, status: int, code: bytes
) -> None:
    answer = exchange(server, asked + b" HTTP/1.1\r\nHost: localhost\r\n" + LAST + b"\r\n")
    assert statuses(answer) == [status]
    assert code in answer


def test_many_connections_right_after_the_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Serve(write_bootstrap(tmp_path_factory.mktemp("new") / "code")) as server:
        peers = [socket.create_connection(("127.0.0.1", server.port), SECONDS) for _ in range(50)]
        for peer in peers:
            peer.sendall(GET + b"\r\n")
        for peer in peers:
            peer.sendall(INVOKE.replace(b"Content", LAST + b"Content"))
        for peer in peers:
            answer = b""
            while data := peer.recv(1 << 16):
                answer += data
            peer.close()
            assert statuses(answer) in ([200, 200], [200, 429])
