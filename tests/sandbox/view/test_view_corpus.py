"""What functions see of a machine, for projects that developers have and for hostile ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.entrypoint import bootstrap_program, command_program
from runtime_api.sandbox.view.visible import view_of
from tests.sandbox.view.views_hostile import HOSTILE
from tests.sandbox.view.views_legitimate import LEGITIMATE
from tests.sandbox.view.worlds import build

if TYPE_CHECKING:
    from runtime_api.sandbox.entrypoint import Program
    from tests.sandbox.view.view_cases import Case

pytestmark = pytest.mark.timeout(30)  # reading a pipe would take longer


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home" / "me"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    return folder


def program_of(case: Case, home: Path) -> Program:
    """The case's program, as the command line would make it."""

    def real(path: str) -> str:
        return path.replace("~", str(home), 1) if path.startswith("~") else path

    code, layer = Path(real(case.code)), home / "layer"
    code.mkdir(parents=True, exist_ok=True)
    layers = (layer,) if layer.exists() else ()
    mounts = tuple(Path(real(path)) for path in case.mounts)
    if not case.command:
        return bootstrap_program(code, layers)._replace(mounts=mounts)
    program = command_program(tuple(map(real, case.command)), code, layers)
    assert program is not None
    return program._replace(mounts=mounts)


@pytest.mark.parametrize("case", [*LEGITIMATE, *HOSTILE], ids=lambda case: case.name)
def test_a_function_sees(case: Case, home: Path) -> None:
    build(home, case.tree)
    view = view_of(program_of(case, home))

    def short(paths: tuple[str, ...]) -> set[str]:
        return {path.replace(str(home), "~") for path in paths}

    assert short(view.others) == set(case.shown)
    assert short(tuple(left_out.path for left_out in view.left_out)) == set(case.left_out)
    assert short(view.folders) == set(case.folders)
    assert all(os.path.realpath(path) == path for path in view.others if not Path(path).is_symlink())


def test_the_corpus_names_each_case_once() -> None:
    names = [case.name for case in (*LEGITIMATE, *HOSTILE)]
    assert len(names) == len(set(names))
