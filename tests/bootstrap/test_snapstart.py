"""SnapStart: the hooks of `snapshot_restore_py` around the snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bootstrap.scripted import answer, event
from tests.bootstrap.starting import AS_MODULE, Ran, run

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
    import atexit
    from snapshot_restore_py import register_after_restore, register_before_snapshot
    order = []
    register_before_snapshot(order.append, "before 1")
    register_before_snapshot(order.append, "before 2")
    register_after_restore(order.append, "after 1")
    register_after_restore(order.append, "after 2")
    {more}
    def handler(event, context): return order
"""


def restored(folder: Path, more: str = "", *nexts: bytes, ends: bool = False) -> Ran:
    return run(
        folder, SOURCE.replace("{more}", more), nexts,
        ends=ends, command=AS_MODULE, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start",
    )  # fmt: skip


def test_hooks_run_around_the_snapshot(tmp_path: Path) -> None:
    ran = restored(tmp_path, "", answer(200), event())
    assert ran.calls == ["restore/next", "next", "response", "next"]
    assert ran.documents == [["before 2", "before 1", "after 1", "after 2"]]
    assert (ran.code, ran.connections) == (0, 2)


def test_a_function_without_hooks(tmp_path: Path) -> None:
    ran = run(
        tmp_path, "def handler(event, context): return 1", [answer(200), event()],
        AWS_LAMBDA_INITIALIZATION_TYPE="snap-start",
    )  # fmt: skip
    assert ran.calls == ["restore/next", "next", "response", "next"]


def test_hooks_do_not_run_without_snapstart(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        SOURCE.replace("{more}", ""),
        [event()],
        command=AS_MODULE,
        AWS_LAMBDA_INITIALIZATION_TYPE="on-demand",
    )
    assert (ran.calls, ran.documents) == (["next", "response", "next"], [[]])


def test_a_hook_before_the_snapshot_fails(tmp_path: Path) -> None:
    ran = restored(tmp_path, "register_before_snapshot(lambda: 1 // 0)", ends=True)
    assert (ran.calls, ran.code) == (["init/error"], 64)
    assert ran.documents[0]["errorType"] == "ZeroDivisionError"
    assert ran.posts[0].headers["lambda-runtime-function-error-type"] == "Runtime.BeforeSnapshotError"
    assert "ZeroDivisionError" in ran.out


def test_a_hook_after_the_restore_fails(tmp_path: Path) -> None:
    ran = restored(tmp_path, "register_after_restore(exit, 3)", answer(200), ends=True)
    assert (ran.calls, ran.code) == (["restore/next", "restore/error"], 65)
    assert ran.documents[0]["errorType"] == "SystemExit"
    assert ran.posts[0].headers["lambda-runtime-function-error-type"] == "Runtime.AfterRestoreError"


def test_a_restore_refused(tmp_path: Path) -> None:
    ran = restored(tmp_path, "", answer(403, b"no"), ends=True)
    assert (ran.calls, ran.code) == (["restore/next"], 1)
    assert "GET /restore/next was answered with 403" in ran.out
