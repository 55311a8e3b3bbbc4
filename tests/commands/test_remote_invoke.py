"""`bootjack invoke --endpoint`: a function of a running server, as if it had run here; and responses that stream."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
from typing import TYPE_CHECKING

import pytest

from tests.e2e.gates import Gate
from tests.e2e.running import RUNTIMES, Serve, bootjack, end, start
from tests.sandboxes import shown_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with Serve("stream=streams.handler", "plain=streams.plain", "--timeout", "20", cwd=RUNTIMES) as server:
        yield server


def test_the_response_goes_to_stdout_and_the_end_of_the_log_to_stderr(server: Serve) -> None:
    ended = bootjack("invoke", "--endpoint", server.url, "plain:$LATEST", "-e", '{"a": 1.10}')
    assert (ended.code, json.loads(ended.out)) == (0, {"a": 1.1})
    assert re.search(r"^REPORT RequestId: ", ended.err, re.MULTILINE)


def test_the_document_of_a_function_error_goes_to_stdout(server: Serve) -> None:
    ended = bootjack("invoke", "--endpoint", server.url, "plain", "-e", '{"fail": "because"}')
    assert ended.code == 1
    assert json.loads(ended.out)["errorMessage"] == "because"


@pytest.mark.parametrize("remote", [True, False], ids=["of a server", "run here"])
def test_a_stream_is_printed_as_it_comes_and_a_late_error_goes_to_stderr(server: Serve, remote: bool) -> None:
    gate = Gate()
    event = json.dumps({"steps": [{"say": "one "}, {"wait": str(gate.path)}, {"say": "two"}, {"fail": "too late"}]})
    target = (
        ("--endpoint", server.url, "stream") if remote else ("--mount", shown_folder(), "-t", "20", "streams.handler")
    )
    process = start("invoke", *target, "-e", event, cwd=RUNTIMES)
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 100) == b"one "
    os.close(gate.wait())
    ended = end(process)
    assert (ended.code, ended.out) == (1, b"two")
    assert '"errorMessage": "too late"' in ended.err


def test_json_is_indented_and_coloured_on_a_terminal_only(server: Serve) -> None:
    assert _on_terminal(server, {}) == '{\r\n  \x1b[34;1m"a"\x1b[0m: [\r\n    \x1b[36m1\x1b[0m\r\n  ]\r\n}\r\n'
    assert _on_terminal(server, {"NO_COLOR": "1"}) == '{\r\n  "a": [\r\n    1\r\n  ]\r\n}\r\n'


def _on_terminal(server: Serve, variables: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    event = ("-e", '{"a": [1]}')
    env = {"TERM": "xterm", **variables}
    process = start("invoke", "--endpoint", server.url, "plain", *event, stdout=theirs, env=env)
    os.close(theirs)
    try:
        assert end(process).code == 0
        return os.read(ours, 10_000).decode()
    finally:
        os.close(ours)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("nothing",),
            "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nothing:$LATEST; known there",
        ),
        (("plain", "--layer", "x", "-t", "2"), "as it is: leave out -t, --layer"),
        ((), "give its NAME in place of TARGET"),
    ],
    ids=["unknown", "options", "no name"],
)
def test_what_cannot_be_invoked(server: Serve, arguments: tuple[str, ...], message: str) -> None:
    ended = bootjack("invoke", "--endpoint", server.url, *arguments)
    assert (ended.code, ended.out) == (2, b"")
    assert message in ended.message


def test_the_address_where_nothing_answers_is_named_without_usage() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ended = bootjack("invoke", "--endpoint", f"http://127.0.0.1:{port}", "orders")
    assert ended.code == 2
    assert ended.err.startswith(
        f"Error: no server answers at http://127.0.0.1:{port} (Connection refused): start one"
    )
