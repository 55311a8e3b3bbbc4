"""Which interpreter of this machine runs a function: one that works, and if there is no better one the nearest."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox import host_interpreters
from runtime_api.sandbox.host_interpreters import Interpreter, find_node, find_python, numbers
from tests.sandbox.watch import program

if TYPE_CHECKING:
    from pathlib import Path

OWN = Interpreter(".".join(map(str, sys.version_info[:3])), sys.executable)
BROKEN = "#!/bin/sh\necho 'command not found' >&2\nexit 127\n"


def python(place: Path, minor: int, answer: str = "") -> Interpreter:
    """Make a program that says it is Python 3.`minor`."""
    program(place, f"#!/bin/sh\necho {answer or f'3.{minor}.7'}\necho /real/python3.{minor}\n")
    return Interpreter(f"3.{minor}.7", f"/real/python3.{minor}")


def found(minor: int) -> Interpreter:
    return asyncio.run(find_python((3, minor)))


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("shims", "bin", "versions/3.30.7/bin"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{tmp_path}/shims:{tmp_path}/bin")


def test_the_python_of_a_version_is_found(tmp_path: Path) -> None:
    there = python(tmp_path / "bin" / "python3.30", 30)
    python(tmp_path / "bin" / "python3.31", 31)
    assert found(30) == there


def test_one_that_does_not_work_is_passed_over(tmp_path: Path) -> None:
    there = python(tmp_path / "bin" / "python3.30", 30)
    program(tmp_path / "shims" / "python3.30", BROKEN)
    program(tmp_path / "shims" / "python3.31", BROKEN)
    assert found(30) == there
    assert found(31) == there


def test_one_that_pyenv_hides_is_found(tmp_path: Path) -> None:
    program(tmp_path / "shims" / "python3.30", BROKEN)
    python(tmp_path / "bin" / "python3.31", 31)
    there = python(tmp_path / "versions" / "3.30.7" / "bin" / "python3.30", 30)
    assert found(30) == there


@pytest.mark.parametrize("answer", ["3.30", "3.29.1", "nonsense", "3.30.1 and more"])
def test_one_that_is_something_else_is_not_taken(tmp_path: Path, answer: str) -> None:
    python(tmp_path / "bin" / "python3.30", 30, answer)
    assert found(30) == OWN


def test_of_two_that_are_as_near_the_newer_one_is_taken(tmp_path: Path) -> None:
    python(tmp_path / "bin" / "python3.30", 30)
    newer = python(tmp_path / "bin" / "python3.32", 32)
    assert found(31) == newer


def test_our_own_python_needs_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert found(sys.version_info[1]) == found(6) == OWN


def test_a_python_that_our_bootstrap_does_not_support_is_not_taken(tmp_path: Path) -> None:
    python(tmp_path / "bin" / "python3.8", 8)
    assert found(8) == OWN


def test_one_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_interpreters, "TRY_S", 0.1)
    program(tmp_path / "bin" / "python3.30", "#!/bin/sh\nexec sleep 600\n")
    assert found(30) == OWN


def test_node_is_found_where_it_works(tmp_path: Path) -> None:
    assert asyncio.run(find_node()) is None
    program(tmp_path / "shims" / "node", BROKEN)
    program(tmp_path / "bin" / "node", "#!/bin/sh\necho 18.1.2-rc.1\necho /real/node\n")
    assert asyncio.run(find_node()) == Interpreter("18.1.2-rc.1", "/real/node")


def test_versions_compare_as_numbers() -> None:
    assert numbers("3.9.1") < numbers("3.10.0")
