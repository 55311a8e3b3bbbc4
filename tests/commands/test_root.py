"""`bootjack` itself: version, help, usage errors, imports, and closed standard streams."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

import runtime_api
from runtime_api.commands import root
from tests.e2e.running import PYTHON, bare_environment, bootjack, by_shell

VERBS = ("invoke", "serve", "rie")


def test_version() -> None:
    ended = bootjack("--version")
    assert ended == (0, f"bootjack {runtime_api.__version__}\n".encode(), "")


@pytest.mark.parametrize("arguments", [("--help",), ("-h",)])
def test_help_names_every_verb(arguments: tuple[str, ...]) -> None:
    ended = bootjack(*arguments)
    assert ended.code == 0
    assert all(f"  {verb}  ".encode() in ended.out for verb in VERBS)


def test_without_arguments_help_is_a_usage_error() -> None:
    ended = bootjack()
    assert (ended.code, ended.out) == (2, b"")
    assert all(verb in ended.err for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb(verb: str) -> None:
    ended = bootjack(verb, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: bootjack {verb} ".encode())


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_the_examples_of_a_help_page_are_valid_command_lines(verb: str) -> None:
    page = bootjack(*verb.split(), "--help").out.decode()
    examples = re.findall(r"^  bootjack (.*)$", page.partition("Examples:")[2], re.MULTILINE)
    assert examples
    for example in examples:
        name, *words = shlex.split(example.partition(" < ")[0])
        command = root.bootjack.get_command(click.Context(root.bootjack), name)
        assert command is not None
        command.make_context(name, words).close()


@pytest.mark.parametrize("verb", VERBS)
def test_help_fits_a_narrow_terminal(verb: str) -> None:
    page = bootjack(verb, "--help", env={"COLUMNS": "60"}).out.decode()
    text = page.partition("Examples:")[0].splitlines()  # examples are there to be copied, and stay on their lines
    assert [line for line in text if len(line) > 60] == []


def test_invoke_help_names_every_option() -> None:
    out = bootjack("invoke", "-h").out.decode()
    options = ("-e, --event", "--handler", "-t, --timeout", "-m, --memory", "--env-file", "--env-var", "--region")
    assert [option for option in (*options, "--layer", "TARGET", "COMMAND", "Exit code") if option not in out] == []


def test_rie_help_names_the_flags_of_aws() -> None:
    out = bootjack("rie", "-h").out.decode()
    flags = ("--runtime-interface-emulator-address", "--runtime-api-address", "--log-level", "--enable-init-caching")
    assert [flag for flag in (*flags, "127.0.0.1:8080", "127.0.0.1:9001") if flag not in out] == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("frobnicate",), "frobnicate"),
        (("--frob",), "--frob"),
        (("invoke", "--frob"), "--frob"),
        (("rie", "--x"), "--x"),
    ],
)
def test_a_mistake_is_named(arguments: tuple[str, ...], named: str) -> None:
    ended = bootjack(*arguments)
    assert (ended.code, ended.out) == (2, b"")
    assert named in ended.message


@pytest.mark.parametrize(
    ("arguments", "banned"),
    [
        (("--version",), {"asyncio", "click", "uvloop", "json", "msgspec", "httptools"}),
        (("--help",), {"asyncio", "uvloop", "msgspec", "httptools"}),
        (("invoke", "--help"), {"asyncio", "uvloop", "msgspec", "httptools"}),
        (("rie", "--help"), {"asyncio", "uvloop", "msgspec", "httptools"}),
        (("serve", "--help"), {"asyncio", "uvloop", "msgspec", "httptools", "aiohttp"}),
    ],
)
def test_unneeded_modules_are_not_imported(arguments: tuple[str, ...], banned: set[str]) -> None:
    assert _imported(*arguments) & banned == set()


def test_help_of_a_verb_imports_no_other_verb() -> None:
    assert "runtime_api.commands.rie" not in _imported("invoke", "--help")


def _imported(*arguments: str) -> set[str]:
    """The modules that a command line imports, as `-X importtime` reports them."""
    run = subprocess.run(
        [PYTHON, "-X", "importtime", "-m", "runtime_api.cli", *arguments],
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    lines = [line for line in run.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("invoke", "--help")])
def test_a_full_disk_is_reported_without_a_traceback(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = bootjack(*arguments, stdout=full)
    assert ended.code != 0
    assert "Traceback" not in ended.err
    assert os.strerror(28) in ended.err


def test_invoke_fails_on_a_full_disk(function: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = bootjack("invoke", function, stdout=full)
    assert ended.code not in (0, 1)
    assert "Traceback" not in ended.err
    assert os.strerror(28) in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("closing", ["<&-", "2>&-"])
def test_invoke_needs_neither_stdin_nor_stderr(function: Path, closing: str) -> None:
    ended = by_shell(f'exec "$@" {closing}', "invoke", function, "-e", "[1]")
    assert (ended.code, ended.out) == (0, b"[1]")
    assert ("REPORT" in ended.err) is (closing == "<&-")


def test_an_event_from_a_closed_stdin_is_a_usage_error(function: Path) -> None:
    ended = by_shell('exec "$@" <&-', "invoke", function, "-e", "-")
    assert ended.code == 2
    assert "stdin is closed" in ended.message
