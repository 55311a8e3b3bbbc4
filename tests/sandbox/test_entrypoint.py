"""Which program runs, and which folders of layers the languages search."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.sandbox.entrypoint import bootstrap_program, command_program, find_bootstrap, find_libraries

if TYPE_CHECKING:
    import pytest


def roots(parent: Path, *names: str) -> list[Path]:
    """Make directories for code and layers."""
    made = [parent / name for name in names]
    for path in made:
        path.mkdir()
    return made


def test_the_functions_own_bootstrap_wins(tmp_path: Path) -> None:
    task, layer = roots(tmp_path, "task", "layer")
    for root in (task, layer):
        (root / "bootstrap").touch()
    assert find_bootstrap(bootstrap_program(task, (layer,)).places) == task / "bootstrap"


def test_the_last_layer_that_has_a_bootstrap_wins(tmp_path: Path) -> None:
    task, one, two, three = roots(tmp_path, "task", "one", "two", "three")
    for root in (one, two):
        (root / "bootstrap").touch()
    program = bootstrap_program(task, (one, two, three))
    assert find_bootstrap(program.places) == two / "bootstrap"
    assert program.places == (task / "bootstrap", three / "bootstrap", two / "bootstrap", one / "bootstrap")


def test_a_link_to_a_file_is_a_bootstrap_and_a_directory_or_dead_link_is_not(tmp_path: Path) -> None:
    task, one, two = roots(tmp_path, "task", "one", "two")
    (task / "bootstrap").mkdir()
    (two / "bootstrap").symlink_to("gone")
    (one / "real").touch()
    (one / "bootstrap").symlink_to("real")
    assert find_bootstrap(bootstrap_program(task, (one, two)).places) == one / "bootstrap"


def test_a_bootstrap_is_found_once_it_exists(tmp_path: Path) -> None:
    program = bootstrap_program(tmp_path)
    assert find_bootstrap(program.places) is None
    (tmp_path / "bootstrap").touch(0o644)
    assert find_bootstrap(program.places) == tmp_path / "bootstrap"


def test_a_command_is_looked_up_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "tool"
    tool.touch(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    program = command_program(("tool", "app.handler"), tmp_path)
    assert program is not None
    assert program.command == (str(tool), "app.handler")
    assert command_program(("no-such-tool",), tmp_path) is None
    assert command_program((sys.executable,), tmp_path) is not None


def test_the_relative_path_of_a_command_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").touch(0o755)
    monkeypatch.chdir(tmp_path)
    program = command_program(("./run",), tmp_path)
    assert program is not None
    assert Path(program.command[0]).is_absolute()
    assert Path(program.command[0]).samefile(tmp_path / "run")


def test_a_command_beside_the_code_is_not_taken_for_one_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots(tmp_path, "code", "bin")
    (tmp_path / "bin" / "run").touch(0o755)
    monkeypatch.chdir(tmp_path / "code")
    program = command_program(("../bin/run",), tmp_path / "code")
    assert program is not None
    assert program.command == (f"{tmp_path}/bin/run",)


def test_languages_get_their_folders_of_a_layer(tmp_path: Path) -> None:
    folders = (
        "python",
        "python/lib/python3.11/site-packages",
        "nodejs/node_modules/node_modules",
        "nodejs/node20/node_modules",
        "ruby/gems/3.3.0",
        "other",
    )
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "java/lib").mkdir(parents=True)
    for name in ("b.jar", "a.jar", "notes.txt"):
        (tmp_path / "java/lib" / name).touch()
    assert find_libraries(tmp_path) == {
        "NODE_PATH": [f"{tmp_path}/nodejs/node20/node_modules", f"{tmp_path}/nodejs/node_modules"],
        "PYTHONPATH": [f"{tmp_path}/python", f"{tmp_path}/python/lib/python3.11/site-packages"],
        "GEM_PATH": [f"{tmp_path}/ruby/gems/3.3.0"],
        "CLASSPATH": [f"{tmp_path}/java/lib/a.jar", f"{tmp_path}/java/lib/b.jar"],
    }


def test_an_empty_or_missing_layer_has_no_folders(tmp_path: Path) -> None:
    assert find_libraries(tmp_path) == find_libraries(tmp_path / "gone") == {}
