"""`bootjack invoke -e`: a file, the JSON itself, or stdin; anything else is a usage error that names it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import ask
from tests.e2e.running import bootjack, by_shell

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

LIMIT = 6_291_556


@pytest.mark.parametrize("event", ['{"a":  1}', pytest.param(" [1] ")])
def test_json_is_passed_unchanged(function: Path, event: str) -> None:
    assert bootjack("invoke", function, "-e", event).out == event.encode()


@pytest.mark.parametrize("event", ['"word"', "-1", "1e5", "true", "null", r'"\ud800"', '{"ü":"日本"}'])
def test_any_json_is_an_event(function: Path, event: str) -> None:
    assert bootjack("invoke", function, "--event", event).out == event.encode()


def test_a_file(function: Path, tmp_path: Path) -> None:
    event = tmp_path / "my event.json"
    event.write_bytes('{"ü": [1,\n 2]}\n'.encode())
    assert bootjack("invoke", function, "-e", event).out == event.read_bytes()


def test_stdin(function: Path) -> None:
    assert bootjack("invoke", function, "-e", "-", given=b'{"b":\t2}\n').out == b'{"b":\t2}\n'


def test_an_empty_file_or_stdin_becomes_an_empty_object(function: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert bootjack("invoke", function, "-e", tmp_path / "empty").out == b"{}"
    assert bootjack("invoke", function, "-e", "-", given=b"").out == b"{}"


def test_a_pipe_is_read_as_a_file(function: Path) -> None:
    """A shell makes one for -e <(command)."""
    reading, writing = os.pipe()
    os.write(writing, b'{"piped":1}')
    os.close(writing)
    try:
        ended = bootjack("invoke", function, "-e", f"/dev/fd/{reading}", pass_fds=(reading,))
    finally:
        os.close(reading)
    assert ended.out == b'{"piped":1}'


@pytest.mark.parametrize("place", ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
def test_a_device_is_read_as_a_file(function: Path, place: str) -> None:
    assert bootjack("invoke", function, "-e", place, given=b"[5]").out == b"[5]"


def test_an_event_at_the_limit(function: Path) -> None:
    event = b'"' + b"x" * (LIMIT - 2) + b'"'
    assert bootjack("invoke", function, "-e", "-", given=event).out == event


def test_an_event_over_the_limit_is_a_usage_error(function: Path) -> None:
    ended = bootjack("invoke", function, "-e", "-", given=b'"' + b"x" * (LIMIT - 1) + b'"')
    assert (ended.code, ended.out) == (2, b"")
    assert str(LIMIT) in ended.message


@pytest.mark.parametrize(
    "event", ['{"a":1', "", "  ", "no-such-file.json", "@file", "+1", "01", "NaN", ".", "a" * 5000]
)
def test_an_invalid_event_is_a_usage_error(function: Path, event: str) -> None:
    ended = bootjack("invoke", function, "-e", event)
    assert (ended.code, ended.out) == (2, b"")
    assert ended.message.startswith("-e")
    assert "START" not in ended.err


def test_an_error_message_stays_short(function: Path) -> None:
    assert len(bootjack("invoke", function, "-e", "a" * 100_000).message) < 400


@pytest.mark.parametrize(
    ("content", "said"),
    [(b'{"a":"\xff"}', "UTF-8"), (b"\xef\xbb\xbf{}", "BOM"), (b"\x00\x01", "JSON"), (b"{bad", "JSON")],
)
def test_a_file_that_is_not_json_is_a_usage_error(function: Path, tmp_path: Path, content: bytes, said: str) -> None:
    event = tmp_path / "event.json"
    event.write_bytes(content)
    ended = bootjack("invoke", function, "-e", event)
    assert (ended.code, ended.out) == (2, b"")
    assert said.lower() in ended.message.lower()
    assert "event.json" in ended.message


def test_bytes_that_are_not_utf8_are_a_usage_error(function: Path) -> None:
    ended = by_shell("""exec "$@" -e "$(printf '{"a":"\\377"}')" """, "invoke", function)
    assert (ended.code, ended.out) == (2, b"")
    assert ended.message.startswith("-e")


def test_a_file_that_cannot_be_read_is_named(function: Path, tmp_path: Path) -> None:
    loop = tmp_path / "loop.json"
    loop.symlink_to("loop.json")
    for event in (loop, tmp_path):
        ended = bootjack("invoke", function, "-e", event)
        assert ended.code == 2
        assert str(event) in ended.message


def test_an_invalid_event_starts_no_function(function: Path) -> None:
    ended = bootjack("invoke", function, "-e", ask("write", text="x")[:-1])
    assert ended.code == 2
    assert "INIT_START" not in ended.err
