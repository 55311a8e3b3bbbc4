"""The test suite where bubblewrap is installed but the system forbids what it needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import bare_environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
REASON = "bwrap: No permissions to create new namespace"
TESTS = (
    "tests/sandbox/bubblewrap/test_probing.py",
    "tests/sandbox/view/test_elf.py",
)  # the first builds sandboxes, the second reads files
SECONDS = 100


def run_the_tests(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a few tests with a bwrap that fails."""
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\necho '{REASON}' >&2\nexit 1\n")
    program.chmod(0o755)
    environment = bare_environment({"PATH": f"{folder}:{os.environ['PATH']}", "BOOTJACK_SANDBOX": "", **variables})
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    kept = {name: value for name, value in environment.items() if value}
    return subprocess.run(command, env=kept, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_one_line_tells_why_and_the_other_tests_run(tmp_path: Path) -> None:
    ran = run_the_tests(tmp_path, CI="")
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"\d+ passed, \d+ skipped", ran.stdout)
    (line,) = (line for line in ran.stdout.splitlines() if line.startswith("SKIPPED"))
    assert f"bubblewrap does not work here ({REASON}): it needs user namespaces" in line


def test_on_ci_it_is_an_error(tmp_path: Path) -> None:
    ran = run_the_tests(tmp_path, CI="true")
    assert ran.returncode == 1
    assert "failed" in ran.stdout
    assert "SKIPPED" not in ran.stdout
