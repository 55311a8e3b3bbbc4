"""--sandbox bubblewrap by hand: what a function sees, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BOOTJACK = Path(sys.executable).with_name("bootjack")
LOOKS = """#!/bin/sh
written=$(touch /var/task/x 2>/dev/null && echo wrote || echo kept)
seen="$PWD $LAMBDA_TASK_ROOT $(ls -A /home 2>/dev/null | wc -l) $written"
curl -sD /tmp/head -o /dev/null "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next"
id=$(grep -i request-id /tmp/head | tr -d '\\r' | cut -d' ' -f2)
curl -s -d "\\"$seen\\"" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
"""


def _invoke(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    bootstrap = folder / "bootstrap"
    bootstrap.write_text(LOOKS)
    bootstrap.chmod(0o755)
    command = [str(BOOTJACK), "invoke", "--sandbox", "bubblewrap", str(folder)]
    return subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=30, check=False
    )


def test_a_function_sees_lambdas_paths_and_cannot_write_its_code(tmp_path: Path) -> None:
    done = _invoke(tmp_path)
    assert done.stdout.strip() == '"/var/task /var/task 0 kept"', done.stderr
    assert not (tmp_path / "x").exists()


def test_without_bwrap_it_is_refused_in_one_line(tmp_path: Path) -> None:
    done = _invoke(tmp_path, PATH=str(tmp_path))
    assert done.returncode != 0
    assert "bubblewrap is not installed" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_handler_finds_its_bootstrap(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\n\n\ndef handler(event, context):\n    return os.getcwd()\n")
    command = [str(BOOTJACK), "invoke", "--sandbox", "bubblewrap", "app.handler"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.strip() == '"/var/task"', done.stderr


def test_a_function_that_takes_more_memory_than_it_has_is_killed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import time\n\n\ndef handler(event, context):\n    held = b'x' * (400 << 20)\n    time.sleep(2)\n"
    )
    command = [str(BOOTJACK), "invoke", "--sandbox", "bubblewrap", "-m", "128", "-t", "10", "app.handler"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "memory exceeded: " in done.stderr
    assert "signal: killed" in done.stdout
