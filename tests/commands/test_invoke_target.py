"""What `bootjack invoke` runs: TARGET in all its forms, COMMAND, and the errors when there is nothing to run."""

from __future__ import annotations

import json
import os
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import ask, write_bootstrap, zipped
from tests.e2e.running import RAW, Ended, bootjack, by_shell
from tests.layers.corpus import HOSTILE
from tests.sandboxes import task_root

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.mark.both_sandboxes
def test_a_directory(function: Path) -> None:
    ended = bootjack("invoke", function, "-e", '{"a": 1}')
    assert (ended.code, ended.out) == (0, b'{"a": 1}')


def test_the_current_directory_is_the_default(function: Path) -> None:
    ended = bootjack("invoke", "-e", ask("place"), cwd=function)
    assert json.loads(ended.out)["cwd"] == task_root(function)


@pytest.mark.parametrize("target", ["function", "./function", "function/bootstrap", "../{parent}/function"])
@pytest.mark.both_sandboxes
def test_a_relative_path(function: Path, target: str) -> None:
    ended = bootjack("invoke", target.format(parent=function.parent.name), "-e", ask("place"), cwd=function.parent)
    assert json.loads(ended.out)["cwd"] == task_root(function)


@pytest.mark.both_sandboxes
def test_a_bootstrap_runs_in_its_own_directory(function: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ended = bootjack("invoke", function / "bootstrap", "-e", ask("place"), cwd=elsewhere)
    assert json.loads(ended.out)["cwd"] == task_root(function)


@pytest.mark.both_sandboxes
def test_a_path_with_spaces_and_non_ascii_letters(tmp_path: Path) -> None:
    directory = write_bootstrap(tmp_path / "mein ünsinn" / "日本 'q'")
    assert bootjack("invoke", directory, "-e", "[2]").out == b"[2]"


@pytest.mark.both_sandboxes
def test_a_link_to_a_bootstrap_in_a_directory(function: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "bootstrap").symlink_to(function / "bootstrap")
    assert bootjack("invoke", linked).out == b"{}"


@pytest.mark.both_sandboxes
def test_a_link_to_a_directory(function: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(function)
    assert bootjack("invoke", tmp_path / "link").out == b"{}"


@pytest.mark.both_sandboxes
def test_a_read_only_directory(function: Path) -> None:
    function.chmod(0o555)
    assert bootjack("invoke", function, cwd=function).out == b"{}"


@pytest.mark.both_sandboxes
def test_a_command_after_two_dashes(tmp_path: Path) -> None:
    ended = bootjack("invoke", "-e", ask("place"), "--", *RAW, "--flag", "-e", "word", cwd=tmp_path)
    found = json.loads(ended.out)
    assert found["argv"] == ["--flag", "-e", "word"]
    assert found["cwd"] == task_root(tmp_path)


@pytest.mark.both_sandboxes
def test_a_command_in_the_current_directory(function: Path) -> None:
    assert bootjack("invoke", "--", "./bootstrap", cwd=function).out == b"{}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "nowhere"),
        (("nowhere.zip",), "nowhere.zip"),
        (("",), "TARGET"),
        ((".", "second"), "second"),
        (("--",), "--"),
        ((".", "--", "sh"), "only one of them"),
        (("--", "no-such-command"), "no-such-command"),
        (("--", "/tmp"), "/tmp"),
        (("--", ""), "COMMAND"),
    ],
)
def test_an_invalid_target_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = bootjack("invoke", *arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, b"")
    assert said in ended.message
    assert "RequestId" not in ended.err


