"""The fixtures of the pytest plugin, in a project that is not well."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 50

CANNOT_START = """
from runtime_api.local import LocalLambda

async def fail(self):
    raise OSError("no room for it")

LocalLambda.__aenter__ = fail
"""
CANNOT_CLOSE = """
from runtime_api.local import LocalLambda

close = LocalLambda.__aexit__

async def fail(self, *error):
    await close(self, *error)
    raise OSError("no room for it")

LocalLambda.__aexit__ = fail
"""


def run_pytest(project: Path, conftest: str, fixture: str) -> subprocess.CompletedProcess[str]:
    (project / "conftest.py").write_text(conftest)
    (project / "test_it.py").write_text(f"def test_one({fixture}): pass\n\ndef test_two(): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.mark.parametrize("fixture", ["runtime_api", "local_lambda"])
@pytest.mark.parametrize(
    ("conftest", "outcome"), [(CANNOT_START, "1 passed, 1 error"), (CANNOT_CLOSE, "2 passed, 1 error")]
)
def test_a_fixture_that_fails_is_reported_and_pytest_ends(
    tmp_path: Path, fixture: str, conftest: str, outcome: str
) -> None:
    done = run_pytest(tmp_path, conftest, fixture)
    assert done.returncode == 1
    assert outcome in done.stdout
    assert "ERROR test_it.py::test_one - OSError: no room for it" in done.stdout.splitlines()
