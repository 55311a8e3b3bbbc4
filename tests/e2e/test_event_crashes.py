"""A server that is killed while it takes and runs events loses none; a short form of `benchmarks.event_crashes`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import bare_environment

PROJECT = Path(__file__).parents[2]
LIVES = "6"  # one at each named point, and one that ends at random
SECONDS = 150.0


@pytest.mark.slow
def test_no_accepted_event_is_lost_wherever_the_server_is_killed() -> None:
    command = [sys.executable, "-m", "benchmarks.event_crashes", "--rounds", LIVES, "--seed", "18"]
    done = subprocess.run(
        command, cwd=PROJECT, env=bare_environment(), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    counts = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines() if not line.startswith("LOST"))
    assert int(counts["accepted that fail"]) > 10
