"""`bootjack rie` in place of aws-lambda-rie: flags, variables, COMMAND, and usage errors."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import ask, write_bootstrap
from tests.e2e.running import RAW, Rie, bootjack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

FRONT = "--runtime-interface-emulator-address"
API = "--runtime-api-address"
ANY = "127.0.0.1:0"


@pytest.mark.both_sandboxes
def test_a_command_runs_in_the_current_directory(tmp_path: Path) -> None:
    with Rie(*RAW, "--flag", "app.handler", cwd=tmp_path) as rie:
        found = json.loads(rie.invoke(ask("place").encode()).body)
        assert found["argv"] == ["--flag", "app.handler"]
        assert found["cwd"] == str(tmp_path)
        names = ("_HANDLER", "LAMBDA_TASK_ROOT")
        assert variables(rie, *names) == {"_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": str(tmp_path)}


@pytest.mark.both_sandboxes
def test_the_handler_of_a_single_argument_comes_from_the_environment(function: Path) -> None:
    env = {"AWS_LAMBDA_FUNCTION_HANDLER": "from.environment"}
    with Rie("./bootstrap", cwd=function, env=env) as rie:
        assert variables(rie, "_HANDLER") == {"_HANDLER": "from.environment"}


def test_the_log_format_comes_from_the_environment(function: Path) -> None:
    names = ("AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL")
    with Rie("./bootstrap", cwd=function, env={"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "x"}) as rie:
        assert variables(rie, *names) == dict(zip(names, ("JSON", "INFO"), strict=True))


def test_the_handler_is_never_empty(function: Path) -> None:
    with Rie("./bootstrap", cwd=function) as rie:
        assert variables(rie, "_HANDLER") == {"_HANDLER": "function.handler"}


@pytest.mark.both_sandboxes
def test_a_bootstrap_in_the_directory_for_opt(function: Path) -> None:
    with Rie(flags=("--opt-dir", str(function))) as rie:
        assert rie.invoke(b"[4]").body == b"[4]"


@pytest.mark.both_sandboxes
def test_no_bootstrap_anywhere(tmp_path: Path) -> None:
    with Rie(flags=("--opt-dir", str(tmp_path))) as rie:
        document = json.loads(rie.invoke().body)
        assert document["errorType"] == "Runtime.InvalidEntrypoint"
        assert f" {tmp_path}/bootstrap " in document["errorMessage"]
        write_bootstrap(tmp_path)
        assert rie.invoke(b"[1]").body == b"[1]"


def test_the_defaults_are_those_of_aws_lambda_rie() -> None:
    with Rie(*RAW) as rie:
        found = variables(rie)
        expected = {
            "AWS_LAMBDA_FUNCTION_NAME": "test_function",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008",
            "AWS_REGION": "us-east-1",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/test_function",
        }
        assert {name: found[name] for name in expected} == expected
        headers = json.loads(rie.invoke(ask("headers").encode()).body)
        arn = "arn:aws:lambda:us-east-1:012345678912:function:test_function"
        assert headers["lambda-runtime-invoked-function-arn"] == arn
        assert rie.invoke(b"[1]", name="test_function").body == b"[1]"


def test_the_variables_that_aws_lambda_rie_reads(tmp_path: Path) -> None:
    env = {
        "AWS_LAMBDA_FUNCTION_NAME": "my-fn",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "3.5",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_REGION": "eu-west-1",
    }
    with Rie(*RAW, env=env) as rie:
        assert {name: value for name, value in variables(rie).items() if name in env} == {
            name: value for name, value in env.items() if name != "AWS_LAMBDA_FUNCTION_TIMEOUT"
        } | {"AWS_LAMBDA_FUNCTION_TIMEOUT": "3.5"}
        reply = rie.invoke(ask("hang").encode(), name="my-fn")
        assert reply.headers["x-amz-executed-version"] == "7"
        assert "Task timed out after 3.50 seconds" in json.loads(reply.body)["errorMessage"]
        rie.wait_for(r"START RequestId: \S+ Version: 7\n")
        rie.wait_for(r"\tMemory Size: 256 MB\t")


@pytest.mark.both_sandboxes
def test_the_host_environment_is_passed_to_the_function() -> None:
    env = {
        "MINE": "1",
        "_PRIVATE": "2",
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_LAMBDA_MAX_CONCURRENCY": "0",
        "TZ": "Asia/Tokyo",
    }
    with Rie(*RAW, env=env) as rie:
        assert variables(rie, *env) == {
            "MINE": "1",
            "_PRIVATE": None,
            "AWS_ACCESS_KEY_ID": "k",
            "AWS_LAMBDA_MAX_CONCURRENCY": None,
            "TZ": ":UTC",
        }


@pytest.mark.both_sandboxes
def test_a_clean_environment() -> None:
    with Rie(*RAW, flags=("--clean-env",), env={"MINE": "1", "AWS_ACCESS_KEY_ID": "k"}) as rie:
        found = variables(rie)
        assert "MINE" not in found
        assert found["AWS_ACCESS_KEY_ID"] not in ("", "k")


def test_keys_without_a_token_get_no_token() -> None:
    with Rie(*RAW, env={"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}) as rie:
        assert not variables(rie, "AWS_SESSION_TOKEN")["AWS_SESSION_TOKEN"]


def test_flags_after_the_command_belong_to_it() -> None:
    with Rie(*RAW, "--log-level", "error") as rie:
        assert json.loads(rie.invoke(ask("place").encode()).body)["argv"] == ["--log-level", "error"]


@pytest.mark.parametrize("level", ["debug", "INFO", "trace"])
def test_log_levels_with_messages(level: str) -> None:
    with Rie(*RAW, flags=("--log-level", level)) as rie:
        assert "bootjack: invoke at" in rie.log()


@pytest.mark.parametrize("level", ["warn", "error", "FATAL"])
def test_log_levels_without_messages(level: str) -> None:
    """The function's own log is written at every level."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    flags = ("--log-level", level, "--enable-init-caching", FRONT, f"127.0.0.1:{port}")
    with Rie("sh", "-c", 'echo begun >&2; exec "$@"', "sh", *RAW, flags=flags, ready=None, port=port) as rie:
        assert rie.invoke(b"[1]").body == b"[1]"
        rie.wait_for("begun\n")
        rie.wait_for("REPORT ")
        assert "bootjack: " not in rie.log()


