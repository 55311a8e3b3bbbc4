"""What is found out about bubblewrap before it is used, and what users are told."""

from __future__ import annotations

import importlib.util

import pytest

from runtime_api.engine.sandboxes import Sandboxes
from runtime_api.sandbox import seccomp
from runtime_api.sandbox.choice import Kind, SandboxUnavailableError, choose
from runtime_api.store.trees import Trees
from tests.sandbox.watch import run


@pytest.mark.bubblewrap
def test_a_python_without_ctypes_has_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    reason = "this Python was built without ctypes (libffi), which the sandbox needs"
    assert run(choose(Kind.AUTO)) == (Kind.PROCESS, reason, False)
    with pytest.raises(SandboxUnavailableError, match="built without ctypes"):
        run(choose(Kind.BUBBLEWRAP))


@pytest.mark.bubblewrap
@pytest.mark.parametrize(
    ("wanted", "filters", "said"),
    [
        (True, True, []),
        (True, False, ["functions may make every system call: bootjack has no filter for"]),
        (False, True, ["functions may make every system call (--no-seccomp): debuggers work"]),
        (False, False, ["functions may make every system call (--no-seccomp): debuggers work"]),
    ],
)
def test_users_are_told_once_that_there_is_no_filter(
    wanted: bool, filters: bool, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not filters:
        monkeypatch.setattr(seccomp, "system_call_filter", lambda: None)
    sandboxes = Sandboxes(Kind.BUBBLEWRAP, Trees(), freeze=True, cpu_share=False, seccomp=wanted)
    notes = run(sandboxes.prepare())
    assert [note for note in notes if "system call" in note and note.startswith(tuple(said))] == notes
    assert len(notes) == len(said)
