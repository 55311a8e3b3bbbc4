"""Usage errors of `bootjack serve`: one clear line, exit code 2, and nothing is started."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from runtime_api.commands.root import bootjack as command
from tests.commands.functions import write_bootstrap
from tests.e2e.running import bootjack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def refused(*arguments: str | Path, cwd: Path | None = None) -> str:
    """Run the command, which must fail with one line; return the line."""
    ended = bootjack("serve", *arguments, cwd=cwd)
    assert (ended.code, ended.out) == (2, b"")
    assert "Traceback" not in ended.err
    assert "\n" not in ended.message
    return ended.message


def refused_here(*arguments: str) -> str:
    """The same in this process."""
    done = CliRunner().invoke(command, ["serve", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    message = done.stderr.partition("Error: ")[2].strip()
    assert "\n" not in message
    return message


def test_a_port_in_use(function: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--port", str(port), function)
    assert said == f"--host and --port 127.0.0.1:{port}: address already in use; choose another address"


def test_a_runtime_api_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = bootjack("serve", "--only-lambda-apis", "--port", "0", "--runtime-api-port", str(port))
    assert ended.code == 2
    assert ended.message == f"--runtime-api-port 127.0.0.1:{port}: address already in use; choose another address"


def test_an_unknown_host(function: Path) -> None:
    assert refused("--host", "no.such.host.invalid", "--port", "0", function).startswith("--host and --port")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing",), "TARGET missing: no such file or directory"),
        (("f=missing",), "TARGET missing: no such file or directory"),
        (("",), "TARGET is empty"),
        (("f=",), "TARGET is empty"),
        (("not a name=function",), "is not a function name"),
        (("=function",), "is not a function name"),
        (("function", "function"), "two functions are named function; give them different names with NAME=TARGET"),
        (("a=function", "a=function"), "two functions are named a"),
        (("function", "b=function", "--name", "c"), "--name names a single function"),
        (("broken.zip",), "not a readable .zip file"),
        (("function", "--allow-origin", "null"), "'null' is not an origin: give scheme://host"),
        (("function", "--allow-origin", "app.example"), "'app.example' is not an origin: give scheme://host"),
        (("function", "--", "true"), "give only one of them"),
        (("--", "no-such-command-anywhere"), "no such command"),
        (("--",), "no COMMAND after --"),
        (("--port", "70000", "function"), "--port"),
        (("--port", "x", "function"), "--port"),
        (("--concurrency", "0", "function"), "--concurrency"),
        (("--concurrency", "1001", "function"), "--concurrency"),
        (("--client-timeout", "0", "function"), "--client-timeout"),
        (("--client-timeout", "soon", "function"), "is not a number of seconds"),
        (("--max-connections", "0", "function"), "--max-connections"),
        (("--idle-timeout", "-1", "function"), "--idle-timeout"),
        (("--idle-timeout", "nan", "function"), "--idle-timeout"),
        (("--layer", "missing", "function"), "--layer missing"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    tmp_path: Path, function: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 and nothing more")
    monkeypatch.chdir(tmp_path)
    assert said in refused_here(*arguments)


def test_a_slash_makes_an_argument_with_an_equals_sign_a_path(tmp_path: Path) -> None:
    write_bootstrap(tmp_path / "a=b")
    assert "TARGET b: no such" in refused("a=b", cwd=tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "already in use" in refused("./a=b", "--port", port, cwd=tmp_path)
