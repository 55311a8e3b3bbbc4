"""The command line of `bootjack layer`: messages and exit codes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tests.commands.functions import write_bootstrap
from tests.commands.test_permissions import PLAIN
from tests.e2e.running import Ended, bootjack, by_shell
from tests.layers.corpus import Member, packed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The working directory of the commands, with valid and invalid layers as directories and archives."""
    write_bootstrap(tmp_path / "good", "#!/bin/sh\n")
    (tmp_path / "good.zip").write_bytes(packed(Member("bootstrap", b"#!/bin/sh\n", mode=0o100755)))
    (tmp_path / "warned.zip").write_bytes(
        packed(Member("bootstrap", b"#!/bin/sh\n", mode=0o100755), Member("bin/tool"))
    )
    (tmp_path / "hello.zip").write_text("hello")
    (tmp_path / "folder.zip").mkdir()
    os.mkfifo(tmp_path / "pipe.zip")
    write_bootstrap(tmp_path / "piped", "#!/bin/sh\n")
    os.mkfifo(tmp_path / "piped" / "pipe")
    write_bootstrap(tmp_path / "pointing outside", "#!/bin/sh\n")
    (tmp_path / "pointing outside" / "link").symlink_to("../../etc/passwd")
    (tmp_path / "requirements.txt").write_text("/// is no requirement\n")
    return tmp_path


MISTAKES = [
    ("build good", "Missing option '-o'"),
    ("build -o x.zip", "nothing to build: name a DIR"),
    ("build good -o x.tar", "name a file that ends in .zip"),
    ("build good -o folder.zip", "-o folder.zip is not a file"),
    ("build good -o nowhere/x.zip", "there is no directory nowhere"),
    ("build good -o hello.zip/x.zip", "there is no directory hello.zip"),
    ("build nowhere -o x.zip", "nowhere: no such directory"),
    ("build good.zip -o x.zip", "good.zip: no such directory"),
    ("build '' -o x.zip", "is empty: name a file or a directory"),
    ("build piped -o x.zip", "piped/pipe is a device, pipe or socket: leave it out"),
    ("build 'pointing outside' -o x.zip", "link is a link to ../../etc/passwd"),
    ("build good --bootstrap -o x.zip", "the files already contain a bootstrap"),
    ("build good --runtime python2 -o x.zip", "unknown runtime 'python2': choose one of provided.al2023"),
    ("build good --arch mips -o x.zip", "'mips' is not one of 'x86_64', 'arm64'"),
    ("build good --python-version 4 -o x.zip", "'4' is not a Python version such as 3.12"),
    ("build --with-python --python nowhere -o x.zip", "nowhere is not a working Python: no such file"),
    (
        "build --with-python --python good/bootstrap -o x.zip",
        "good/bootstrap is not a working Python: it does not answer",
    ),
    ("build --bootstrap -r nowhere.txt -o x.zip", "--requirements nowhere.txt: no such file"),
    ("build -r good -o x.zip", "--requirements good: not a file"),
    ("build -r requirements.txt -o x.zip", "pip: Invalid requirement: '/// is no requirement'"),
    ("build --package ../x -o x.zip", "--package '../x' is not the name of a library"),
    ("build --bootstrap --bundle-libc -o x.zip", "--bundle-libc needs --with-python"),
    ("check", "Missing argument 'ZIP|DIR...'"),
    ("check ''", "is empty: name a file or a directory"),
    ("check nowhere.zip", "nowhere.zip: no such file or directory"),
    ("check good.zip nowhere.zip --json", "nowhere.zip: no such file or directory"),
    ("check pipe.zip", "pipe.zip is a device, pipe or socket"),
    ("check good.zip/x", "good.zip/x: not a directory"),
    ("check good --runtime python2", "unknown runtime 'python2'"),
    ("check good --arch mips", "'mips' is not one of"),
    ("merge good", "nothing to do: name -o DIR, --explain, or both"),
    ("merge nowhere --explain", "nowhere: no such file or directory"),
    ("merge hello.zip -o x", "hello.zip: is not a readable .zip file"),
    ("merge pipe.zip -o x", "pipe.zip is a device, pipe or socket"),
    ("merge piped -o x", "piped/pipe is a device, pipe or socket: leave it out"),
    ("merge 'pointing outside' -o x", "link is a link to ../../etc/passwd"),
    ("merge good.zip -o good", "good is not empty"),
    ("merge good -o hello.zip", "hello.zip is not a directory"),
    ("merge good -o nowhere/x", "there is no directory nowhere"),
    ("publish good.zip", "Missing option '--name'"),
    ("publish pipe.zip --name x", "pipe.zip is not a file"),
    ("publish good.zip --name x --region nowhere", "'nowhere' is not a region"),
    ("publish good.zip --name x --arch mips", "'mips' is not one of"),
]


