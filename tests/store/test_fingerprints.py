"""A fingerprint changes with the files that matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime_api.store.fingerprints import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("a", "deep/er/b"):
        (tmp_path / name).write_text("one")
    (tmp_path / "broken").symlink_to("nothing")
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: (tree / "a").write_text("longer"),
        lambda tree: (tree / "deep/er/c").write_text(""),
        lambda tree: (tree / "deep/er/b").unlink(),
        lambda tree: (tree / "a").rename(tree / "d"),
        lambda tree: (tree / "empty").mkdir(),
        lambda tree: (tree / "a").chmod(0o700),
    ],
    ids=["written", "added", "removed", "renamed", "directory", "mode"],
)
def test_a_change_is_seen(tree: Path, change: Callable[[Path], object]) -> None:
    before = fingerprint([str(tree)])
    assert fingerprint([str(tree)]) == before
    change(tree)
    assert fingerprint([str(tree)]) != before


@pytest.mark.parametrize("folder", ["__pycache__", "node_modules", "deep/.git"])
def test_what_tools_write_does_not_count(tree: Path, folder: str) -> None:
    before = fingerprint([str(tree)])
    (tree / folder).mkdir()
    (tree / folder / "file").write_text("x")
    assert fingerprint([str(tree)]) == before


def test_a_directory_that_is_gone_is_a_state_as_well(tree: Path) -> None:
    assert fingerprint([str(tree / "gone")]) == fingerprint([str(tree / "gone")]) != fingerprint([str(tree)])
