"""Function URLs with InvokeMode RESPONSE_STREAM: the head before the body, each piece when it is produced."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.clients import connected
from tests.e2e.gates import Gate
from tests.e2e.packages import package
from tests.e2e.running import RUNTIMES, SECONDS, Serve
from tests.e2e.test_management import create
from tests.e2e.urls import ask, host_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

NODE = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const head = { statusCode: 418, headers: { 'X-From': 'node' }, cookies: ['a=1', 'b=2'] }
  stream = awslambda.HttpResponseStream.from(stream, head)
  stream.write('first ')
  stream.write(event.rawPath)
  stream.end()
})
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Serve]:
    options = ("--function-url", "--invoke-mode", "RESPONSE_STREAM", "--timeout", "20")
    with Serve(*options, "stream=streams.handler", "plain=streams.plain", cwd=RUNTIMES) as server:
        yield server


@pytest.fixture(scope="module")
def host(server: Serve) -> str:
    """The host of the streaming function's URL."""
    return host_of(server.wait_for(r"bootjack: stream answers HTTP at (\S+)")[1])


def target(*steps: Any) -> str:
    return "/?steps=" + base64.urlsafe_b64encode(json.dumps(steps).encode()).decode()


@contextlib.contextmanager
def opened(server: Serve, host: str, *steps: Any, method: str = "GET") -> Iterator[http.client.HTTPResponse]:
    """Ask the streaming function; the answer's head has come."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)) as connection:
        connection.request(method, target(*steps), headers={"Host": host})
        with connection.getresponse() as answer:
            yield answer


def test_head_and_pieces_come_when_they_are_produced(server: Serve, host: str) -> None:
    first, second = Gate(), Gate()
    head = {
        "status_code": 201,
        "headers": {"Content-Type": "text/event-stream", "X-A": "b"},
        "cookies": ["c=1", "d=2"],
    }
    steps = (
        {"http": head},
        {"wait": str(first.path)},
        {"say": "data: 1\n\n"},
        {"wait": str(second.path)},
        {"say": "x"},
    )
    with opened(server, host, *steps) as answer:
        assert (answer.status, answer.headers["content-type"]) == (201, "text/event-stream")
        assert answer.headers["x-a"] == "b"
        assert answer.headers.get_all("set-cookie") == ["c=1", "d=2"]
        assert answer.headers["transfer-encoding"] == "chunked"
        assert answer.headers["x-amzn-requestid"]
        os.close(first.wait())
        assert answer.readline() == b"data: 1\n"
        assert answer.readline() == b"\n"
        os.close(second.wait())
        assert answer.read() == b"x"


def test_a_prelude_and_the_start_of_the_body_may_come_together(server: Serve, host: str) -> None:
    with opened(server, host, {"http": {}}, {"say": "é"}, {"megabytes": 3}) as answer:
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.read() == "é".encode() + b"".join(bytes([each]) * 1_000_000 for each in range(3))


def test_a_stream_without_a_prelude_is_bytes(server: Serve, host: str) -> None:
    with opened(server, host, {"say": '{"statusCode": 404}'}) as answer:
        assert (answer.status, answer.headers["content-type"]) == (200, "application/octet-stream")
        assert answer.read() == b'{"statusCode": 404}'


def test_a_function_that_fails_in_mid_stream_breaks_the_answer_off(server: Serve, host: str) -> None:
    with opened(server, host, {"http": {}}, {"say": "half"}, {"fail": "no"}) as answer:
        assert answer.status == 200
        with pytest.raises(http.client.IncompleteRead) as broken:
            answer.read()
        assert broken.value.partial == b"half"


@pytest.mark.parametrize(
    "steps",
    [
        [{"fail": "no"}],
        [{"http": {"status_code": 99}}],
        [{"http": {"headers": {"a b": "c"}}}],
        [{"http": {"headers": {"X-A": "b\r\nX-C: d"}}}],
    ],
)
def test_what_is_no_answer_is_a_502(server: Serve, host: str, steps: Any) -> None:
    with opened(server, host, *steps) as answer:
        assert (answer.status, answer.read()) == (502, b"Internal Server Error")


def test_an_answer_without_a_body(server: Serve, host: str) -> None:
    with opened(server, host, {"http": {"headers": {"X-A": "b"}}}, {"say": "a"}, method="HEAD") as answer:
        assert (answer.status, answer.headers["x-a"], answer.read()) == (200, "b", b"")
    with opened(server, host, {"http": {"status_code": 204}}, {"say": "a"}) as answer:
        assert (answer.status, answer.read()) == (204, b"")


def test_a_peer_that_does_not_know_chunks_gets_none(server: Serve) -> None:
    request = f"GET /lambda-url/stream{target({'http': {}}, {'say': 'a'}, {'say': 'b'})} HTTP/1.0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as peer:
        peer.sendall(request.encode())
        answer = b""
        while data := peer.recv(65_536):
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"transfer-encoding" not in head.lower()
    assert body == b"ab"


def test_a_connection_goes_on_behind_a_stream(server: Serve, host: str) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)) as connection:
        for number in range(3):
            connection.request("GET", target({"say": f"{number}"}), headers={"Host": host})
            assert connection.getresponse().read() == b"%d" % number


def test_a_handler_that_does_not_stream(server: Serve) -> None:
    plain = host_of(server.wait_for(r"bootjack: plain answers HTTP at (\S+)")[1])
    answer = ask(server, plain, "POST", "/a", [("Content-Type", "text/plain")], b"hello")
    assert (answer.status, json.loads(answer.body)["body"]) == (200, "hello")


def test_a_browser_that_leaves_harms_nobody(server: Serve, host: str) -> None:
    gate, finished = Gate(), server.log().count("all steps are taken")
    with opened(server, host, {"http": {}}, {"say": "a"}, {"wait": str(gate.path)}, {"megabytes": 3}) as answer:
        assert answer.read(1) == b"a"
    os.close(gate.wait())
    server.wait_for("all steps are taken", times=finished + 1)
    with opened(server, host, {"say": "next"}) as answer:
        assert answer.read() == b"next"


def test_a_function_of_node_streams_at_a_url_that_a_caller_has_made(server: Serve) -> None:
    with connected(server.url) as client:
        create(client, "node", package({"app.js": NODE}), Runtime="nodejs22.x")
        made = client.create_function_url_config(
            FunctionName="node", AuthType="NONE", InvokeMode="RESPONSE_STREAM", Cors={"AllowOrigins": ["https://a.b"]}
        )
        client.add_permission(
            FunctionName="node",
            StatementId="url",
            Action="lambda:InvokeFunctionUrl",
            Principal="*",
            FunctionUrlAuthType="NONE",
        )
        host = host_of(made["FunctionUrl"])
        answer = ask(server, host, "GET", "/there", [("Origin", "https://a.b")])
        assert (answer.status, answer.body) == (418, b"first /there")
        assert answer.values("x-from") == ["node"]
        assert answer.values("set-cookie") == ["a=1", "b=2"]
        assert answer.values("access-control-allow-origin") == ["https://a.b"]
        client.update_function_url_config(FunctionName="node", InvokeMode="BUFFERED")
        answer = ask(server, host, "GET", "/there")
        assert (answer.status, answer.body, answer.values("content-length")) == (418, b"first /there", ["12"])
        client.delete_function(FunctionName="node")
