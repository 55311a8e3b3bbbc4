"""InvokeWithResponseStream by boto3 and over sockets: each piece when it is produced, and every way to end."""

from __future__ import annotations

import base64
import json
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests import peers
from tests.e2e.clients import connected, invoke
from tests.e2e.gates import Gate
from tests.e2e.running import RUNTIMES, SECONDS, Serve, end, start

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow  # importing boto3 alone takes most of a second


@pytest.fixture(scope="module")
def server() -> Iterator[Serve]:
    targets = ("stream=streams.handler", "plain=streams.plain")
    with Serve("--timeout", "20", *targets, cwd=RUNTIMES) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Serve) -> Iterator[Any]:
    with connected(server.url) as client:
        yield client


def opened(client: Any, *steps: Any, name: str = "stream", **options: Any) -> Any:
    """Invoke the streaming handler; return the answer with its stream unread."""
    payload = json.dumps({"steps": steps}).encode()
    return client.invoke_with_response_stream(FunctionName=name, Payload=payload, **options)


def read(answer: Any) -> tuple[bytes, dict[str, str]]:
    """Read a stream to its end; return what was streamed, and how it ended."""
    events = list(answer["EventStream"])
    assert [next(iter(event)) for event in events] == ["PayloadChunk"] * (len(events) - 1) + ["InvokeComplete"]
    return b"".join(event["PayloadChunk"]["Payload"] for event in events[:-1]), events[-1]["InvokeComplete"]


def document(end: dict[str, str]) -> Any:
    return json.loads(end["ErrorDetails"])


@pytest.mark.both_sandboxes
def test_a_piece_is_read_before_the_next_one_is_produced(client: Any) -> None:
    gates = [Gate() for _ in range(3)]
    steps = [[{"say": f"piece {number}"}, {"wait": str(gate.path)}] for number, gate in enumerate(gates)]
    answer = opened(client, *(step for pair in steps for step in pair))
    events = iter(answer["EventStream"])
    for number, gate in enumerate(gates):
        assert next(events) == {"PayloadChunk": {"Payload": b"piece %d" % number}}
        os.close(gate.wait())
    assert list(events) == [{"InvokeComplete": {}}]


def test_the_sdk_for_javascript_reads_pieces_as_they_come_and_the_error_behind_them(server: Serve) -> None:
    gate = Gate()
    steps = [{"say": "first"}, {"wait": str(gate.path)}, {"say": "second"}, {"fail": "it broke: ü"}]
    arguments = (peers.javascript_sdk(), server.url, json.dumps({"steps": steps}))
    client = start(RUNTIMES / "stream_client.cjs", *arguments, command=("node",))
    assert client.stdout is not None
    assert json.loads(client.stdout.readline()) == {"piece": "first"}
    os.close(gate.wait())
    ended = end(client)
    second, last = map(json.loads, ended.out.splitlines())
    assert second == {"piece": "second"}
    assert last["InvokeComplete"]["ErrorCode"] == "Function.ValueError"
    assert document(last["InvokeComplete"])["errorMessage"] == "it broke: ü"


def test_what_the_answer_says_before_its_stream(client: Any) -> None:
    answer = opened(client, {"say": "a"})
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    assert read(answer) == (b"a", {})


def test_many_megabytes(client: Any) -> None:
    body, end = read(opened(client, {"megabytes": 30}))
    assert body == b"".join(bytes([number]) * 1_000_000 for number in range(30))
    assert end == {}


def test_an_empty_stream(client: Any) -> None:
    assert read(opened(client)) == (b"", {})


def test_an_error_in_mid_stream(client: Any) -> None:
    body, end = read(opened(client, {"say": "half of "}, {"fail": "it broke: ü"}))
    assert (body, end["ErrorCode"]) == (b"half of ", "Function.ValueError")
    assert (document(end)["errorType"], document(end)["errorMessage"]) == ("ValueError", "it broke: ü")
    assert invoke(client, {"steps": [{"say": "half of "}, {"fail": "again"}]}, "stream").error == "Unhandled"


@pytest.mark.both_sandboxes
def test_an_exit_in_mid_stream(client: Any) -> None:
    body, end = read(opened(client, {"say": "half"}, {"exit": 3}))
    assert (body, end["ErrorCode"]) == (b"half", "Runtime.TruncatedResponse")
    assert read(opened(client, {"say": "next"})) == (b"next", {})


@pytest.mark.both_sandboxes
def test_a_timeout_in_mid_stream() -> None:
    with Serve("--timeout", "1", "streams.handler", cwd=RUNTIMES) as server, connected(server.url) as client:
        body, end = read(opened(client, {"say": "half"}, {"sleep": 30}, name="function"))
        assert (body, end["ErrorCode"]) == (b"half", "Sandbox.Timedout")
        assert document(end)["errorMessage"].endswith("Task timed out after 1.00 seconds")
        assert read(opened(client, {"say": "next"}, name="function")) == (b"next", {})


