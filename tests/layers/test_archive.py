"""The extractor refuses hostile archives without a trace, and extracts good ones as they were packed."""

from __future__ import annotations

import io
import os
import resource
import stat
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootjack_layers.archive import ArchiveError, Ceilings, Extracted, extract
from tests.layers.corpus import BZIP2, DEFLATED, HOSTILE, LZMA, STORED, ZEROS, Member, link, lzma_stream, packed


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Everything under root: kind and mode, and the content or the destination of a link."""
    seen = {}
    for path in sorted(root.rglob("*")):
        mode = path.lstat().st_mode
        content = bytes(path.readlink()) if stat.S_ISLNK(mode) else path.read_bytes() if path.is_file() else b""
        seen[str(path.relative_to(root))] = (mode, content)
    return seen


def unpacked(tmp_path: Path, content: bytes, ceilings: Ceilings | None = None) -> Path:
    (tmp_path / "a.zip").write_bytes(content)
    extract(tmp_path / "a.zip", tmp_path / "out", ceilings or Ceilings())
    return tmp_path / "out"


def refused(tmp_path: Path, content: bytes, ceilings: Ceilings | None = None) -> str:
    """The message of the refusal; asserts that nothing was left behind or changed."""
    jail = tmp_path / "jail"
    jail.mkdir()
    (jail / "a.zip").write_bytes(content)
    (tmp_path / "precious").write_bytes(b"precious")
    before = tree(tmp_path)
    with pytest.raises(ArchiveError) as caught:
        extract(jail / "a.zip", jail / "out", ceilings or Ceilings())
    assert tree(tmp_path) == before
    assert str(caught.value).startswith(f"{jail / 'a.zip'}: ")
    return str(caught.value)


@pytest.mark.parametrize("rule", HOSTILE)
def test_hostile_archive_is_refused_and_leaves_nothing(tmp_path: Path, rule: str) -> None:
    content, words = HOSTILE[rule]
    assert words in refused(tmp_path, content)


@pytest.mark.parametrize(
    ("members", "ceilings", "words"),
    [
        ([Member("a"), Member("b/c")], Ceilings(entries=2), "'b/c' is one more"),
        ([Member("a/b/c/d")], Ceilings(entries=3), "'a/b/c/d' is one more"),
        ([link("a", "x"), link("b", "x")], Ceilings(links=1), "'b' is one more"),
        ([Member("a"), Member("b")], Ceilings(unzipped_bytes=9), "'b' brings the archive to more than 9"),
        ([Member(f"{n:0200}") for n in range(1200)], Ceilings(listing_bytes=1 << 18), "put fewer files into it"),
        ([Member(f"{n:0200}") for n in range(1200)], Ceilings(entries=1199), "has more than 1199 entries"),
    ],
)
def test_ceilings_are_enforced(tmp_path: Path, members: list[Member], ceilings: Ceilings, words: str) -> None:
    assert words in refused(tmp_path, packed(*members), ceilings)


def test_archive_at_the_ceilings_is_extracted(tmp_path: Path) -> None:
    members = [Member("d/", b""), Member("d/a"), Member("d/a"), link("l", "d"), Member("d/", b"")]
    out = unpacked(tmp_path, packed(*members), Ceilings(unzipped_bytes=5, entries=3, links=1))
    assert set(tree(out)) == {"d", "d/a", "l"}


@pytest.mark.parametrize("method", [DEFLATED, BZIP2, LZMA])
def test_bomb_is_never_expanded_in_memory(tmp_path: Path, method: int) -> None:
    content = packed(Member("liar", ZEROS, method, size=len(ZEROS) - 1))
    tracemalloc.start()
    try:
        refused(tmp_path, content)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_central_directory_that_claims_a_terabyte_is_refused(tmp_path: Path) -> None:
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    assert "is not a readable .zip file" in refused(tmp_path, end64 + locator + end)


@pytest.mark.parametrize(
    ("mode", "made"),
    [
        (stat.S_IFREG | 0o755, 0o755),
        (stat.S_IFREG | 0o7777, 0o777),
        (stat.S_IFREG | 0o000, 0o400),
        (stat.S_IFREG | 0o222, 0o622),
        (0, 0o644),
    ],
)
def test_modes_of_files(tmp_path: Path, mode: int, made: int) -> None:
    out = unpacked(tmp_path, packed(Member("bootstrap", mode=mode)))
    assert stat.S_IMODE((out / "bootstrap").stat().st_mode) == made


@pytest.mark.parametrize(
    ("mode", "made"),
    [(stat.S_IFDIR | 0o750, 0o750), (stat.S_IFDIR | 0o1055, 0o755), (0, 0o755), (stat.S_IFDIR, 0o700)],
)
def test_modes_of_directories_do_not_prevent_writing_their_files(tmp_path: Path, mode: int, made: int) -> None:
    out = unpacked(tmp_path, packed(Member("d/", b"", mode=mode), Member("d/e/f")))
    assert stat.S_IMODE((out / "d").stat().st_mode) == made
    assert stat.S_IMODE((out / "d/e").stat().st_mode) == 0o755
    assert stat.S_IMODE(out.stat().st_mode) == 0o755
    assert (out / "d/e/f").read_bytes() == b"hello"


def test_the_umask_does_not_change_modes(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        out = unpacked(tmp_path, packed(Member("d/bootstrap", mode=stat.S_IFREG | 0o755)))
    finally:
        os.umask(before)
    assert [stat.S_IMODE((out / name).stat().st_mode) for name in (".", "d", "d/bootstrap")] == [0o755] * 3


def test_links_inside_the_archive_are_created_and_work(tmp_path: Path) -> None:
    members = [
        link("lib/libx.so", "libx.so.1"),
        link("lib/libx.so.1", "./libx.so.1.2"),
        Member("lib/libx.so.1.2", b"ELF"),
        link("bin/up", "../lib/libx.so"),
        link("root", "."),
        link("way", "root/bin/.."),
        link("later", "not/here"),
    ]
    out = unpacked(tmp_path, packed(*members))
    assert (out / "bin/up").read_bytes() == b"ELF"
    assert (out / "way/lib/libx.so").read_bytes() == b"ELF"
    assert (out / "bin/up").readlink() == Path("../lib/libx.so")
    assert (out / "later").readlink() == Path("not/here")


def test_last_of_two_files_with_one_name_wins(tmp_path: Path) -> None:
    members = Member("a", b"first", mode=stat.S_IFREG | 0o755), Member("./a", b"second")
    out = unpacked(tmp_path, packed(*members))
    assert tree(out) == {"a": (stat.S_IFREG | 0o644, b"second")}


@pytest.mark.parametrize("method", [STORED, DEFLATED, BZIP2, LZMA])
def test_content_is_extracted_with_every_compression_method(tmp_path: Path, method: int) -> None:
    data = os.urandom(700_000) + bytes(900_000) + b"end"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as bundle:
        bundle.writestr("big", data)
        bundle.writestr("empty", b"")
        bundle.writestr("nested/deeper/small", b"x")
    out = unpacked(tmp_path, file.getvalue())
    assert [(out / name).read_bytes() for name in ("big", "empty", "nested/deeper/small")] == [data, b"", b"x"]


class Pipe(io.RawIOBase):
    """An unseekable stream, for which zipfile writes data descriptors after the content."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, block: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]
        self.content += bytes(block)
        return len(block)


