"""What the log says is not bounded, on machines of several kinds."""

from __future__ import annotations

import os

import pytest

from runtime_api.sandbox.bubblewrap import confinement
from runtime_api.sandbox.bubblewrap.confinement import unbounded

BEGINNING = "no control groups may be made here, which leaves unbounded: "
MEMORY = "memory that a function takes in less than 20 ms, or in buffers of the kernel"
TIME = "processor time, except that functions give way to other programs"
KILLED = "(with more than 1024 they are killed)"
OF_ROOT = f"for a moment the processes of functions whose code only root may read {KILLED}"
OF_ALL = f"for a moment the processes of functions {KILLED}"


@pytest.mark.parametrize(
    ("user", "counts", "controllers", "left"),
    [
        (0, True, "memory pids cpu", []),
        (0, True, "memory pids", []),  # sharing processors out is an option, which has a line of its own
        (0, True, "memory cpu", [OF_ROOT]),
        (0, True, "", [MEMORY, OF_ROOT, TIME]),
        (1000, True, "memory", []),
        (1000, True, "", [MEMORY, TIME]),
        (1000, False, "memory", [OF_ALL, TIME]),
    ],
)
def test_what_is_unbounded(
    monkeypatch: pytest.MonkeyPatch, user: int, counts: bool, controllers: str, left: list[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(confinement, "_counts_processes_apart", lambda: counts)
    found = unbounded(controllers.split(), 1024)
    assert found == (BEGINNING + "; ".join(left) if left else "")
