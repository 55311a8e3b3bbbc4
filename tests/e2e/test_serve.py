"""`bootjack serve`: several functions, every form of their names, many callers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.commands.functions import write_bootstrap, zipped
from tests.e2e.clients import aws, connected, invoke
from tests.e2e.gates import Gate, Held
from tests.e2e.running import RAW, Serve, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # most use boto3

ACCOUNT = "123456789012"
PLACE = b'{"do": "place"}'
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function"


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Three functions: a directory, an archive, and a bootstrap file under another name."""
    folder = tmp_path_factory.mktemp("functions")
    orders = write_bootstrap(folder / "orders")
    billing = zipped(folder / "billing.zip")
    with Serve(orders, billing, f"third={orders / 'bootstrap'}") as server:
        yield server


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return write_bootstrap(tmp_path / "code")


def told(server: Serve, name: str) -> str:
    """The name in the function's environment."""
    event = json.dumps({"do": "variables", "names": ["AWS_LAMBDA_FUNCTION_NAME"]}).encode()
    document: dict[str, str] = json.loads(server.invoke(event, name).body)
    return document["AWS_LAMBDA_FUNCTION_NAME"]


def refusal(client: Any, name: str) -> Any:
    """boto3's error for an invocation; the exception itself would keep the connection."""
    try:
        invoke(client, {}, name)
    except ClientError as error:
        return error.response
    raise AssertionError(f"{name} was invoked")


@pytest.mark.parametrize("name", ["orders", "billing", "third"])
@pytest.mark.both_sandboxes
def test_each_function_is_invoked_by_its_name(several: Serve, name: str) -> None:
    assert told(several, name) == name


@pytest.mark.parametrize(
    "named",
    [
        "billing",
        "billing:$LATEST",
        f"{ACCOUNT}:function:billing",
        f"{ARN}:billing",
        f"{ARN}:billing:$LATEST",
    ],
)
def test_a_function_is_invoked_by_every_form_of_its_name(several: Serve, named: str) -> None:
    with connected(several.url) as client:
        answer = invoke(client, {"do": "variables", "names": ["AWS_LAMBDA_FUNCTION_NAME"]}, named)
    assert answer.document == {"AWS_LAMBDA_FUNCTION_NAME": "billing"}


def test_the_qualifier_appears_in_the_arn_that_the_function_sees(several: Serve) -> None:
    with connected(several.url) as client:
        answer = invoke(client, {"do": "headers"}, "orders", Qualifier="$LATEST")
    assert answer.document["lambda-runtime-invoked-function-arn"] == f"{ARN}:orders:$LATEST"


@pytest.mark.parametrize("named", ["nobody", "function", "orders:7"])
def test_the_error_for_an_unknown_function_lists_the_known_ones(several: Serve, named: str) -> None:
    with connected(several.url) as client:
        refused = refusal(client, named)
    assert refused["Error"]["Code"] == "ResourceNotFoundException"
    assert refused["Error"]["Message"].startswith("Function not found: ")


def test_the_aws_cli(several: Serve, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"a": 1}')
    call = ("invoke", "--function-name", "orders", "--payload", "fileb://event.json", "answer")
    ended = aws(several.url, *call, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert (tmp_path / "answer").read_bytes() == b'{"a": 1}'


@pytest.mark.both_sandboxes
def test_log_lines_of_several_functions_are_labelled(several: Serve) -> None:
    several.invoke(b'{"do": "write", "text": "of orders\\n"}', "orders")
    several.wait_for(r"\norders \| START [^\n]*\n(?:[^\n]*\n)*orders \| of orders\norders \| END ")


def test_a_single_function_has_the_alias_function_and_unlabelled_lines(code: Path) -> None:
    with Serve(code) as server:
        assert told(server, "code") == told(server, "function") == "code"
        server.wait_for(r"\nSTART RequestId: ")


@pytest.mark.both_sandboxes
def test_a_command_with_a_name(tmp_path: Path) -> None:
    with Serve("--name", "mine", "--", *RAW, cwd=tmp_path) as server:
        assert told(server, "mine") == "mine"


def test_stdout_has_only_the_url_and_how_to_try_it(code: Path) -> None:
    process = start("serve", "--port", "0", code)
    assert process.stdout is not None
    line, hint = (process.stdout.readline().decode() for _ in range(2))
    process.terminate()
    rest, _ = process.communicate(timeout=20)
    served = re.fullmatch(r"bootjack: serving code at (http://127\.0\.0\.1:\d+)\n", line)
    assert served is not None
    assert hint == f"bootjack: curl -d '{{}}' {served[1]}/2015-03-31/functions/code/invocations\n"
    assert (rest, process.returncode) == (b"", 0)


def test_health_lists_the_functions(several: Serve) -> None:
    with several.connection() as connection:
        connection.request("GET", "/_bootjack/health")
        document: dict[str, Any] = json.loads(connection.getresponse().read())
    assert document == {"status": "ok", "functions": ["billing", "orders", "third"]}


def test_a_caller_over_the_limit_is_throttled_and_an_event_waits(code: Path, tmp_path: Path) -> None:
    gate = Gate()
    with Serve(code, "--concurrency", "1", "-t", "20") as server, connected(server.url) as client:
        held = Held(server, gate)
        refused = refusal(client, "code")
        assert refused["Error"]["Code"] == "TooManyRequestsException"
        assert refused["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert invoke(client, {"do": "write", "text": "in its turn\n"}, InvocationType="Event").status == 202
        assert held.release().body == b"waited"
        server.wait_for("in its turn\n")
        for _ in range(20):
            assert invoke(client, {"a": 1}).payload == b'{"a": 1}'


@pytest.mark.both_sandboxes
def test_sequential_callers_share_a_process_and_concurrent_callers_do_not(code: Path, tmp_path: Path) -> None:
    gates = [Gate() for _ in range(4)]
    with Serve(code, "--concurrency", "5", "-t", "20") as server:
        first = server.invoke(PLACE).body
        assert {server.invoke(PLACE).body for _ in range(10)} == {first}
        held = [Held(server, gate) for gate in gates]
        other = server.invoke(PLACE).body
        replies = [each.release().body for each in held]
    assert other != first
    assert replies == [b"waited"] * 4


@pytest.mark.both_sandboxes
def test_an_idle_environment_is_stopped(code: Path) -> None:
    with Serve(code, "--idle-timeout", "0") as server:
        places = [json.loads(server.invoke(PLACE).body)["me"] for _ in range(3)]
        server.wait_for("INIT_START", times=3)
    assert len(set(places)) == 3


def test_a_hint_for_a_directory_without_a_bootstrap(tmp_path: Path) -> None:
    write_bootstrap(tmp_path / "package" / "inside")
    with Serve(tmp_path / "package") as server:
        where = f"inside/bootstrap in {tmp_path / 'package'}"
        server.wait_for(f"bootjack: package: there is a bootstrap at {where}; move it to the top")
        assert json.loads(server.invoke().body)["errorType"] == "Runtime.InvalidEntrypoint"
