"""AWS's own Python bootstrap, unmodified, under `bootjack rie`, invoked with boto3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.clients import client_context, connected, invoke
from tests.e2e.running import PYTHON, RUNTIMES, Rie

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOTSTRAP = (PYTHON, "-m", "awslambdaric", "app.handler")
TIMEOUT_S = 2
ARN = "arn:aws:lambda:us-east-1:012345678912:function:test_function"

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]


@pytest.fixture(scope="module")
def rie() -> Iterator[Rie]:
    with Rie(*BOOTSTRAP, cwd=RUNTIMES, env={"AWS_LAMBDA_FUNCTION_TIMEOUT": str(TIMEOUT_S)}) as server:
        yield server


@pytest.fixture(scope="module")
def client(rie: Rie) -> Iterator[Any]:
    with connected(rie.url) as client:
        yield client


@pytest.fixture(autouse=True)
def next_invocation_works(client: Any) -> Iterator[None]:
    """Invoke once more after each test."""
    yield
    answer = invoke(client, {"after": "ü"})
    assert (answer.document, answer.error) == ({"after": "ü"}, None)


def test_success(client: Any) -> None:
    assert invoke(client, {"a": [1, None, "日本"]}).document == {"a": [1, None, "日本"]}


def test_an_exception(client: Any) -> None:
    answer = invoke(client, {"do": "raise", "message": "because"}, LogType="Tail")
    assert answer.error == "Unhandled"
    assert (answer.document["errorType"], answer.document["errorMessage"]) == ("ValueError", "because")
    assert "do_raise" in answer.document["stackTrace"][-1]
    assert "[ERROR] ValueError: because" in answer.log


def test_an_exit_of_the_handler(client: Any) -> None:
    answer = invoke(client, {"do": "exit", "code": 7})
    assert answer.error == "Unhandled"
    assert answer.document["errorType"] == "Runtime.ExitError"
    assert answer.document["errorMessage"].endswith(" Error: Runtime exited with error: exit status 7")


def test_a_result_that_is_not_json(client: Any) -> None:
    answer = invoke(client, {"do": "unserialisable"})
    assert (answer.error, answer.document["errorType"]) == ("Unhandled", "Runtime.MarshalError")


def test_a_timeout(client: Any) -> None:
    answer = invoke(client, {"do": "sleep", "seconds": 60}, LogType="Tail")
    assert (answer.error, answer.document["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert answer.document["errorMessage"].endswith(f" Error: Task timed out after {TIMEOUT_S}.00 seconds")
    assert "\nsleeping\n" in answer.log


def test_a_result_over_the_limit(client: Any) -> None:
    answer = invoke(client, {"do": "fill", "letters": 6_291_556})
    assert (answer.error, answer.document["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


def test_a_result_at_the_limit(client: Any) -> None:
    assert len(invoke(client, {"do": "fill", "letters": 6_291_554}).payload) == 6_291_556


def test_a_print(client: Any) -> None:
    answer = invoke(client, {"do": "print", "text": "zeile ü"}, LogType="Tail")
    assert answer.document == "printed"
    assert re.search(r"\nzeile ü\nEND RequestId: ", answer.log)


def test_the_context(client: Any) -> None:
    context = {"custom": {"key": "wert"}, "client": {"app_title": "title"}}
    answer = invoke(client, {"do": "context"}, ClientContext=client_context(context), LogType="Tail")
    found = answer.document
    assert (found["arn"], found["name"], found["version"]) == (ARN, "test_function", "$LATEST")
    assert found["memory"] == "3008"
    assert (found["custom"], found["title"]) == ({"key": "wert"}, "title")
    assert found["handler"] == "app.handler"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]", found["trace"])
    assert f"START RequestId: {found['request_id']} " in answer.log


def test_the_remaining_time(client: Any) -> None:
    invoke(client)
    left_ms = invoke(client, {"do": "context"}).document["left_ms"]
    assert TIMEOUT_S * 500 < left_ms <= TIMEOUT_S * 1000


def test_the_same_process_goes_on_serving(client: Any, rie: Rie) -> None:
    invoke(client)
    inits = rie.log().count("INIT_START")
    for number in range(50):
        assert invoke(client, number).document == number
    assert rie.log().count("INIT_START") == inits


def test_an_error_while_importing_is_an_init_error(client: Any) -> None:
    with Rie(*BOOTSTRAP, cwd=RUNTIMES, env={"BREAK_INIT": "1"}) as broken, connected(broken.url) as other:
        for _ in range(2):
            answer = invoke(other, LogType="Tail")
            assert answer.error == "Unhandled"
            assert answer.document["errorType"] == "Runtime.ImportModuleError"
            assert "broken on purpose" in answer.document["errorMessage"]
            assert "Phase: invoke\tStatus: error" in answer.log


def test_a_missing_handler(client: Any) -> None:
    with Rie(*BOOTSTRAP[:-1], "app.nobody", cwd=RUNTIMES) as broken, connected(broken.url) as other:
        answer = invoke(other)
        assert (answer.error, answer.document["errorType"]) == ("Unhandled", "Runtime.HandlerNotFound")
