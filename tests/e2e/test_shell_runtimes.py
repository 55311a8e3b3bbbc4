"""Runtimes in shell: this repository's example, and a minimal loop with one curl command for each call."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.running import Rie, bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "bash-runtime"
SMALLEST = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while id=$(curl -sSf -o "/tmp/event-$$" -w '%header{lambda-runtime-aws-request-id}' "$api/next"); do
    curl -sSf -o /dev/null --data-binary "@/tmp/event-$$" "$api/$id/response"
done
"""
FAILING = """
handler() {
    case $1 in
        *fail*) echo "failing" >&2; return 3 ;;
        *exit*) exit 4 ;;
        *kill*) kill -9 $$ ;;
    esac
    printf '%s' "$1"
}
"""


def test_the_example_with_the_demo_s_command() -> None:
    ended = bootjack("invoke", "examples/bash-runtime", "-e", '{"text":"Hello"}', cwd=ROOT)
    assert ended.code == 0
    assert ended.out == b"""Echoing request: '{"text":"Hello"}'"""
    assert '\n{"text":"Hello"}\nEND RequestId: ' in ended.err


def test_make_demo_runs_that_command() -> None:
    assert 'invoke examples/bash-runtime -e \'{"text":"Hello"}\'' in (ROOT / "Makefile").read_text()


@pytest.fixture(scope="module")
def rie(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rie]:
    """Run the example with a handler that can fail."""
    directory = tmp_path_factory.mktemp("bash")
    shutil.copy(EXAMPLE / "bootstrap", directory)
    (directory / "function.sh").write_text(FAILING)
    with Rie("./bootstrap", cwd=directory) as server:
        yield server


def test_a_handler_that_fails(rie: Rie) -> None:
    reply = rie.invoke(b'"fail"')
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    assert json.loads(reply.body)["errorType"] == "Function.HandlerFailed"
    rie.wait_for("failing\n")
    assert rie.invoke(b'"well"').body.strip() == b'"well"'


def test_a_runtime_that_is_killed(rie: Rie) -> None:
    reply = rie.invoke(b'"kill"')
    assert json.loads(reply.body)["errorType"] == "Runtime.ExitError"
    assert "signal: killed" in json.loads(reply.body)["errorMessage"]
    assert rie.invoke(b'"well"').body.strip() == b'"well"'


def test_a_hundred_invocations(rie: Rie) -> None:
    for number in range(100):
        assert rie.invoke(b"%d" % number).body.strip() == b"%d" % number


def test_a_missing_handler_file(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "bootstrap", tmp_path)
    ended = bootjack("invoke", tmp_path)
    assert (ended.code, json.loads(ended.out)["errorType"]) == (1, "Runtime.ExitError")
    assert "function.sh: No such file or directory" in ended.err


def test_the_smallest_loop(tmp_path: Path) -> None:
    (tmp_path / "bootstrap").write_text(SMALLEST)
    (tmp_path / "bootstrap").chmod(0o755)
    assert bootjack("invoke", tmp_path, "-e", '{"ü": "\\u0000"}').out == '{"ü": "\\u0000"}'.encode()
    with Rie("./bootstrap", cwd=tmp_path) as rie:
        for event in (b'" spaces and\\ttabs "', b"[]", b'"' + b"y" * 300_000 + b'"'):
            assert rie.invoke(event).body == event
