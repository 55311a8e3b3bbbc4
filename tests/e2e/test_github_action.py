"""The GitHub Action of the examples: its commands run, and leave what its last step uploads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "examples" / "github-action"
INPUT = re.compile(r"\$\{\{ inputs\.(\w+) \}\}")


def action() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ACTION / "action.yml").read_text())
    return document


def judge(workspace: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the step that judges, as GitHub does: in bash -e, with the inputs filled in, and a file for the summary."""
    given = {name: table["default"] for name, table in action()["inputs"].items()} | inputs
    step = next(step for step in action()["runs"]["steps"] if "conform" in step.get("run", ""))
    variables = {name: INPUT.sub(lambda found: given[found[1]], text) for name, text in step["env"].items()}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, **variables, "PATH": path, "GITHUB_STEP_SUMMARY": str(workspace / "summary.md")}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, cwd=workspace, env=env, capture_output=True, text=True, timeout=50, check=False)


def test_every_input_is_used_and_explained() -> None:
    inputs = action()["inputs"]
    texts = (text for step in action()["runs"]["steps"] for text in step.get("env", {}).values())
    used = {name for text in texts for name in INPUT.findall(text)}
    explained = set(re.findall(r"^\| `(\w+)` \|", (ACTION / "README.md").read_text(), re.MULTILINE))
    assert used == explained == set(inputs)


def test_the_workflow_in_its_readme_uses_it() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", (ACTION / "README.md").read_text(), re.DOTALL)
    (job,) = yaml.safe_load(shown)["jobs"].values()
    step = job["steps"][-1]
    assert step["uses"].endswith("/lambda-conformance")
    assert set(step["with"]) <= set(action()["inputs"])


def test_its_commands_judge_a_bootstrap_and_leave_a_summary_a_page_and_a_badge(tmp_path: Path) -> None:
    target = str(ROOT / "examples" / "bash-runtime")
    done = judge(tmp_path, target=target, arguments="--only runtime/basics --jobs 1")
    assert done.returncode == 0, done.stderr
    assert "::notice title=bootjack conform::" in done.stdout
    assert "## Conformance of" in (tmp_path / "summary.md").read_text()
    upload = next(step for step in action()["runs"]["steps"] if "upload-artifact" in step.get("uses", ""))
    assert {file.name for file in (tmp_path / upload["with"]["path"]).iterdir()} == {"report.html", "badge.svg"}


def test_a_bootstrap_that_fails_fails_the_job(tmp_path: Path) -> None:
    (tmp_path / "bootstrap").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "bootstrap").chmod(0o755)
    done = judge(tmp_path, target="bootstrap", arguments="--only runtime/basics")
    assert done.returncode == 1
    assert "::error title=FAILED runtime/basics/asks-for-an-event::" in done.stdout
    assert "<b>FAILED</b> runtime/basics/asks-for-an-event" in (tmp_path / "summary.md").read_text()