def test_data_descriptors_and_zip64_entries_are_read(tmp_path: Path) -> None:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", DEFLATED) as bundle, bundle.open("long", "w", force_zip64=True) as entry:
        entry.write(b"long" * 1000)
    assert (unpacked(tmp_path, pipe.content) / "long").read_bytes() == b"long" * 1000


@pytest.mark.slow
def test_zip64_central_directory_is_read(tmp_path: Path) -> None:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as bundle:
        warnings.simplefilter("ignore", UserWarning)
        for _ in range(66_000):
            bundle.writestr(zipfile.ZipInfo("same"), b"")
    assert b"PK\x06\x06" in file.getvalue()
    assert set(tree(unpacked(tmp_path, file.getvalue()))) == {"same"}


@pytest.mark.parametrize(
    ("name", "flags", "made"),
    [
        ("日本/é.py", 0x0800, "日本/é.py"),
        ("日本/é.py", 0, "日本/é.py"),
        (b"caf\x82", 0, "café"),
        ("a//b/./c", 0x0800, "a/b/c"),
        ("new\nline", 0x0800, "new\nline"),
    ],
)
def test_names(tmp_path: Path, name: str | bytes, flags: int, made: str) -> None:
    assert made in tree(unpacked(tmp_path, packed(Member(name, flags=flags))))