@pytest.mark.parametrize(("line", "words"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_usage_error_is_one_line_and_leaves_nothing(folder: Path, line: str, words: str) -> None:
    before = sorted(folder.rglob("*"))
    _check_said(by_shell(f'"$@" layer {line}', cwd=folder), words)
    assert sorted(folder.rglob("*")) == before


def test_invalid_source_date_epoch_is_an_error(folder: Path) -> None:
    ended = bootjack("layer", "build", "good", "-o", "x.zip", cwd=folder, env={"SOURCE_DATE_EPOCH": "today"})
    _check_said(ended, "SOURCE_DATE_EPOCH is 'today'")


def test_build_replaces_the_archive_of_an_earlier_build(folder: Path) -> None:
    first = bootjack("layer", "build", "good", "-o", "hello.zip", cwd=folder)
    assert first.code == 0, first.err
    assert b"hello.zip      1" in first.out
    again = bootjack("layer", "build", "good", "-o", "hello.zip", cwd=folder)
    assert (again.code, again.out) == (0, first.out)


def test_unwritable_output_is_reported_before_the_build(folder: Path) -> None:
    (folder / "folder.zip").chmod(0o555)
    ended = by_shell(PLAIN, "layer", "build", "good", "-o", "folder.zip/x.zip", cwd=folder)
    _check_said(ended, "-o folder.zip/x.zip: permission denied")
    assert "copying" not in ended.err
    _check_said(by_shell(PLAIN, "layer", "merge", "good", "-o", "folder.zip/x", cwd=folder), "permission denied")


@pytest.mark.parametrize("verb", [("check",), ("merge", "--explain"), ("merge", "-o", "x"), ("build", "-o", "x.zip")])
@pytest.mark.parametrize(("closed", "mode"), [("inner", 0o000), ("inner/file", 0o000)])
def test_unreadable_content_is_an_error(folder: Path, verb: tuple[str, ...], closed: str, mode: int) -> None:
    (folder / "good" / "inner").mkdir()
    (folder / "good" / "inner" / "file").write_text("hello")
    (folder / "good" / closed).chmod(mode)
    ended = by_shell(PLAIN, "layer", *verb, "good", cwd=folder)
    (folder / "good" / closed).chmod(0o755)
    _check_said(ended, f"good/{closed}: permission denied")
    assert not (folder / "x").exists()
    assert not (folder / "x.zip").exists()


def test_check_exits_by_its_findings(folder: Path) -> None:
    clean = bootjack("layer", "check", "good", "good.zip", "--strict", cwd=folder)
    assert (clean.code, clean.out, clean.err) == (
        0,
        b"0 errors, 0 warnings, 0 notes for provided.al2023 on x86_64\n",
        "",
    )
    bad = bootjack("layer", "check", "hello.zip", cwd=folder)
    assert (bad.code, bad.err) == (1, "")
    assert bad.out.startswith(b"error L101  hello.zip is not a readable .zip file")


def test_directory_that_no_archive_can_hold_is_an_error(folder: Path) -> None:
    (folder / "good" / os.fsdecode(b"b\xff")).write_text("")
    for layer, words in (
        ("good", b"is not UTF-8"),
        ("piped", b"pipe or socket"),
        ("pointing outside", b"make it relative"),
    ):
        ended = bootjack("layer", "check", layer, cwd=folder)
        assert (ended.code, ended.err) == (1, "")
        assert ended.out.startswith(b"error L101  " + layer.encode())
        assert words in ended.out


def test_warnings_count_with_strict(folder: Path) -> None:
    lenient = bootjack("layer", "check", "warned.zip", cwd=folder)
    strict = bootjack("layer", "check", "--strict", "warned.zip", cwd=folder)
    assert (lenient.code, strict.code) == (0, 1)
    assert lenient.out == strict.out
    assert b"\nwarning L" in b"\n" + lenient.out


@pytest.mark.parametrize("layers", [("good",), ("good.zip", "warned.zip"), ("hello.zip",), ("piped",)])
def test_json_report_matches_the_schema(folder: Path, layers: tuple[str, ...]) -> None:
    schema = bootjack("layer", "check", "--schema")
    assert schema.code == 0
    ended = bootjack("layer", "check", "--json", *layers, cwd=folder)
    report = json.loads(ended.out)
    jsonschema.validate(report, json.loads(schema.out))
    assert [layer["path"] for layer in report["layers"]] == list(layers)
    assert ended.code == any(finding["severity"] == "error" for finding in report["findings"])


def test_merge_explains_the_origin_of_each_file(folder: Path) -> None:
    ended = bootjack("layer", "merge", "good", "warned.zip", "--explain", "-o", "opt", cwd=folder)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == b"/opt/bin/tool  warned.zip\n/opt/bootstrap  warned.zip  (hides the one from good)\n"
    assert sorted(path.name for path in (folder / "opt").iterdir()) == ["bin", "bootstrap"]
    assert (folder / "opt" / "bootstrap").stat().st_mode & 0o777 == 0o755


def test_control_characters_in_names_are_escaped(folder: Path) -> None:
    (folder / "good" / "a\n\x1b[31m").write_text("")
    ended = bootjack("layer", "merge", "good", "--explain", cwd=folder)
    assert ended.out == b"/opt/a\\n\\x1b[31m  good\n/opt/bootstrap  good\n"


def _check_said(ended: Ended, words: str) -> None:
    assert (ended.code, ended.out) == (2, b"")
    assert words in ended.message
    assert "\n" not in ended.message
    assert "Traceback" not in ended.err
