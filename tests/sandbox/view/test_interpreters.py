"""Which interpreter a script names, and which folders a program needs: answers, never exceptions."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import pytest

from runtime_api.sandbox.entrypoint import bootstrap_program, command_program
from runtime_api.sandbox.view.interpreters import interpreter_of
from runtime_api.sandbox.view.visible import view_of
from tests.sandbox.watch import program


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """No HOME, and a user that /etc/passwd does not list, as in many containers."""

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.parametrize(
    ("text", "interpreter"),
    [
        ("#!/bin/sh\n", "/bin/sh"),
        ("#! /usr/bin/env python3\n", "/usr/bin/env"),
        ("#!/bin/sh", "/bin/sh"),
        ("#!/bin/sh\0garbage\n", "/bin/sh"),  # the kernel stops at the NUL, too
        ("#!\0/bin/sh\n", None),
        ("#!\n", None),
        ("", None),
        ("\x7fELF", None),
    ],
)
def test_the_interpreter_of_a_script(tmp_path: Path, text: str, interpreter: str | None) -> None:
    path = Path(program(tmp_path / "script", text))
    assert interpreter_of(path) == (interpreter and Path(interpreter))
    view_of(bootstrap_program(tmp_path), [path])


@pytest.mark.parametrize("path", ["/no/such/file", "/with/a/\0/inside", "/tmp"])
def test_what_cannot_be_read_has_no_interpreter(path: str) -> None:
    assert interpreter_of(Path(path)) is None


def test_a_named_pipe_has_no_interpreter_and_blocks_nothing(tmp_path: Path) -> None:
    """Neither as the program nor as the interpreter of a script."""
    os.mkfifo(tmp_path / "pipe", 0o755)
    assert interpreter_of(tmp_path / "pipe") is None
    (tmp_path / "code").mkdir()
    program(tmp_path / "code" / "bootstrap", f"#!{tmp_path}/pipe\n")
    assert view_of(bootstrap_program(tmp_path / "code")).others == ()


def test_a_bootstrap_with_a_nul_in_its_first_line_is_shown_like_any_other(tmp_path: Path) -> None:
    program(tmp_path / "bootstrap", f"#!{sys.executable}\0x\nbody\n")
    view = view_of(bootstrap_program(tmp_path))
    assert view.shows(sys.executable)


def test_a_user_without_a_home_is_no_obstacle(nameless: None) -> None:
    with pytest.raises(RuntimeError, match="home"):
        Path.home()
    found = command_program((sys.executable, "-c", "pass"), Path("/tmp"))
    assert found is not None
    assert view_of(found).shows(sys.executable)
