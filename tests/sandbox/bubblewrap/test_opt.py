"""Several layers merged into one tree: what is linked, what is copied, and when it is made again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.bubblewrap.opt import hold_merged, with_merged
from runtime_api.sandbox.entrypoint import Program, bootstrap_program, command_program, find_bootstrap
from runtime_api.store.trees import Trees

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def trees() -> Iterator[Trees]:
    with Trees() as made:
        yield made


def layer(root: Path, **files: str) -> Path:
    """A directory of files in `bin`, executable."""
    (root / "bin").mkdir(parents=True)
    for name, text in files.items():
        (root / "bin" / name).write_text(text)
        (root / "bin" / name).chmod(0o751)
    return root


def test_the_last_of_three_layers_wins_and_modes_and_links_are_kept(tmp_path: Path, trees: Trees) -> None:
    roots = tuple(layer(tmp_path / name, **{name: name, "all": name}) for name in ("one", "two", "three"))
    (roots[0] / "bin" / "link").symlink_to("/opt/bin/all")
    (roots[1] / "bin").chmod(0o711)
    (roots[2] / "bin").chmod(0o705)
    opt = hold_merged(roots, trees).path
    assert sorted(path.name for path in (opt / "bin").iterdir()) == ["all", "link", "one", "three", "two"]
    assert (opt / "bin" / "all").read_text() == "three"
    assert os.readlink(opt / "bin" / "link") == "/opt/bin/all"  # noqa: PTH115
    assert (opt / "bin" / "one").stat().st_mode & 0o777 == 0o751
    assert (opt / "bin").stat().st_mode & 0o777 == 0o705


def test_files_of_a_users_directory_are_copied_and_stay_untouched(tmp_path: Path, trees: Trees) -> None:
    roots = (layer(tmp_path / "one", a="1"), layer(tmp_path / "two", b="2"))
    files = [path for root in roots for path in root.rglob("*")]
    before = [path.lstat() for path in files]
    opt = hold_merged(roots, trees).path
    (opt / "bin" / "a").write_text("changed")
    assert (roots[0] / "bin" / "a").read_text() == "1"
    assert [(now.st_ctime_ns, now.st_nlink) for now in map(os.lstat, files)] == [
        (found.st_ctime_ns, found.st_nlink) for found in before
    ]


def test_unpacked_files_are_linked_and_outlive_their_tree(tmp_path: Path, trees: Trees) -> None:
    def unpack(path: Path) -> None:
        layer(path, a="a", b="b")

    unpacked = [trees.hold(name, unpack) for name in ("one", "two")]
    opt = hold_merged(tuple(lease.path for lease in unpacked), trees).path
    assert (opt / "bin" / "a").samefile(unpacked[1].path / "bin" / "a")
    for lease in unpacked:
        lease.release()
    assert (opt / "bin" / "a").read_text() == "a"


def test_layers_are_merged_once_until_one_changes(tmp_path: Path, trees: Trees) -> None:
    roots = (layer(tmp_path / "one", a="1"), layer(tmp_path / "two", b="2"))
    first, second = hold_merged(roots, trees), hold_merged(roots, trees)
    assert first.path == second.path
    assert hold_merged(roots[::-1], trees).path != first.path
    (roots[0] / "bin" / "a").write_text("3")
    third = hold_merged(roots, trees)
    assert (third.path / "bin" / "a").read_text() == "3"
    assert (first.path / "bin" / "a").read_text() == "1"


@pytest.mark.parametrize("kind", ["file over directory", "pipe", "missing"])
def test_layers_that_conflict_are_an_error_of_one_line(tmp_path: Path, trees: Trees, kind: str) -> None:
    one, two = layer(tmp_path / "one", a="1"), layer(tmp_path / "two")
    if kind == "pipe":
        os.mkfifo(two / "bin" / "p")
    elif kind == "missing":
        two = tmp_path / "nowhere"
    else:
        (two / "bin" / "a").mkdir()
        (two / "bin" / "a" / "b").touch()
    with pytest.raises(OSError, match=r"\w") as caught:
        hold_merged((one, two), trees)
    assert "\n" not in str(caught.value)
    assert str(two) in str(caught.value)
    kept = trees.hold("x", lambda path: path.mkdir())
    assert len(list(kept.path.parent.parent.iterdir())) == 1


def test_a_program_with_merged_layers_has_one_layer_and_one_more_place(tmp_path: Path) -> None:
    one, two, merged, task = (tmp_path / name for name in ("one", "two", "merged", "task"))
    program = with_merged(bootstrap_program(task, (one, two)), merged)
    assert (program.layers, program.places) == ((merged,), (task / "bootstrap", merged / "bootstrap"))
    file = with_merged(Program(task, (one, two), places=(task / "main",)), merged)
    assert file.places == (task / "main",)
    assert find_bootstrap(file.places) is None
    command = command_program(("sh",), task, (one, two))
    assert command is not None
    assert with_merged(command, merged).places == ()
