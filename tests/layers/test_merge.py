"""The content of /opt: the later layer wins, file by file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bootjack_layers.errors import LayerError
from bootjack_layers.merge import merge, refuse_links_out, write
from bootjack_layers.source import open_layer, open_tree
from tests.layers.corpus import Member, link, packed
from tests.layers.test_archive import tree

if TYPE_CHECKING:
    from pathlib import Path

    from bootjack_layers.source import Layer

RUN = 0o100755


def opened(tmp_path: Path, *layers: list[Member]) -> list[Layer]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for number, members in enumerate(layers):
        (tmp_path / f"{number}.zip").write_bytes(packed(*members))
    return [open_layer(tmp_path / f"{number}.zip", scratch) for number in range(len(layers))]


def test_directories_are_merged_and_the_later_file_is_kept(tmp_path: Path) -> None:
    first = [
        Member("bin/a", b"1", mode=RUN),
        Member("bin/b", b"1"),
        link("l", "bin/b"),
        Member("empty/", b"", mode=0o40755),
    ]
    layers = opened(tmp_path, first, [Member("bin/b", b"2", mode=RUN), Member("lib/c", b"2")], [Member("l", b"3")])
    placed = merge(layers)
    write(placed, layers, tmp_path / "opt")
    assert tree(tmp_path / "opt") == {
        "bin": (0o40755, b""),
        "bin/a": (RUN, b"1"),
        "bin/b": (RUN, b"2"),
        "empty": (0o40755, b""),
        "l": (0o100644, b"3"),
        "lib": (0o40755, b""),
        "lib/c": (0o100644, b"2"),
    }
    origins = {
        item.name: (layers.index(item.layer), [layers.index(layer) for layer in item.hides]) for item in placed
    }
    assert origins == {"bin/a": (0, []), "bin/b": (1, [0]), "l": (2, [0]), "lib/c": (1, [])}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_file_where_another_layer_has_a_directory_is_refused(tmp_path: Path, order: tuple[int, int]) -> None:
    members = [[Member("lib/x")], [Member("lib/x/y")]]
    with pytest.raises(LayerError, match=r"lib/x is a file in .*\.zip and a directory in .*\.zip"):
        merge(opened(tmp_path, *(members[number] for number in order)))


def test_link_where_another_layer_has_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="lib64 is a file"):
        merge(opened(tmp_path, [Member("lib/x"), link("lib64", "lib")], [Member("lib64/y")]))


def test_directory_has_the_mode_of_the_last_layer_that_lists_it(tmp_path: Path) -> None:
    folders = [[Member("d/", b"", mode=0o40000 | mode), Member("d/x")] for mode in (0o711, 0o505)]
    layers = opened(tmp_path, *folders, [Member("d/y")])
    write(merge(layers), layers, tmp_path / "opt")
    assert tree(tmp_path / "opt")["d"] == (0o40705, b"")  # the owner can always delete its content


def test_tree_is_opened_as_it_is_except_for_devices(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a\\b").write_text("x")
    (root / "out").symlink_to("/etc/passwd")
    layer = open_tree(root, "mine")
    write(merge([layer]), [layer], tmp_path / "opt")
    assert sorted(path.name for path in (tmp_path / "opt").iterdir()) == ["a\\b", "out"]
    os.mkfifo(root / "pipe")
    with pytest.raises(LayerError, match="mine: pipe is a device, pipe or socket"):
        open_tree(root, "mine")


def test_names_in_utf8_without_the_flag_are_merged(tmp_path: Path) -> None:
    layers = opened(tmp_path, [Member("python/é.py", b"1", flags=0)])
    write(merge(layers), layers, tmp_path / "opt")
    assert (tmp_path / "opt" / "python" / "é.py").read_bytes() == b"1"


@pytest.mark.parametrize("existing", [False, True])
def test_failure_leaves_the_target_as_it_was(tmp_path: Path, existing: bool) -> None:
    layers = opened(tmp_path, [Member("d/a"), Member("d/b")])
    placed = merge(layers)
    (tmp_path / "scratch" / "layer-0" / "d" / "b").unlink()
    if existing:
        (tmp_path / "opt").mkdir()
    with pytest.raises(LayerError, match="d/b: no such file"):
        write(placed, layers, tmp_path / "opt")
    assert [path.name for path in tmp_path.rglob("opt/**/*")] == []
    assert (tmp_path / "opt").exists() == existing


def test_files_of_shared_roots_are_hard_linked(tmp_path: Path) -> None:
    layers = opened(tmp_path, [Member("a")], [Member("b")])
    write(merge(layers), layers, tmp_path / "opt", lambda root: root == layers[0].root)
    assert [(tmp_path / "opt" / name).stat().st_nlink for name in "ab"] == [2, 1]


def test_target_that_is_not_empty_is_refused_and_kept(tmp_path: Path) -> None:
    layers = opened(tmp_path, [Member("a")])
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt" / "mine").write_text("mine")
    with pytest.raises(LayerError, match="is not empty"):
        write(merge(layers), layers, tmp_path / "opt")
    assert [path.name for path in (tmp_path / "opt").iterdir()] == ["mine"]


def test_layer_that_cannot_be_extracted_is_named(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match=r"0\.zip: .*'x' has a wrong CRC"):
        merge(opened(tmp_path, [Member("x", crc=1)]))


HOSTILE = [
    # Each layer stays inside; merged, they lead out.
    ([link("l", "d/..")], [link("d", ".")]),
    ([link("l", "d/../.ssh/id_rsa")], [link("d", ".")]),
    ([link("l", "d/e/../..")], [link("d", "."), link("e", ".")]),
    ([link("d", "e")], [link("l", "d/.."), link("e", ".")]),
    # A file of one layer below a link of another one, or in its place.
    ([link("d", "e"), Member("e/", b"", mode=0o40755)], [Member("d/x")]),
    ([Member("d/x")], [link("d", "e"), Member("e/", b"", mode=0o40755)]),
    ([link("d", "e")], [Member("d/", b"", mode=0o40755)]),
    ([link("d", "e")], [Member("d/x/", b"", mode=0o40755)]),
    ([link("a", "b")], [link("b", "a")]),
]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("layers", HOSTILE)
def test_layers_that_lead_out_together_are_refused(
    tmp_path: Path, layers: tuple[list[Member], list[Member]], reverse: bool
) -> None:
    given = opened(tmp_path, *(reversed(layers) if reverse else layers))
    assert all(layer.root for layer in given), "each of them can be extracted"
    before = tree(tmp_path)
    with pytest.raises(LayerError) as caught:
        _merge_into(tmp_path / "opt", given)
    assert str(caught.value).isprintable()
    assert tree(tmp_path) == before


def test_links_that_stay_inside_are_merged(tmp_path: Path) -> None:
    given = opened(tmp_path, [link("l", "d/../x"), Member("x")], [link("d", "s/t"), Member("s/t/x"), Member("s/x")])
    _merge_into(tmp_path / "opt", given)
    assert (tmp_path / "opt/l").resolve() == (tmp_path / "opt/s/x").resolve()


def _merge_into(target: Path, layers: list[Layer]) -> None:
    placed = merge(layers)
    refuse_links_out(placed)
    write(placed, layers, target)
