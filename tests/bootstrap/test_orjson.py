"""Which orjson the bootstrap uses: one that the handler could import itself, or none."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.bootstrap.scripted import event
from tests.bootstrap.starting import AS_MODULE, EXECUTABLE, ISOLATED, PACKAGE, interpreters, run, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# For any version of Python, unlike the real one.
STAND_IN = """
    import json
    OPT_PASSTHROUGH_DATACLASS = OPT_PASSTHROUGH_DATETIME = 1
    used = []
    def loads(data):
        used.append("loads")
        return json.loads(data)
    def dumps(value, default, option):
        used.append("dumps")
        return json.dumps(value, default=default).encode()
"""
HANDLER = """
    import sys
    def handler(event, context):
        found = sys.modules.get("orjson")
        return [len(event), found and found.__file__, list(getattr(found, "used", []))]
"""
LARGE = event(json.dumps("x" * 40_000).encode())
NOT_FOUND: list[object] = [40_000, None, []]


def what_was_used(task: Path, command: Sequence[str], **named: str) -> list[object]:
    """The length of a large event, and the orjson that was used for it."""
    ran = run(task, HANDLER, [LARGE, LARGE], command=command, more=named)
    assert (ran.code, ran.err) == (0, "")
    first, second = ran.documents
    assert first[:2] == second[:2]
    return [*first]


def used_from(folder: Path) -> list[object]:
    return [40_000, str(folder / "orjson" / "__init__.py"), ["loads"]]


def packaged(folder: Path) -> Path:
    """A copy of the bootstrap's package in a folder."""
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / PACKAGE.name


def layer(folder: Path) -> Path:
    """A layer with the bootstrap and orjson; the executable."""
    packaged(write(folder / "python", STAND_IN, "orjson/__init__.py"))
    shutil.copy2(EXECUTABLE, folder / "bootstrap")
    return folder / "bootstrap"


@pytest.mark.parametrize("version", interpreters())
def test_one_in_the_function(tmp_path: Path, version: str) -> None:
    """It comes before one in a layer."""
    task = write(tmp_path / "task", STAND_IN, "orjson/__init__.py")
    command = [interpreters()[version], "-I", "-S", str(layer(tmp_path / "opt"))]
    assert what_was_used(task, command) == used_from(task)


@pytest.mark.parametrize("flags", [["-I", "-S"], ["-S"]], ids=["isolated", "not isolated"])
def test_one_in_a_layer_that_pythonpath_names(tmp_path: Path, flags: list[str]) -> None:
    folder = write(tmp_path / "layer", STAND_IN, "orjson/__init__.py")
    command = [sys.executable, *flags, EXECUTABLE]
    assert what_was_used(tmp_path / "task", command, PYTHONPATH=str(folder)) == used_from(folder)


@pytest.mark.parametrize("flags", [["-I", "-S"], ["-S"]], ids=["isolated", "not isolated"])
def test_one_in_the_layer_of_the_bootstrap(tmp_path: Path, flags: list[str]) -> None:
    command = [sys.executable, *flags, str(layer(tmp_path / "opt"))]
    assert what_was_used(tmp_path / "task", command) == used_from(tmp_path / "opt" / "python")


def test_one_among_the_packages_of_the_interpreter(tmp_path: Path) -> None:
    [_, file, _] = what_was_used(tmp_path, AS_MODULE)
    assert isinstance(file, str)


def test_the_function_comes_before_the_packages_of_the_interpreter(tmp_path: Path) -> None:
    task = write(tmp_path / "task", STAND_IN, "orjson/__init__.py")
    assert what_was_used(task, AS_MODULE) == used_from(task)


def test_none_anywhere(tmp_path: Path) -> None:
    assert what_was_used(tmp_path, ISOLATED) == NOT_FOUND


@pytest.mark.parametrize("version", interpreters())
@pytest.mark.parametrize("flags", [["-I", "-S"], ["-S"]], ids=["isolated", "not isolated"])
def test_one_beside_an_installed_bootjack_is_not_for_other_interpreters(
    tmp_path: Path, version: str, flags: list[str]
) -> None:
    """An interpreter outside of the environment that bootjack is installed in starts the bootstrap from there."""
    environment = tmp_path / "lib" / "site-packages"
    packaged(write(environment, STAND_IN, "orjson/__init__.py"))
    command = [interpreters()[version], *flags, str(environment / PACKAGE.name / "bootstrap")]
    assert what_was_used(tmp_path / "task", command) == NOT_FOUND


@pytest.mark.parametrize(
    "source",
    ["from .orjson import dumps, loads", "name = 'not that orjson'", "raise RuntimeError('not for this machine')"],
    ids=["another Python's", "another module", "fails"],
)
def test_one_that_cannot_be_used(tmp_path: Path, source: str) -> None:
    write(tmp_path, source, "orjson/__init__.py")
    write(tmp_path, "", "orjson/orjson.cpython-27m-x86_64-linux-gnu.so")
    assert what_was_used(tmp_path, ISOLATED)[0] == 40_000
