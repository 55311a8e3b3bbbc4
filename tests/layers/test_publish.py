"""Publishing to moto's server: a new version only for new content."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.running import Ended, bootjack
from tests.layers.corpus import Member, packed

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "false", "AWS_SECRET_ACCESS_KEY": "false", "AWS_DEFAULT_REGION": "us-east-1"}
SECONDS = 30


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of moto's server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ}
    ) as process:
        try:
            deadline = time.monotonic() + SECONDS
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=SECONDS).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline, "moto's server does not start"
                    assert process.poll() is None, "moto's server has ended"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def publish(server: str, archive: Path, *more: str) -> Ended:
    return bootjack("layer", "publish", archive, "--name", "rt", "--endpoint-url", server, *more, env=CREDENTIALS)


def test_unchanged_content_is_not_published_again(server: str, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(packed(Member("bootstrap", b"1")))
    described = ("--description", "ours", "--runtime", "provided.al2023", "--arch", "arm64", "--license", "MIT")
    first = publish(server, archive, *described)
    assert (first.code, first.err) == (0, "")
    assert first.out.endswith(b":layer:rt:1\n")
    again = publish(server, archive)
    assert (again.code, again.out) == (0, first.out)
    assert "unchanged" in again.err
    assert publish(server, archive, "--force").out.endswith(b":layer:rt:2\n")
    archive.write_bytes(packed(Member("bootstrap", b"2")))
    assert publish(server, archive).out.endswith(b":layer:rt:3\n")


def test_unreachable_server_is_reported(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(packed(Member("bootstrap", b"1")))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ended = publish(f"http://127.0.0.1:{port}", archive)
    assert ended.code == 2
    assert "rt was not published: Could not connect" in ended.message


def test_files_that_cannot_be_published_are_refused(tmp_path: Path) -> None:
    for content, words in ((b"hello", "is not a .zip file"), (b"PK" + bytes(52_428_800), "of a direct upload")):
        (tmp_path / "a.zip").write_bytes(content)
        ended = publish("http://127.0.0.1:1", tmp_path / "a.zip")
        assert ended.code == 2
        assert words in ended.message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.zip", "--name", "x"), "nowhere.zip: no such file"),
        ((".", "--name", "x"), "is a directory: build a .zip"),
        ((__file__, "--name", "a b"), "is not a layer's name"),
        ((__file__, "--name", "x", "--runtime", "python2"), "unknown runtime 'python2'"),
        ((__file__, "--name", "x", "--description", "x" * 257), "257 characters, over 256"),
        ((__file__, "--name", "x", "--endpoint-url", "nonsense"), "nonsense"),
    ],
)
def test_usage_errors_are_named(arguments: tuple[str, ...], words: str) -> None:
    ended = bootjack("layer", "publish", *arguments, env=CREDENTIALS)
    assert (ended.code, ended.out) == (2, b"")
    assert words in ended.message
    assert "Traceback" not in ended.err
