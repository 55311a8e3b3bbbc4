"""Every hostile archive, in every way that bootjack reads one: nothing outside, no hang, one line, nothing left."""

from __future__ import annotations

import os
import signal
import stat
import tempfile
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bootjack_layers.archive import ArchiveError, extract
from runtime_api.commands import layer_check, layer_merge
from runtime_api.store.archives import DirectoryArchives
from runtime_api.store.package import Package, PackageError
from runtime_api.store.trees import Trees
from tests.layers import hostile_names, hostile_structure
from tests.layers.hostile import Case, Fate
from tests.layers.raw_zip import Entry
from tests.layers.raw_zip import archive as archive_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click

CASES = [*hostile_names.cases(), *hostile_structure.cases()]
SECONDS = 60  # in which each of them is read, however slow the machine
MEMORY_BYTES = 16_000_000
MANY_BYTES = 100_000_000  # for 100,000 entries, which is as many as an archive may have
LINE_CHARACTERS = 1000
ABSOLUTE = ("/", "/tmp", "/dev/shm", "/proc/self/cwd")  # where some of them want to write

every_case = pytest.mark.parametrize("case", CASES, ids=[str(number) for number in range(len(CASES))])


@pytest.fixture
def jail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to work in, deep enough to see what climbs out; also the current and the temporary one."""
    jail = tmp_path / "a" / "b" / "jail"
    (jail / "tmp").mkdir(parents=True)
    monkeypatch.chdir(jail)
    monkeypatch.setattr(tempfile, "tempdir", str(jail / "tmp"))
    return jail


@contextmanager
def watched(jail: Path, case: Case) -> Iterator[Path]:
    """Write the archive, and check when it has been read that only `jail/out` has come to be."""
    archive = jail / "a.zip"
    archive.write_bytes(case.content())
    before = files(jail)
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(SECONDS)
    try:
        yield archive
    finally:
        signal.alarm(0)
    assert {path for path in files(jail) if path.split("/")[0] != "out"} == before, case
    for folder in ABSOLUTE:
        assert not os.path.lexists(f"{folder}/{hostile_names.MARK}"), case
    if (jail / "out").exists():
        check_inside(jail / "out", case)


def _hangs(*_signal: object) -> None:
    raise AssertionError(f"not read within {SECONDS} s")


def files(jail: Path) -> set[str]:
    """Everything below the third folder above, by its path from the jail."""
    return {os.path.relpath(path, jail) for path in jail.parents[2].rglob("*")} - {"out"}


def check_inside(target: Path, case: Case) -> None:
    """Only plain files, directories and links, none of which leads out; no privileges; no second name of a file."""
    root = os.path.realpath(target)
    for path in target.rglob("*"):
        found = path.lstat()
        assert stat.S_IFMT(found.st_mode) in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK), case
        assert f"{os.path.realpath(path)}/".startswith(f"{root}/"), case
        if not stat.S_ISLNK(found.st_mode):
            assert not stat.S_IMODE(found.st_mode) & 0o7000, case
        if stat.S_ISREG(found.st_mode):
            assert found.st_nlink == 1, case


def check_fate(case: Case, refusal: str | None) -> None:
    if case.fate is not Fate.EITHER:
        assert (Fate.EXTRACTED if refusal is None else Fate.REFUSED) is case.fate, (case, refusal)
    if refusal is not None:
        assert refusal.isprintable(), case
        assert len(refusal) < LINE_CHARACTERS, case


def test_there_are_more_than_a_thousand() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 1000


@every_case
def test_the_extractor_writes_nothing_outside_the_target(jail: Path, case: Case) -> None:
    refusal = None
    with watched(jail, case) as archive:
        tracemalloc.start()
        try:
            extract(archive, jail / "out")
        except ArchiveError as error:
            refusal = str(error)
            assert not (jail / "out").exists()
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
    check_fate(case, refusal)
    assert peak < MEMORY_BYTES, case


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "name", "mode", "words"),
    [
        (100_001, "f{}", stat.S_IFREG | 0o644, "more than 100000 entries"),
        (50_001, "{}/f", stat.S_IFREG | 0o644, "one more than an archive may hold"),
        (10_001, "l{}", stat.S_IFLNK | 0o777, "one more than an archive may hold"),
    ],
)
def test_too_many_entries_cost_bounded_memory(jail: Path, count: int, name: str, mode: int, words: str) -> None:
    with watched(jail, Case(name, Fate.REFUSED, lambda: many(count, name, mode))) as archive:
        tracemalloc.start()
        try:
            with pytest.raises(ArchiveError, match=words):
                extract(archive, jail / "out")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < MANY_BYTES


def many(count: int, name: str, mode: int) -> bytes:
    return archive_of(*(Entry(name.format(number), b"x", mode) for number in range(count)))


@pytest.mark.slow
@every_case
def test_code_and_layers_of_a_function_leave_nothing_behind(jail: Path, case: Case) -> None:
    refusal = None
    with watched(jail, case) as archive, Trees() as trees:
        try:
            with Package(DirectoryArchives(trees)) as package:
                check_inside(package.unpack(archive), case)
        except PackageError as error:
            refusal = str(error)
            assert list((jail / "tmp").glob("*/*")) == []
    check_fate(case, refusal)


@pytest.mark.slow
@every_case
def test_layer_check_and_merge_end_with_one_line(jail: Path, case: Case) -> None:
    with watched(jail, case) as archive:
        merged = run(layer_merge.command, str(archive), "-o", "out")
        assert merged.exit_code == (0 if (jail / "out").exists() else 2), (case, merged.output)
        checked = run(layer_check.command, str(archive))
        assert checked.exit_code in (0, 1, 2), (case, checked.output)
    for result in (merged, checked):
        assert isinstance(result.exception, SystemExit | None), (case, result.exception)
        *_, last = result.output.splitlines() or [""]
        assert all(line.isprintable() for line in result.output.splitlines()), (case, result.output)
        assert len(last) < LINE_CHARACTERS + len(str(archive)), case


def run(command: click.Command, *arguments: str) -> click.testing.Result:
    return CliRunner().invoke(command, arguments)
