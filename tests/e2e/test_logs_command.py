"""`bootjack logs`: prints and follows what a function of a running server has written."""

from __future__ import annotations

import re
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import write_bootstrap
from tests.e2e.running import SECONDS, Serve, bootjack, by_shell, end, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    code = tmp_path_factory.mktemp("code")
    targets = [f"{name}={write_bootstrap(code / name)}" for name in ("f", "idle", "followed", "unread")]
    with Serve(*targets) as server:
        yield server


def say(server: Serve, words: str, name: str = "f") -> None:
    assert server.invoke(b'{"do": "write", "text": "%s"}' % words.encode(), name).status == 200


def logs(server: Serve, *arguments: str) -> str:
    ended = bootjack("logs", *arguments, env={"AWS_ENDPOINT_URL_LAMBDA": server.url})
    assert ended.code == 0, ended.err
    return ended.out.decode()


def test_it_prints_what_the_server_s_log_has(server: Serve) -> None:
    say(server, "hällo\\n")
    said = logs(server, "f").splitlines()
    assert "hällo" in said
    assert [line.split()[0] for line in said][:2] == ["INIT_START", "START"]
    server.wait_for(r"REPORT RequestId")
    assert said == [line.partition(" | ")[2] for line in server.log().splitlines() if line.startswith("f | ")]


def test_it_filters_and_shows_times(server: Serve) -> None:
    say(server, "first needle\\nsecond\\n")
    assert logs(server, "f", "--filter", "needle") == "first needle\n"
    (line,) = logs(server, "f", "--filter", '"t nee"', "--timestamps").splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z first needle", line)
    assert logs(server, "f", "--since", "2999-01-01") == ""
    assert "first needle\n" in logs(server, "f", "--since", "1w")


@pytest.mark.parametrize(
    "name", ["f", "arn:aws:lambda:us-east-1:123456789012:function:f", "/aws/lambda/f", "f:$LATEST"]
)
def test_a_function_goes_by_any_of_its_names(server: Serve, name: str) -> None:
    say(server, "named\\n")
    assert "named\n" in logs(server, name)


def test_a_function_that_was_never_invoked_has_written_nothing(server: Serve) -> None:
    assert logs(server, "idle") == ""


def test_what_is_not_there_is_named(server: Serve) -> None:
    missing = bootjack("logs", "missing", "--endpoint", server.url)
    assert (missing.code, missing.out) == (2, b"")
    assert missing.message == f"missing: no function of this name, and no log of one, is at {server.url}"


def test_a_pattern_that_is_not_supported_is_explained(server: Serve) -> None:
    refused = bootjack("logs", "f", "--filter", "{ $.a = 1 }", "--endpoint", server.url)
    assert refused.code == 2
    assert "JSON patterns are not supported" in refused.message


def test_no_server_is_an_error_that_names_the_address() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        ended = bootjack("logs", "f", env={"AWS_ENDPOINT_URL_LAMBDA": address})
    assert (ended.code, ended.out) == (2, b"")
    assert address in ended.message
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "address", ["nonsense", "ftp://127.0.0.1", "http://", "http://127.0.0.1:x", "http://127.0.0.1:0"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    ended = bootjack("logs", "f", "--endpoint", address)
    assert ended.code == 2
    assert address in ended.message


@pytest.mark.parametrize("since", ["x", "5", "5y", "-5m", "2026-13-01"])
def test_a_time_that_is_none_is_refused(since: str) -> None:
    ended = bootjack("logs", "f", "--since", since)
    assert ended.code == 2
    assert since in ended.message


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_follows_until_it_is_told_to_end(server: Serve, number: signal.Signals) -> None:
    say(server, f"before {number.name}\\n", "followed")
    following = start("logs", "followed", "--follow", "--endpoint", server.url, "--filter", number.name)
    assert following.stdout is not None
    assert following.stdout.readline() == f"before {number.name}\n".encode()
    say(server, f"later {number.name}\\n", "followed")
    assert following.stdout.readline() == f"later {number.name}\n".encode()
    following.send_signal(number)
    ended = end(following)
    assert (ended.code, ended.out, ended.err) == (128 + number, b"", "")


def test_it_follows_a_function_that_has_written_nothing_yet(server: Serve) -> None:
    following = start("logs", "unread", "--follow", "--endpoint", server.url)
    assert following.stdout is not None
    say(server, "the first\\n", "unread")
    lines = [following.stdout.readline() for _ in range(5)]
    assert b"the first\n" in lines
    following.send_signal(signal.SIGINT)
    end(following)


def test_a_reader_that_goes_away_ends_it_without_a_word(server: Serve) -> None:
    say(server, "something\\n")
    for options in ("", "--follow"):
        ended = by_shell(f'"$@" {options} | head -n 1', "logs", "f", "--endpoint", server.url, seconds=SECONDS)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.count(b"\n") == 1


def test_a_server_that_ends_while_it_is_followed_is_named(tmp_path: Path) -> None:
    with Serve(f"short={write_bootstrap(tmp_path / 'short')}") as server:
        say(server, "last words\\n", "short")
        following = start("logs", "short", "--follow", "--endpoint", server.url, "--filter", "words")
        assert following.stdout is not None
        assert following.stdout.readline() == b"last words\n"
    ended = end(following)
    assert (ended.code, ended.out) == (2, b"")
    assert server.url in ended.message
