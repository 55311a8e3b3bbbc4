"""Archives of functions: unpacked once for each content, limited together, released together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bootjack_layers import archive as extractor
from runtime_api.store.archives import DirectoryArchives
from runtime_api.store.package import Package, PackageError
from runtime_api.store.trees import Trees
from tests.layers.corpus import DEFLATED, Member, packed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def trees() -> Iterator[Trees]:
    with Trees() as made:
        yield made


def write(path: Path, *members: Member) -> Path:
    path.write_bytes(packed(*members))
    return path


def unpack(archives: DirectoryArchives, *given: Path) -> list[Path]:
    """Unpack archives for one function."""
    with Package(archives) as package:
        return [package.unpack(archive) for archive in given]


def test_files_with_the_same_bytes_are_unpacked_once(tmp_path: Path, trees: Trees) -> None:
    archives = DirectoryArchives(trees)
    one, two = write(tmp_path / "one.zip", Member("a")), write(tmp_path / "two.zip", Member("a"))
    with Package(archives) as first, Package(archives) as second:
        assert first.unpack(one) == second.unpack(two) == second.unpack(one)
        write(two, Member("a", b"HELLO"))
        assert (second.unpack(two) / "a").read_bytes() == b"HELLO"
        assert (first.unpack(one) / "a").read_bytes() == b"hello"


def test_a_change_within_a_tick_of_the_file_system_s_clock_is_noticed(tmp_path: Path, trees: Trees) -> None:
    archives = DirectoryArchives(trees)
    archive = write(tmp_path / "a.zip", Member("a"))
    times = archive.stat().st_atime_ns, archive.stat().st_mtime_ns
    with Package(archives) as package:
        package.unpack(archive)
        with archive.open("r+b") as file:
            file.write(packed(Member("a", b"HELLO")))
        os.utime(archive, ns=times)
        assert (package.unpack(archive) / "a").read_bytes() == b"HELLO"


def test_a_function_that_cannot_be_made_releases_its_archives(tmp_path: Path, trees: Trees) -> None:
    archives = DirectoryArchives(trees)
    good = write(tmp_path / "good.zip", Member("a"))
    (tmp_path / "bad.zip").write_bytes(b"no")
    with pytest.raises(PackageError, match=r"bad\.zip"):
        unpack(archives, good, tmp_path / "bad.zip")
    (kept,) = unpack(archives, good)
    assert len(list(kept.parent.parent.iterdir())) == 1
    assert kept.parent.name.startswith("2-")  # number 0 was removed, 1 was the bad one


def test_an_archive_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, extract = write(tmp_path / "a.zip", Member("a")), extractor.extract

    def extract_and_write(*given: object) -> extractor.Extracted:
        made = extract(*given)  # type: ignore[arg-type]
        write(archive, Member("a", b"longer than before"))
        return made

    monkeypatch.setattr(extractor, "extract", extract_and_write)
    with pytest.raises(PackageError, match=r"a\.zip: changed while"):
        unpack(DirectoryArchives(trees), archive)


@pytest.mark.parametrize("name", ["pipe.zip", "gone.zip"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, trees: Trees, name: str) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(PackageError, match=name):
        unpack(DirectoryArchives(trees), tmp_path / name)


@pytest.mark.slow
def test_the_size_limit_is_for_code_and_layers_together(tmp_path: Path, trees: Trees) -> None:
    big = Member("big", bytes(150_000_000), DEFLATED)
    code, same = write(tmp_path / "code.zip", big), write(tmp_path / "same.zip", big)
    other = write(tmp_path / "other.zip", big, Member("more"))
    archives = DirectoryArchives(trees)
    for second, size in ((same, 150_000_000), (other, 150_000_005)):  # one unpacked already, one not
        with pytest.raises(PackageError) as caught:
            unpack(archives, code, second)
        assert str(caught.value) == (
            f"{second}: code and layers come to {150_000_000 + size:,} bytes unzipped (code.zip 150,000,000 + "
            f"{second.name} {size:,}), over Lambda's limit of 262,144,000; leave something out"
        )
    for archive in (code, other):  # the limit is per function
        unpack(archives, archive)