@pytest.mark.both_sandboxes
def test_init_caching_starts_the_runtime_before_the_first_invocation() -> None:
    with Rie("sh", "-c", 'echo begun >&2; exec "$@"', "sh", *RAW, flags=("--enable-init-caching",)) as rie:
        rie.wait_for("INIT_REPORT ")
        assert "begun\n" in rie.log()
        found = variables(rie, "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_ACCESS_KEY_ID", "AWS_LAMBDA_LOG_GROUP_NAME")
        assert found == {
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
            "AWS_ACCESS_KEY_ID": None,
            "AWS_LAMBDA_LOG_GROUP_NAME": None,
        }


@pytest.mark.parametrize("given", ["-1", "many", "10001", "1.5"])
def test_a_concurrency_that_is_not_a_number(given: str) -> None:
    ended = bootjack("rie", *RAW, env={"AWS_LAMBDA_MAX_CONCURRENCY": given})
    assert (ended.code, ended.message.partition(":")[0]) == (2, "AWS_LAMBDA_MAX_CONCURRENCY")


def test_snapstart_and_several_invocations_at_once_exclude_each_other() -> None:
    env = {"AWS_LAMBDA_MAX_CONCURRENCY": "4", "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    ended = bootjack("rie", *RAW, env=env)
    assert (ended.code, "exclude each other" in ended.message) == (2, True)


def test_a_host_by_name() -> None:
    with Rie(*RAW, flags=(FRONT, "localhost:0", API, "localhost:0")) as rie:
        assert rie.invoke(b"[6]").body == b"[6]"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere", "HOST:PORT"),
        ("127.0.0.1:", "HOST:PORT"),
        (":", "HOST:PORT"),
        ("127.0.0.1:65536", "HOST:PORT"),
        ("127.0.0.1:-1", "HOST:PORT"),
        ("127.0.0.1:٣", "HOST:PORT"),
        ("no-such-host.invalid:0", "no-such-host.invalid"),
        ("192.0.2.1:0", "192.0.2.1"),
    ],
)
@pytest.mark.parametrize("flag", [FRONT, API])
def test_an_invalid_address_is_named_with_its_flag(flag: str, given: str, said: str) -> None:
    other = API if flag == FRONT else FRONT
    ended = bootjack("rie", flag, given, other, ANY, *RAW, seconds=5)
    assert (ended.code, ended.out) == (2, b"")
    assert said in ended.message
    assert flag in ended.message


@pytest.mark.parametrize("flag", [FRONT, pytest.param(API)])
def test_a_port_in_use_is_named_with_its_flag(flag: str) -> None:
    other = API if flag == FRONT else FRONT
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = bootjack("rie", flag, f"127.0.0.1:{port}", other, ANY, *RAW)
    assert ended.code == 2
    assert str(port) in ended.message
    assert "in use" in ended.message
    assert flag in ended.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", "abc"),
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", "0"),
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", "nan"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3008MB"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0.5"),
        ("AWS_LAMBDA_FUNCTION_NAME", "with space"),
    ],
)
def test_an_invalid_variable_is_named(name: str, value: str) -> None:
    ended = bootjack("rie", FRONT, ANY, API, ANY, "no-such-command", env={name: value}, seconds=5)
    assert ended.code == 2
    assert name in ended.message


@pytest.mark.parametrize("command", ["no-such-command", "./nowhere", "/tmp"])
@pytest.mark.both_sandboxes
def test_a_command_that_cannot_run_fails_each_invocation(tmp_path: Path, command: str) -> None:
    with Rie(command, "app.handler", cwd=tmp_path) as rie:
        for _ in range(2):
            document = json.loads(rie.invoke().body)
            assert document["errorType"] == "Runtime.InvalidEntrypoint"
            assert command in document["errorMessage"]


@pytest.mark.both_sandboxes
def test_a_command_can_be_installed_later(tmp_path: Path) -> None:
    with Rie("./bootstrap", cwd=tmp_path) as rie:
        assert json.loads(rie.invoke().body)["errorType"] == "Runtime.InvalidEntrypoint"
        write_bootstrap(tmp_path)
        assert rie.invoke(b"[1]").body == b"[1]"


def test_a_loopback_address_accepts_only_local_names() -> None:
    with Rie(*RAW, flags=("--allow-host", "lambda.test", "--allow-origin", "https://app.example")) as rie:
        assert rie.invoke(b"[1]", Host="lambda.test:80").status == 200
        assert rie.invoke(b"[1]", Host="fn.localhost").status == 200
        assert rie.invoke(b"[1]", Host="evil.example").status == 403
        assert rie.invoke(b"[1]", Origin="http://evil.example").status == 403
        assert rie.invoke(b"[1]", Origin="https://app.example").status == 200


def variables(rie: Rie, *names: str) -> dict[str, str | None]:
    """The named variables of the function, or all of them."""
    return dict(json.loads(rie.invoke(ask("variables", names=names).encode(), name="function").body))
