"""Trees are made once per key, and removed with their last lease."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from runtime_api.store.trees import Trees

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def trees() -> Iterator[Trees]:
    with Trees() as made:
        yield made


def plant(path: Path) -> None:
    path.mkdir()
    (path / "leaf").write_text("green")


def refuse(path: Path) -> None:
    plant(path)
    raise ValueError("no")


def test_a_second_lease_of_a_key_is_of_the_same_tree(trees: Trees) -> None:
    first, second, other = trees.hold("a", plant), trees.hold("a", refuse), trees.hold("b", plant)
    assert first.path == second.path != other.path
    assert trees.has(first.path)
    assert not trees.has(first.path.parent)


def test_a_tree_is_removed_with_its_last_lease_and_made_again_elsewhere(trees: Trees) -> None:
    first = trees.hold("a", plant)
    second = first.share()
    first.release()
    first.release()  # once is enough
    assert (second.path / "leaf").exists()
    second.release()
    assert not second.path.parent.exists()
    again = trees.hold("a", plant)
    assert (again.path / "leaf").exists()
    assert again.path != first.path


def test_a_tree_that_cannot_be_made_leaves_no_files_and_can_be_tried_again(trees: Trees) -> None:
    kept = trees.hold("b", plant)
    with pytest.raises(ValueError, match="no"):
        trees.hold("a", refuse)
    assert [path.name for path in kept.path.parent.parent.iterdir()] == [kept.path.parent.name]
    assert (trees.hold("a", plant).path / "leaf").exists()


def test_a_second_thread_waits_while_a_tree_is_made(trees: Trees) -> None:
    begun, go_on = threading.Event(), threading.Event()
    found: list[bool] = []

    def slowly(path: Path) -> None:
        begun.set()
        assert go_on.wait(10)
        plant(path)

    def ask() -> None:
        found.append((trees.hold("a", slowly).path / "leaf").exists())

    first = threading.Thread(target=ask)
    first.start()
    assert begun.wait(10)
    second = threading.Thread(target=ask)
    second.start()
    trees.hold("b", plant).release()  # other keys do not wait
    go_on.set()
    for thread in (first, second):
        thread.join(10)
    assert found == [True, True]


def test_closing_removes_leased_trees_and_a_late_release_is_harmless() -> None:
    with Trees() as trees:
        lease = trees.hold("a", plant)
        (lease.path / "leaf").chmod(0)
        lease.path.chmod(0)
    assert not lease.path.parent.parent.exists()
    lease.release()
    with pytest.raises(RuntimeError):
        trees.hold("b", plant)
