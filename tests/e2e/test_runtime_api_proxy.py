"""The example of an exec wrapper that stands between a runtime and the Runtime API."""

from __future__ import annotations

import json

import pytest

from tests.e2e.running import RUNTIMES, bootjack
from tests.sandboxes import layer_root

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

EXAMPLES = RUNTIMES.parents[2] / "examples"
PROXY = EXAMPLES / "runtime-api-proxy"


@pytest.mark.parametrize(
    ("handler", "event", "answer"),
    [("app.greet", '{"name": "Zoë"}', '"greeting": "Hello Zoë"'), ("app.count", "{}", "2\n")],
)
def test_a_proxy_passes_events_and_answers_on(handler: str, event: str, answer: str) -> None:
    wrapper = f"AWS_LAMBDA_EXEC_WRAPPER={layer_root(PROXY)}/proxy"
    ran = bootjack("invoke", handler, "--layer", PROXY, "--env-var", wrapper, "-e", event, cwd=EXAMPLES / "python")
    assert ran.code == 0, ran.err
    assert answer in ran.out.decode()
    size = len(event.encode())
    assert f"proxy: GET /2018-06-01/runtime/invocation/next 200: 0 bytes out, {size} in" in ran.err


def test_an_error_of_init_passes_the_proxy() -> None:
    wrapper = f"AWS_LAMBDA_EXEC_WRAPPER={layer_root(PROXY)}/proxy"
    ran = bootjack("invoke", "app.missing", "--layer", PROXY, "--env-var", wrapper, cwd=EXAMPLES / "python")
    assert ran.code == 1
    assert json.loads(ran.out)["errorType"] == "Runtime.HandlerNotFound"
    assert "proxy: POST /2018-06-01/runtime/init/error 202:" in ran.err
