"""The packer: the same files give the same bytes, and extracting returns what was packed."""

from __future__ import annotations

import os
import re
import stat
import time
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootjack_layers.archive import extract
from bootjack_layers.entries import Entry, entries_of
from bootjack_layers.errors import LayerError
from bootjack_layers.pack import EARLIEST, pack, packing, time_of
from tests.layers.test_archive import tree

if TYPE_CHECKING:
    from pathlib import Path


def filled(root: Path, mask: int = 0o022) -> Path:
    """Fill a directory with one of each kind of entry."""
    before = os.umask(mask)
    try:
        (root / "deep" / "er").mkdir(parents=True)
        (root / "empty").mkdir()
        (root / "bootstrap").write_text("#!/bin/sh\n")
        (root / "bootstrap").chmod(0o700)
        (root / "deep" / "er" / "é.py").write_text("x = 1\n" * 100)
        (root / "deep" / "noise").write_bytes(bytes(range(256)))
        (root / "nothing").write_bytes(b"")
        (root / "deep" / "link").symlink_to("../bootstrap")
    finally:
        os.umask(before)
    return root


def test_same_files_in_two_directories_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = filled(tmp_path / "one"), filled(tmp_path / "two" / "er", 0o077)
    for path in other.rglob("*"):
        os.utime(path, (1, 1_700_000_001), follow_symlinks=False)
    pack(entries_of(one), tmp_path / "one.zip")
    pack(entries_of(other), tmp_path / "other.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_extracted_content_equals_packed_content(tmp_path: Path) -> None:
    root = filled(tmp_path / "in")
    packed = pack(entries_of(root), tmp_path / "a.zip")
    extract(tmp_path / "a.zip", tmp_path / "out")
    out = tree(tmp_path / "out")
    assert {name: content for name, (_, content) in out.items()} == {
        name: content for name, (_, content) in tree(root).items()
    }
    modes = {name: stat.S_IMODE(mode) for name, (mode, _) in out.items() if not stat.S_ISLNK(mode)}
    assert modes["bootstrap"] == modes["deep"] == modes["empty"] == 0o755
    assert modes["nothing"] == modes["deep/er/é.py"] == 0o644
    end = 22
    assert sum(item.zipped for item in packed) + end == (tmp_path / "a.zip").stat().st_size


def test_zipfile_reads_it_with_sorted_names(tmp_path: Path) -> None:
    pack(entries_of(filled(tmp_path / "in")), tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as bundle:
        assert bundle.testzip() is None
        assert [info.extra for info in bundle.infolist() if info.extra] == []
        assert bundle.namelist() == sorted(bundle.namelist(), key=str.encode)
        assert {info.date_time for info in bundle.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_times_are_source_date_epoch(tmp_path: Path) -> None:
    pack(entries_of(filled(tmp_path / "in")), tmp_path / "a.zip", time_of("1700000000"))
    with zipfile.ZipFile(tmp_path / "a.zip") as bundle:
        assert bundle.infolist()[0].date_time == time.gmtime(1_700_000_000)[:6]


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, EARLIEST), ("", EARLIEST), ("0", EARLIEST), ("9" * 12, 4_354_819_198)]
)
def test_time_outside_the_range_of_a_zip_is_clamped(text: str | None, seconds: int) -> None:
    assert time_of(text) == seconds


def test_invalid_source_date_epoch_is_refused() -> None:
    with pytest.raises(LayerError, match="SOURCE_DATE_EPOCH is 'soon'"):
        time_of("soon")


@pytest.mark.parametrize("destination", ["/etc/passwd", "../x", "a/../../x"])
def test_links_that_point_outside_are_refused(tmp_path: Path, destination: str) -> None:
    (tmp_path / "l").symlink_to(destination)
    with pytest.raises(LayerError, match=f"l is a link to {destination}"):
        entries_of(tmp_path)


def test_pipes_and_backslashes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "pipe")
    with pytest.raises(LayerError, match="pipe is a device"):
        entries_of(tmp_path)
    (tmp_path / "a" / "pipe").unlink()
    (tmp_path / "a" / "b\\c").write_text("")
    with pytest.raises(LayerError, match="backslash"):
        entries_of(tmp_path)


def test_failure_leaves_no_partial_archive(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    gone = Entry("gone", stat.S_IFREG | 0o644, tmp_path / "in" / "gone")
    (tmp_path / "a.zip").write_bytes(b"the old archive")
    with pytest.raises(LayerError, match="in/gone: no such file"):
        pack([gone], tmp_path / "a.zip")
    steps = packing(entries_of(filled(tmp_path / "in" / "x")), tmp_path / "a.zip")
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert (tmp_path / "a.zip").read_bytes() == b"the old archive"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "in"]


@pytest.mark.slow
def test_more_entries_than_a_plain_zip_can_count(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    entries = [Entry(f"{number:05}", stat.S_IFREG | 0o644, tmp_path / "x") for number in range(65_536)]
    pack(entries, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as bundle:
        assert len(bundle.infolist()) == 65_536


NAMES = st.lists(
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\\\0"), min_size=1, max_size=20).filter(
        lambda part: part not in (".", "..") and len(part.encode()) < 200
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(NAMES.map("/".join), st.binary(max_size=2000), max_size=6))
def test_any_names_and_bytes_survive_a_round_trip(tmp_path: Path, files: dict[str, bytes]) -> None:
    home = tmp_path / str(len(list(tmp_path.iterdir())))
    made: dict[str, bytes] = {}
    for name, content in files.items():
        path = home / "in" / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError:
            continue  # a directory has this name
        made[name] = content
    (home / "in").mkdir(parents=True, exist_ok=True)
    if any(re.match("[A-Za-z]:", name) for name in made):
        with pytest.raises(LayerError, match="drive"):
            entries_of(home / "in")
        return
    pack(entries_of(home / "in"), home / "a.zip")
    extract(home / "a.zip", home / "out")
    assert {name: (home / "out" / name).read_bytes() for name in made} == made
