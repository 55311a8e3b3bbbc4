"""`bootjack` without privileges: it runs, and names the files that it cannot read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import write_bootstrap, zipped
from tests.e2e.running import Ended, by_shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Without its capabilities, root is subject to file modes like any user.
PLAIN = 'exec setpriv --bounding-set=-all "$@"' if os.geteuid() == 0 else 'exec "$@"'

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A directory without permissions, which holds a bootstrap, an event and a layer."""
    directory = write_bootstrap(tmp_path / "closed")
    (directory / "layer").mkdir()
    (directory / "event.json").write_text("{}")
    zipped(directory / "function.zip")
    directory.chmod(0)
    yield directory
    directory.chmod(0o755)


def test_a_function_needs_no_privilege(function: Path) -> None:
    ended = by_shell(PLAIN, "invoke", "--sandbox", "auto", function, "-e", "[1]")
    assert (ended.code, ended.out) == (0, b"[1]")


def test_an_archive_needs_no_privilege(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "function.zip")
    assert by_shell(PLAIN, "invoke", "--sandbox", "auto", archive, "-e", "[1]").out == b"[1]"


@pytest.mark.parametrize("name", ["", "bootstrap", "function.zip"])
def test_a_target_in_a_closed_directory(closed: Path, name: str) -> None:
    _check_named(by_shell(PLAIN, "invoke", closed / name), closed / name)


@pytest.mark.parametrize("name", ["", "bootstrap", "function.zip"])
def test_a_target_of_serve_in_a_closed_directory(closed: Path, name: str) -> None:
    _check_named(by_shell(PLAIN, "serve", "--port", "0", closed / name), closed / name)


@pytest.mark.parametrize("name", ["", "layer", "function.zip"])
def test_a_layer_in_a_closed_directory(function: Path, closed: Path, name: str) -> None:
    _check_named(by_shell(PLAIN, "invoke", function, "--layer", closed / name), closed / name)


@pytest.mark.parametrize("option", ["-e", "--env-file"])
@pytest.mark.parametrize("name", ["event.json", "nowhere.json"])
def test_a_file_in_a_closed_directory(function: Path, closed: Path, option: str, name: str) -> None:
    _check_named(by_shell(PLAIN, "invoke", function, option, closed / name), closed / name)


def test_a_file_that_may_not_be_read(function: Path, tmp_path: Path) -> None:
    for option in ("-e", "--env-file"):
        secret = tmp_path / "secret"
        secret.write_text("{}")
        secret.chmod(0)
        _check_named(by_shell(PLAIN, "invoke", function, option, secret), secret)


def test_a_port_below_1024(function: Path) -> None:
    flags = ("--runtime-interface-emulator-address", "127.0.0.1:81", "--runtime-api-address", "127.0.0.1:0")
    ended = by_shell(PLAIN, "rie", *flags, "./bootstrap", cwd=function)
    assert ended.code == 2
    assert "permission denied" in ended.message.lower()
    assert "another server" not in ended.message


def _check_named(ended: Ended, path: Path) -> None:
    """Check for a usage error that names the path and the missing permission."""
    assert (ended.code, ended.out) == (2, b"")
    assert str(path) in ended.message
    assert any(word in ended.message.lower() for word in ("permission", "readable"))
