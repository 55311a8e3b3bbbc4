"""`bootjack init`: what it writes runs as it is, and it overwrites nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from runtime_api.commands.init import LANGUAGES
from tests.e2e.running import bootjack

if TYPE_CHECKING:
    from pathlib import Path

COMPILERS = {"c": "cc", "go": "go", "node": "node", "rust": "cargo", "shell": "curl"}
OPTIONAL = ("go",)  # `make tools` installs the others
BUILD_S = 150.0


@pytest.mark.slow
@pytest.mark.timeout(2 * BUILD_S)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_runtime_answers(tmp_path: Path, language: str) -> None:
    tool = COMPILERS.get(language, "sh")
    if shutil.which(tool) is None and (tool in OPTIONAL or not os.environ.get("CI")):
        pytest.skip(f"there is no {tool} here")
    written = bootjack("init", language, "1st Runtime", cwd=tmp_path)
    assert written.code == 0, written.err
    runtime = tmp_path / "1st Runtime"
    assert {"README.md", ".gitignore"} <= {file.name for file in runtime.iterdir()}
    assert not any("@NAME@" in file.read_text() for file in runtime.rglob("*") if file.is_file())
    build = runtime / "build.sh"
    if build.exists():
        subprocess.run([build], check=True, capture_output=True, timeout=BUILD_S)
    ended = bootjack("invoke", runtime, "-t", "20", "-e", '{"name": "Zoë"}')
    assert (ended.code, json.loads(ended.out)) == (0, {"you sent": {"name": "Zoë"}}), ended.err


@pytest.mark.slow
@pytest.mark.timeout(100)
def test_a_new_runtime_in_shell_reads_heads_as_the_judge_wants_it(tmp_path: Path) -> None:
    assert bootjack("init", "shell", "made", cwd=tmp_path).code == 0
    chosen = [f"--only=runtime/{name}" for name in ("headers", "ids", "refusals", "framing/trailers")]
    judged = bootjack("conform", *chosen, tmp_path / "made")
    assert (judged.code, b"NON-STRICT" in judged.out) == (0, False), judged.out


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    own = tmp_path / "shell-runtime" / "function.sh"
    own.parent.mkdir()
    own.write_text("echo mine\n")
    ended = bootjack("init", "shell", cwd=tmp_path)
    assert ended.code == 2
    assert ended.message == ("shell-runtime/function.sh: there already, and nothing is overwritten; give another DIR")
    assert [path.name for path in own.parent.iterdir()] == ["function.sh"]
    assert own.read_text() == "echo mine\n"


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = bootjack("init", "c", "file/below", cwd=tmp_path)
    assert (ended.code, ended.err) == (2, "Error: file/below: not a directory\n")
