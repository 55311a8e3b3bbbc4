"""Hostile archives, as code and as a layer, in both sandboxes: one line, exit code 2, and no files left."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import source, write_bootstrap
from tests.e2e.running import bootjack
from tests.layers.corpus import DEFLATED, HOSTILE, Member, packed

if TYPE_CHECKING:
    from tests.e2e.running import Ended

pytestmark = pytest.mark.slow

BAD = (
    "absolute name",
    "parent name",
    "link to the parent",
    "link out by a longer way",
    "absolute link",
    "link out by an earlier link",
    "link out by a later link",
    "links in a loop",
    "character device",
    "block device",
    "fifo",
    "file over directory",
    "link over file",
    "file through a link",
    "stream longer than declared",
    "over the size declared",
    "overlap",
    "one local entry listed twice",
    "encrypted",
    "broken deflate",
    "cut stream",
    "cut file",
    "head cut off",
    "wrong CRC",
    "link with a wrong CRC",
    "not a zip",
    "empty file",
)
RUN = 0o100755
BOMB_BYTES = 300_000_000

SANDBOXES = ("bubblewrap", "process")
WAYS = [(role, sandbox) for role in ("code", "layer") for sandbox in SANDBOXES]


def zeros(size: int) -> Member:
    """A file of zeros, compressed a thousandfold, which declares its true size."""
    squeezer, crc, stored = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS), 0, b""
    for _ in range(size // 1_000_000):
        block = bytes(1_000_000)
        stored, crc = stored + squeezer.compress(block), zlib.crc32(block, crc)
    return Member("zeros", b"", DEFLATED, size=size, crc=crc, stored=stored + squeezer.flush())


def invoked(tmp_path: Path, *arguments: str | Path) -> Ended:
    """Run `bootjack invoke`, and check that its temporary directory is empty then."""
    temporary = tmp_path / "tmp"
    temporary.mkdir(exist_ok=True)
    ended = bootjack("invoke", *arguments, env={"TMPDIR": str(temporary)})
    assert list(temporary.iterdir()) == []
    return ended


def check_refused(tmp_path: Path, content: bytes, role: str, sandbox: str) -> str:
    """Give the archive as code or as a layer; return the message."""
    bad, code = tmp_path / "bad.zip", write_bootstrap(tmp_path / "code")
    bad.write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    arguments = (bad,) if role == "code" else (code, "--layer", code, "--layer", bad)
    ended = invoked(tmp_path, "--sandbox", sandbox, *arguments)
    assert (ended.code, ended.out) == (2, b""), ended.err
    assert str(bad) in ended.message
    assert "\n" not in ended.message
    assert "Traceback" not in ended.err
    assert sorted(path for path in tmp_path.rglob("*") if path != tmp_path / "tmp") == before
    assert not Path("/etc/absolute").exists()
    return ended.message


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_archive_is_refused(tmp_path: Path, kind: str) -> None:
    content, reason = HOSTILE[kind]
    if kind == "over the size declared":  # the limit is for all archives of a function together
        reason = "262,144,005 bytes unzipped, over Lambda's limit of 262,144,000"
    assert reason in check_refused(tmp_path, content, *WAYS[BAD.index(kind) % len(WAYS)])


@pytest.mark.parametrize(("role", "sandbox"), [WAYS[0], WAYS[-1]])
def test_a_zip_bomb_with_honest_sizes_is_refused(tmp_path: Path, role: str, sandbox: str) -> None:
    content = packed(zeros(BOMB_BYTES))
    assert len(content) < BOMB_BYTES // 900
    message = check_refused(tmp_path, content, role, sandbox)
    assert "come to 300,000,000 bytes unzipped, over" in message


def test_code_and_layers_over_the_limit_together_are_refused_with_their_sum(tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_bytes(packed(zeros(100_000_000)))
    (tmp_path / "one.zip").write_bytes(packed(zeros(160_000_000)))
    (tmp_path / "two.zip").write_bytes(packed(zeros(3_000_000)))
    folder = tmp_path / "folder"  # directories do not count towards the limit
    folder.mkdir()
    with (folder / "large").open("wb") as file:
        file.truncate(400_000_000)
    layers = ("--layer", tmp_path / "one.zip", "--layer", folder)
    ended = invoked(tmp_path, tmp_path / "code.zip", "--sandbox", "process", *layers)
    assert ended.code == 1  # it has no bootstrap
    ended = invoked(tmp_path, tmp_path / "code.zip", *layers, "--layer", tmp_path / "two.zip")
    assert ended.code == 2
    assert ended.message == (
        f"{tmp_path}/code.zip: code and layers come to 263,000,000 bytes unzipped (one.zip 160,000,000 + "
        "two.zip 3,000,000 + code.zip 100,000,000), over Lambda's limit of 262,144,000; leave something out"
    )


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_an_odd_but_valid_archive_is_accepted(tmp_path: Path, sandbox: str) -> None:
    """The last of two files with one name wins; names may differ only in case; nested archives stay packed."""
    read = "[open(name, 'rb').read().decode('latin-1') for name in json.loads(event)]"
    answer = f"response(request_id, json.dumps({read}).encode())"
    program = source().replace("response(request_id, event)", answer)
    inner = packed(Member("inner", bytes(1_000_000), DEFLATED))
    members = [Member("twice", b"1"), Member("Case", b"C"), Member("case", b"c"), Member("twice", b"2")]
    (tmp_path / "odd.zip").write_bytes(
        packed(*members, Member("nested.zip", inner), Member("bootstrap", program.encode(), mode=RUN))
    )
    event = json.dumps(["twice", "Case", "case", "nested.zip"])
    ended = invoked(tmp_path, tmp_path / "odd.zip", "--sandbox", sandbox, "-e", event)
    assert json.loads(ended.out) == ["2", "C", "c", inner.decode("latin-1")], ended.err
