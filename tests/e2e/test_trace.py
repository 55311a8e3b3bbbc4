"""`--trace` in a user's hands: the exchange of a runtime that breaks the contract, drawn on stderr."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import write_bootstrap
from tests.e2e.running import RAW, Rie, Serve, bootjack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

TWICE = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
id=$(curl -s -D - -o /dev/null "$api/invocation/next" | tr -d '\\r' | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
curl -s "$api/invocation/$id/response" -d '{"first":1}' && curl -s "$api/invocation/$id/error" -d '{"second":2}'
curl -s "$api/invocation/next"
"""
CALLS = (
    r"runtime -> api: GET /2018-06-01/runtime/invocation/next \(Started\)\n(?s:.*)api -> runtime: 200 OK, request "
)


@pytest.mark.parametrize("sandbox", ["process", "bubblewrap"])
def test_invoke_draws_the_calls_in_both_sandboxes(tmp_path: Path, sandbox: str) -> None:
    function = write_bootstrap(tmp_path / "function", TWICE)
    ended = bootjack("invoke", function, "--trace", "--sandbox", sandbox, "-e", '{"a":1}')
    assert ended.out == b'{"first":1}'
    assert re.search(CALLS + r'[0-9a-f-]{36}\nbootjack: +\{"a":1\}\n', ended.err)
    assert re.search(r"\d\.\d{3}  runtime -> api: POST \S+/response \(Running\)\n.*\{\"first\":1\}\n", ended.err)


def test_rie_draws_calls_at_the_level_debug() -> None:
    with Rie(*RAW, flags=("--log-level", "debug")) as rie:
        assert rie.invoke(b"{}").status == 200
        rie.wait_for(CALLS)


def test_serve_names_the_rule_that_a_second_answer_breaks(tmp_path: Path) -> None:
    one, other = (write_bootstrap(tmp_path / name, TWICE) for name in ("one", "other"))
    with Serve(one, other, "--trace") as serve:
        assert serve.invoke(name="one").body == b'{"first":1}'
        serve.wait_for(r"one \| bootjack: +[0-9.]+  api -> runtime: 403 Forbidden\n")
        serve.wait_for("the rule: an event gets one answer; the runtime then calls GET /invocation/next")


def test_nothing_is_drawn_unasked(tmp_path: Path) -> None:
    ended = bootjack("invoke", write_bootstrap(tmp_path / "function", TWICE))
    assert "runtime -> api" not in ended.err
