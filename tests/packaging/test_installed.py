"""The wheel, installed as users install it, works in projects with folders named like this repository's."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PROGRAM = """#!/usr/bin/env bash
set -eu
while true; do
  headers=$(mktemp)
  event=$(curl -sS -D "$headers" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next")
  id=$(grep -i '^lambda-runtime-aws-request-id:' "$headers" | tr -d '[:space:]' | cut -d: -f2)
  curl -sS "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d "$event" >/dev/null
done
"""
USING_FIXTURES = """
from bootjack import LocalFunction, LocalLambda, __version__

def test_the_facade():
    assert __version__ and LocalFunction and LocalLambda

def test_the_fixtures_are_there(request):
    request.getfixturevalue("local_lambda")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel and pytest into a virtual environment; return the folder of its programs."""
    folder = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder / "dist"), str(ROOT)], folder)
    [wheel] = (folder / "dist").glob("*.whl")
    venv.create(folder / "venv", with_pip=True, symlinks=True)
    programs = folder / "venv" / "bin"
    run([str(programs / "pip"), "install", "--quiet", str(wheel), "pytest"], folder)
    return programs


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Create a runtime author's project: packages `layers` and `bootstrap`, and a runtime in its own folder."""
    for name in ("layers", "bootstrap"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text('raise ImportError("the project\'s own package was imported")\n')
    (tmp_path / "runtime").mkdir()
    program = tmp_path / "runtime" / "bootstrap"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return event\n")
    (tmp_path / "test_project.py").write_text(USING_FIXTURES)
    return tmp_path


def run(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in this folder, which is on sys.path as with python -m; it must succeed."""
    environ = {**os.environ, "PYTHONPATH": str(directory), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    ended = subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended


def test_the_commands(installed: Path, project: Path) -> None:
    bootjack = str(installed / "bootjack")
    build = [bootjack, "layer", "build", str(project / "runtime"), "-o", str(project / "code.zip")]
    run(build, project)
    run([bootjack, "layer", "check", "--runtime", "provided.al2023", str(project / "code.zip")], project)
    run([bootjack, "layer", "build", "--bootstrap", "-o", str(project / "layer.zip")], project)
    assert run([bootjack, "invoke", "code.zip", "-e", '{"a": 1}'], project).stdout.strip() == '{"a": 1}'
    assert run([bootjack, "invoke", "app.handler", "-e", '{"b": 2}'], project).stdout.strip() == '{"b": 2}'


def test_pytest(installed: Path, project: Path) -> None:
    run([str(installed / "python"), "-m", "pytest", "-q", "test_project.py"], project)


def test_everything_that_is_imported_has_a_name_of_its_own(installed: Path, tmp_path: Path) -> None:
    listing = "import sysconfig, os; print(*sorted(os.listdir(sysconfig.get_path('purelib'))))"
    names = run([str(installed / "python"), "-I", "-c", listing], tmp_path).stdout.split()
    assert {"bootjack", "bootjack_bootstrap", "bootjack_layers", "runtime_api"} <= set(names)
    assert {"bootstrap", "layers", "tests", "docs"}.isdisjoint(names)