def test_archives_with_a_prefix_a_comment_or_nothing_in_them(tmp_path: Path) -> None:
    contents = b"#!/bin/sh\n" + packed(Member("a"), comment=b"a comment"), packed(), packed(Member("./", b""))
    for number, (content, files) in enumerate(zip(contents, ({"a"}, set(), set()), strict=True)):
        (tmp_path / str(number)).mkdir()
        assert set(tree(unpacked(tmp_path / str(number), content))) == files


def test_declared_lzma_window_is_not_trusted(tmp_path: Path) -> None:
    stored = lzma_stream(b"hello", 0xFFFFFFFF)
    assert (unpacked(tmp_path, packed(Member("file", method=LZMA, stored=stored))) / "file").read_bytes() == b"hello"


def test_extracted_files_and_bytes_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed(Member("d/a"), link("l", "d"), Member("a", b"old"), Member("a", b"new!")))
    assert extract(tmp_path / "a.zip", tmp_path / "out") == Extracted(files=2, unzipped_bytes=9)


def test_empty_target_is_filled_or_left_empty_on_failure(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(0o700)
    (tmp_path / "bad.zip").write_bytes(packed(Member("d/a"), link("l", "d"), Member("b", crc=1)))
    with pytest.raises(ArchiveError, match="'b' has a wrong CRC"):
        extract(tmp_path / "bad.zip", out)
    assert not list(out.iterdir())
    assert tree(unpacked(tmp_path, packed(Member("a")))) == {"a": (stat.S_IFREG | 0o644, b"hello")}
    with pytest.raises(ArchiveError, match="out, which is not empty"):
        extract(tmp_path / "a.zip", out)
    assert tree(out) == {"a": (stat.S_IFREG | 0o644, b"hello")}


def test_reason_of_the_operating_system_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed(Member("a")))
    for archive, target, words in (
        ("none.zip", "out", "No such file or directory"),
        (".", "out", "Is a directory"),
        ("a.zip", "none/out", "No such file or directory"),
        ("a.zip", "a.zip/out", "Not a directory"),
        ("a.zip", "a.zip", "File exists"),
    ):
        with pytest.raises(ArchiveError, match=words):
            extract(tmp_path / archive, tmp_path / target)
    assert set(tree(tmp_path)) == {"a.zip"}


def test_file_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    content = packed(Member("small"), Member("d/large", bytes(3_000_000), DEFLATED))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    try:
        assert "'d/large' cannot be written" in refused(tmp_path, content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


GOOD = packed(
    Member("bootstrap", b"#!/bin/sh\n" * 9, DEFLATED, stat.S_IFREG | 0o755),
    Member("lib/", b"", mode=stat.S_IFDIR | 0o755),
    Member("lib/a", b"a" * 300, BZIP2),
    Member("lib/b", b"b" * 300, LZMA),
    link("lib/c", "../bootstrap"),
)


@settings(max_examples=400)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.one_of(st.none(), st.integers(0, len(GOOD))),
)
def test_damaged_archive_is_refused_or_stays_inside_the_target(
    changes: list[tuple[int, int]], cut: int | None
) -> None:
    content = bytearray(GOOD)
    for place, value in changes:
        content[place] = value
    with TemporaryDirectory() as name:
        root = Path(name).resolve()
        (root / "a.zip").write_bytes(content[:cut])
        try:
            extract(root / "a.zip", root / "out")
        except ArchiveError:
            assert set(tree(root)) == {"a.zip"}
        for path in root.rglob("*"):
            assert path.name == "a.zip" or path.resolve().is_relative_to(root / "out")
        assert {path.name for path in root.iterdir()} <= {"a.zip", "out"}
