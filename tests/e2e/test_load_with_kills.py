"""The load with kills, for a few seconds: no answer is lost, doubled, misrouted or stale."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import bare_environment
from tests.sandboxes import SANDBOX

pytestmark = pytest.mark.both_sandboxes

PROJECT = Path(__file__).parents[2]
REQUESTS = "700"
SECONDS = 150.0


@pytest.mark.slow
def test_every_answer_is_the_right_one_while_processes_are_killed() -> None:
    command = [sys.executable, "-m", "benchmarks.kills", "--requests", REQUESTS, "--sandbox", SANDBOX]
    done = subprocess.run(
        command, cwd=PROJECT, env=bare_environment(), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "Traceback" not in done.stderr, done.stderr[-2000:]


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("START RequestId: r\nran t\nran t\n", "DOUBLED"),
        ("ran t\n", "LOST"),
        ("START RequestId: r\n", "MISROUTED"),
        ("START RequestId: r\nran t\n", None),
        ("ran t\nbootjack: event r of f is given up: The function was removed before this\n", None),
        ("ran t\nbootjack: event r of f is given up: KeyError\n", "LOST"),
    ],
)
def test_the_judge_sees_what_must_not_be(log: str, said: str | None) -> None:
    from benchmarks.kills import NEVER, count_runs
    from benchmarks.kills_callers import Ledger

    ledger = Ledger({}, answered={"t"}, events={"r": "t"})
    count_runs(ledger, log)
    assert [kind for kind in NEVER if ledger.seen[kind]] == ([said] if said else [])
    assert bool(ledger.wrong) is bool(said)