@pytest.mark.both_sandboxes
def test_a_command_that_is_not_executable(function: Path) -> None:
    (function / "bootstrap").chmod(0o644)
    ended = bootjack("invoke", "--", "./bootstrap", cwd=function)
    assert ended.code == 2
    assert "chmod +x" in ended.message


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for verb in ("invoke", "serve"):
        ended = bootjack(verb, "loop", cwd=tmp_path)
        assert (ended.code, ended.message) == (2, "TARGET loop: too many levels of symbolic links")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pipe", "is a named pipe; name a directory, a .zip file or a bootstrap"),
        ("socket", "is a socket; name a directory, a .zip file or a bootstrap"),
        ("/dev/null", "is a device; name a directory, a .zip file or a bootstrap"),
        ("broken", "is a link to nowhere, which does not exist"),
    ],
)
def test_a_target_that_can_hold_no_code(tmp_path: Path, name: str, said: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket"))  # an address has room for 107 bytes
        ended = bootjack("invoke", name, cwd=tmp_path)
    assert (ended.code, ended.message) == (2, f"TARGET {name}: {said}")


@pytest.mark.parametrize("arguments", [(), ("--", "true")])
def test_a_current_directory_that_was_removed(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = by_shell('mkdir gone; cd gone; rmdir ../gone; exec "$@"', "invoke", *arguments, cwd=tmp_path)
    assert ended.code == 2
    assert "directory" in ended.message


# -- bootstraps that cannot be started: Lambda's error is on stdout, advice is on stderr


@pytest.mark.parametrize(
    ("text", "mode", "reason", "advice"),
    [
        (None, 0o644, "permission denied", "chmod +x"),
        ("#!/bin/sh\r\necho\r\n", 0o755, "no such file or directory", "CRLF"),
        ("#!/bin/\0sh\necho\n", 0o755, "permission denied", "has a NUL in its first line"),
        ("#!/no/such/interpreter\n", 0o755, "no such file or directory", "/no/such/interpreter"),
        ("echo no first line\n", 0o755, "exec format error", "#!"),
        ("", 0o755, "exec format error", "empty"),
    ],
)
@pytest.mark.both_sandboxes
def test_a_bootstrap_that_cannot_be_started(
    tmp_path: Path, text: str | None, mode: int, reason: str, advice: str
) -> None:
    ended = bootjack("invoke", write_bootstrap(tmp_path / "function", text, mode))
    _check_entrypoint(ended, f"fork/exec {task_root(tmp_path / 'function')}/bootstrap: {reason}")
    assert advice in ended.err


def test_a_directory_without_a_bootstrap(tmp_path: Path) -> None:
    ended = bootjack("invoke", tmp_path)
    _check_entrypoint(ended, f"Couldn't find valid bootstrap(s): [{task_root(tmp_path)}/bootstrap]")


@pytest.mark.parametrize("kind", ["directory", "dangling link", "pipe"])
def test_a_bootstrap_that_is_not_a_file(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "bootstrap"
    if kind == "directory":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("nowhere")
    _check_entrypoint(
        bootjack("invoke", tmp_path), f"Couldn't find valid bootstrap(s): [{task_root(tmp_path)}/bootstrap]"
    )


def _check_entrypoint(ended: Ended, reason: str) -> None:
    document = json.loads(ended.out)
    assert (ended.code, document["errorType"]) == (1, "Runtime.InvalidEntrypoint")
    assert document["errorMessage"].endswith(f" Error: {reason}")


# -- archives


@pytest.mark.both_sandboxes
def test_an_archive_leaves_nothing_behind(tmp_path: Path) -> None:
    ended = bootjack("invoke", zipped(tmp_path / "function.zip"), "-e", "[3]", env={"TMPDIR": str(tmp_path)})
    assert (ended.code, ended.out) == (0, b"[3]")
    assert [path.name for path in tmp_path.iterdir()] == ["function.zip"]


def test_an_archive_with_an_upper_case_name(tmp_path: Path) -> None:
    assert bootjack("invoke", zipped(tmp_path / "FUNCTION.ZIP")).out == b"{}"


def test_an_archive_whose_bootstrap_is_not_executable(tmp_path: Path) -> None:
    ended = bootjack("invoke", zipped(tmp_path / "plain.zip", mode=0o644))
    assert json.loads(ended.out)["errorMessage"].endswith("permission denied")
    assert "chmod +x" in ended.err


def test_an_archive_with_its_bootstrap_one_level_down(tmp_path: Path) -> None:
    ended = bootjack("invoke", zipped(tmp_path / "sub.zip", name="function/bootstrap"))
    assert json.loads(ended.out)["errorType"] == "Runtime.InvalidEntrypoint"
    assert "function/bootstrap" in ended.err


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04"])
def test_an_archive_that_is_not_a_zip_file(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(content)
    _check_refused(bootjack("invoke", broken, env={"TMPDIR": str(tmp_path)}), tmp_path, "broken.zip")


def test_a_truncated_archive(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "broken.zip")
    whole.write_bytes(whole.read_bytes()[:-40])
    _check_refused(bootjack("invoke", whole, env={"TMPDIR": str(tmp_path)}), tmp_path, "broken.zip")


@pytest.mark.parametrize("name", ["parent name", "absolute name", "backslash"])
@pytest.mark.parametrize("option", ["TARGET", "--layer"])
def test_a_hostile_archive(tmp_path: Path, name: str, option: str) -> None:
    hostile = tmp_path / "hostile.zip"
    content, _reason = HOSTILE[name]
    hostile.write_bytes(content)
    arguments = (hostile,) if option == "TARGET" else (tmp_path, "--layer", hostile)
    _check_refused(bootjack("invoke", *arguments, env={"TMPDIR": str(tmp_path)}), tmp_path, "hostile.zip")


def _check_refused(ended: Ended, directory: Path, archive: str) -> None:
    assert (ended.code, ended.out) == (2, b"")
    assert archive in ended.message
    assert [path.name for path in directory.iterdir()] == [archive]


def test_the_function_is_named_after_its_target(function: Path, tmp_path: Path) -> None:
    shutil.move(function, tmp_path / "my function.v2")
    ended = bootjack(
        "invoke", "my function.v2", "-e", ask("variables", names=["AWS_LAMBDA_FUNCTION_NAME"]), cwd=tmp_path
    )
    assert json.loads(ended.out) == {"AWS_LAMBDA_FUNCTION_NAME": "my-function"}