def test_the_bandwidth_of_lambda() -> None:
    options = ("--timeout", "20", "--stream-rate", "1")
    with Serve(*options, "streams.handler", cwd=RUNTIMES) as server, connected(server.url) as client:
        answer = opened(client, {"megabytes": 8}, name="function")
        began = time.monotonic()
        body, end = read(answer)
        assert (len(body), end) == (8_000_000, {})
        assert time.monotonic() - began > 1.2, "6 MB at once, the rest at 1 MB a second"


@pytest.mark.parametrize("payload", [b'{"a": 1}', b'"text"', b"[1]"])
def test_a_handler_that_does_not_stream(client: Any, payload: bytes) -> None:
    assert read(client.invoke_with_response_stream(FunctionName="plain", Payload=payload)) == (payload, {})


def test_a_handler_that_does_not_stream_and_fails(client: Any) -> None:
    body, end = read(client.invoke_with_response_stream(FunctionName="plain", Payload=b'{"fail": "no"}'))
    assert (body, end["ErrorCode"], document(end)["errorMessage"]) == (b"", "Function.ValueError", "no")


def test_the_log_tail(client: Any) -> None:
    _, end = read(opened(client, {"say": "a"}, LogType="Tail"))
    tail = base64.b64decode(end["LogResult"]).decode()
    assert "all steps are taken\nEND RequestId" in tail
    assert "\nREPORT RequestId" in tail


def test_a_dry_run(client: Any) -> None:
    answer = opened(client, {"exit": 1}, InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    answer["EventStream"].close()


def test_what_is_refused(client: Any, server: Serve) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        opened(client, name="nobody")
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke_with_response_stream(FunctionName="plain", Payload=b"{")
    with pytest.raises(ClientError, match=r"must satisfy enum value set: \[DryRun, RequestResponse\]"):
        opened(client, InvocationType="Event")
    with server.connection() as connection:
        connection.request("GET", "/2021-11-15/functions/plain/response-streaming-invocations")
        assert connection.getresponse().status == 405


@pytest.mark.both_sandboxes
def test_a_client_that_leaves_in_mid_stream_harms_nobody(client: Any, server: Serve) -> None:
    finished = server.log().count("all steps are taken")
    for _ in range(3):
        gate = Gate()
        steps = [{"say": "a"}, {"wait": str(gate.path)}, {"megabytes": 3}]
        caller = streaming_socket(server, steps)
        received = b""
        while b"PayloadChunk" not in received:
            received += caller.recv(65_536)
        caller.close()
        os.close(gate.wait())
        finished += 1
        server.wait_for("all steps are taken", times=finished)
    assert read(opened(client, {"say": "next"})) == (b"next", {})


def test_a_client_that_reads_slowly_slows_the_runtime(client: Any, server: Serve) -> None:
    steps = [step for _ in range(80) for step in ({"megabytes": 1}, {"print": "one more megabyte"})]
    read(opened(client, {"megabytes": 1}))  # whatever the server loads for its first stream
    before = peak_bytes(server)
    # The kernel may hold 33 MB of what the runtime has sent, more than a third.
    with streaming_socket(server, steps, receive_bytes=1_000_000) as caller:
        for _ in range(150):
            assert invoke(client, {"a": 1}, "plain").document == {"a": 1}  # others are served meanwhile
        sent = server.log().count("one more megabyte")
        assert sent < 45, "megabytes that the runtime could send although nobody reads"
        received = 0
        while data := caller.recv(1 << 20):
            received += len(data)
    assert received > 80_000_000
    server.wait_for("one more megabyte", times=80)
    assert peak_bytes(server) - before < 16_000_000


def test_a_client_that_reads_slowly_and_steadily_gets_all_of_it() -> None:
    limit_s = 0.5
    with Serve("--client-timeout", str(limit_s), "--timeout", "60", "stream=streams.handler", cwd=RUNTIMES) as server:
        with streaming_socket(server, [{"megabytes": 16}], receive_bytes=65_536) as caller:
            received = bytearray()
            for _ in range(40):
                received += caller.recv(32_768)
                time.sleep(limit_s / 10)
            while data := caller.recv(1 << 20):
                received += data
        is_whole = received.endswith(b"\r\n0\r\n\r\n")
        assert is_whole, f"broken off after {len(received)} bytes"


def streaming_socket(server: Serve, steps: Any, receive_bytes: int | None = None) -> socket.socket:
    """Ask for a stream on a connection that ends with it."""
    payload = json.dumps({"steps": steps}).encode()
    caller = socket.socket()
    if receive_bytes is not None:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    caller.settimeout(SECONDS)
    caller.connect(("127.0.0.1", server.port))
    caller.sendall(
        b"POST /2021-11-15/functions/stream/response-streaming-invocations HTTP/1.1\r\nHost: localhost\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(payload), payload)
    )
    return caller


def peak_bytes(server: Serve) -> int:
    """The most memory that the server has had."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
