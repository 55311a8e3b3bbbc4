"""`bootjack invoke --env-file` and `--env-var`, and the environment variables that every function gets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import ask
from tests.e2e.running import Ended, bootjack, by_shell
from tests.sandboxes import task_root

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


FILE = """\
# a comment
PLAIN=one
export EXPORTED=two
  SPACED = three four \t
SINGLE='it is "so"'
DOUBLE="it's so"
EMPTY=
EQUAL=a=b=c
HASH=a#b # c
HALF="half
BACKSLASH=a\\nb

"""
READ = {
    "PLAIN": "one",
    "EXPORTED": "two",
    "SPACED": "three four",
    "SINGLE": 'it is "so"',
    "DOUBLE": "it's so",
    "EMPTY": "",
    "EQUAL": "a=b=c",
    "HASH": "a#b # c",
    "HALF": '"half',
    "BACKSLASH": "a\\nb",
}
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def test_every_kind_of_line_in_a_file(function: Path, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(FILE)
    assert variables(bootjack("invoke", function, "--env-file", file, "-e", asking(*READ))) == READ


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"A=1\r\n", "1"),
        (b"\xef\xbb\xbfA=1\n", "1"),
        (b"A=1\nA=2", "2"),
        (b"A=x\x0cy\n", "x\x0cy"),
        ("A=x\u2028y\u0085z\n".encode(), "x\u2028y\u0085z"),
        ("A=日本\n".encode(), "日本"),
    ],
)
def test_line_endings_and_encodings_of_editors(function: Path, tmp_path: Path, content: bytes, value: str) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content)
    assert variables(bootjack("invoke", function, "--env-file", file, "-e", asking("A"))) == {"A": value}


def test_a_file_is_utf8_in_any_locale(function: Path, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes("A=ü\n".encode())
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    ended = bootjack("invoke", function, "--env-file", file, "-e", asking("A"), env=locale)
    assert variables(ended) == {"A": "ü"}


def test_later_values_override_earlier_ones(function: Path, tmp_path: Path) -> None:
    (tmp_path / "one.env").write_text("A=1\nB=1\nC=1\n")
    (tmp_path / "two.env").write_text("B=2\nC=2\n")
    files = ("--env-var", "C=3", "--env-file", tmp_path / "one.env", "--env-file", tmp_path / "two.env")
    ended = bootjack("invoke", function, *files, "-e", asking("A", "B", "C"))
    assert variables(ended) == {"A": "1", "B": "2", "C": "3"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"A=1\ns3cret\n", ".env:2: not NAME=VALUE"),
        (b"1A=s3cret\n", ".env:1: NAME is not a variable name"),
        (b"s3-cret=2\n", ".env:1: NAME is not a variable name"),
        (b"=s3cret\n", ".env:1: NAME is not a variable name"),
        (b"_X=s3cret\n", ".env:1: NAME is not a variable name"),
        (b"\xc3\x84=s3cret\n", ".env:1: NAME is not a variable name"),
        (b"KEY='-----BEGIN\ns3cret/line+of=a/key==\n'", ".env:2: NAME is not a variable name"),
        (b"AWS_REGION=s3cret\n", ".env:1: AWS_REGION is reserved"),
        (b"AWS_LAMBDA_RUNTIME_API=s3cret\n", ".env:1: AWS_LAMBDA_RUNTIME_API is reserved"),
        (b"LAMBDA_TASK_ROOT=s3cret\n", ".env:1: LAMBDA_TASK_ROOT is reserved"),
        (b"A=s3cret\xff\n", ".env: not UTF-8 text"),
        (b"A=s3cret\0B\n", ".env:1: not NAME=VALUE"),
    ],
)
def test_a_bad_line_is_named_by_its_number_and_not_repeated(
    function: Path, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / ".env").write_bytes(content)
    ended = bootjack("invoke", function, "--env-file", tmp_path / ".env")
    assert (ended.code, ended.out) == (2, b"")
    assert said in ended.message
    assert not any(part in ended.err for part in ("s3cret", "s3-cret", "cret"))


def test_a_missing_file_is_named(function: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.env", tmp_path):
        ended = bootjack("invoke", function, "--env-file", path)
        assert ended.code == 2
        assert str(path) in ended.message


def test_a_pair(function: Path) -> None:
    ended = bootjack("invoke", function, "--env-var", "A=x = 'y'", "--env-var", "B=", "-e", asking("A", "B"))
    assert variables(ended) == {"A": "x = 'y'", "B": ""}


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("_HANDLER=s3cret", "_HANDLER is not a variable name"),
        ("TZ=s3cret", "TZ is reserved"),
        ("AWS_EXECUTION_ENV=s3cret", "AWS_EXECUTION_ENV is reserved"),
        ("s3cret", "no variable of your environment has this name; give a value with NAME=VALUE"),
        ("=s3cret", "NAME is not a variable name"),
        ("", "NAME is not a variable name"),
        ("A s3cret=1", "NAME is not a variable name"),
        ("https://user:s3cret@host?a=b", "NAME is not a variable name"),
    ],
)
def test_a_bad_pair_is_named_by_its_number_and_not_repeated(function: Path, pair: str, said: str) -> None:
    ended = bootjack("invoke", function, "--env-var", "GOOD=1", "--env-var", pair)
    assert (ended.code, ended.out) == (2, b"")
    assert f"--env-var, number 2: {said}" in ended.message
    assert "s3cret" not in ended.err


@pytest.mark.parametrize("option", ["-e", "--env-file"])
def test_a_variable_in_the_place_of_a_file_is_not_repeated(function: Path, option: str) -> None:
    ended = bootjack("invoke", function, option, "TOKEN=s3cret")
    assert (ended.code, ended.out) == (2, b"")
    assert "--env-var" in ended.message
    assert "s3cret" not in ended.err


@pytest.mark.both_sandboxes
def test_host_variables_are_not_passed_to_the_function(function: Path) -> None:
    host = {"SECRET_OF_MINE": "x", **dict.fromkeys(KEYS, "host's")}
    found = variables(bootjack("invoke", function, "-e", ask("variables"), env=host))
    assert "SECRET_OF_MINE" not in found
    assert all(found[key] not in ("", "host's") for key in KEYS)


@pytest.mark.both_sandboxes
def test_a_name_alone_passes_the_host_s_value(function: Path) -> None:
    host = dict.fromkeys((*KEYS, "MINE"), "host's")
    given = [word for name in host for word in ("--env-var", name)]
    assert variables(bootjack("invoke", function, *given, "-e", asking(*host), env=host)) == host


@pytest.mark.both_sandboxes
def test_real_keys_are_never_combined_with_a_fake_token(function: Path) -> None:
    """AWS refuses long-lived keys that come with a session token."""
    host = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    ended = bootjack("invoke", function, *(f"--env-var={name}" for name in host), "-e", asking(*KEYS), env=host)
    found = variables(ended)
    assert not found.pop("AWS_SESSION_TOKEN")
    assert found == host


@pytest.mark.both_sandboxes
def test_variables_over_the_kernel_s_limit_are_reported(function: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=" + b"x" * 6_000_000)
    ended = bootjack("invoke", function, "--env-file", tmp_path / ".env")
    assert ended.code in (1, 2)
    assert "argument list too long" in ended.err


@pytest.mark.both_sandboxes
def test_the_variables_that_a_function_gets(function: Path) -> None:
    ended = bootjack(
        "invoke", function, "--region", "eu-west-1", "--name", "mine", "-m", "512", "-e", ask("variables")
    )
    found = variables(ended)
    expected = {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": "mine",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/mine",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LAMBDA_TASK_ROOT": task_root(function),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": "function.handler",
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:")
    assert "_X_AMZN_TRACE_ID" not in found
    assert "AWS_LAMBDA_LOG_STREAM_NAME" in found


@pytest.mark.both_sandboxes
def test_path_and_lang_can_be_overridden(function: Path) -> None:
    given = {"PATH": "/usr/bin", "LANG": "C", "LD_LIBRARY_PATH": "/x"}
    options = [f"--env-var={name}={value}" for name, value in given.items()]
    assert variables(bootjack("invoke", function, *options, "-e", asking(*given))) == given


@pytest.mark.both_sandboxes
def test_bytes_that_are_not_text_pass_through(function: Path) -> None:
    ended = by_shell("""exec "$@" --env-var "A=$(printf '\\377')" """, "invoke", function, "-e", asking("A"))
    assert ended.code == 0
    assert json.loads(ended.out)["A"].encode(errors="surrogateescape") == b"\xff"


def asking(*names: str) -> str:
    """An event that asks for these variables."""
    return ask("variables", names=names)


def variables(ended: Ended) -> dict[str, str]:
    """The variables in a function's response."""
    assert ended.code == 0, ended.err
    return dict(json.loads(ended.out))
