"""`serve --watch`: changed functions are reloaded, running invocations finish on the old code."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import source, write_bootstrap, zipped
from tests.e2e.gates import Gate, Held
from tests.e2e.running import RAW, Serve

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

CHANGED = r"bootjack: {} has changed; new invocations run the new code\n"


def marked(mark: str) -> str:
    """The source of a bootstrap that logs a mark when it starts."""
    return source().replace("\nHOST", f"\nos.write(2, b'this is {mark}\\n')\nHOST", 1)


def put(path: Path, text: str) -> None:
    """Replace a file atomically, as a build does."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o755)
    new.replace(path)


def test_a_changed_bootstrap_is_used_from_the_next_invocation_on(tmp_path: Path) -> None:
    code = write_bootstrap(tmp_path / "code", marked("old"))
    with Serve("--watch", code, "-t", "20") as server:
        held = Held(server, Gate())
        put(code / "bootstrap", marked("new"))
        server.wait_for(CHANGED.format("code"))
        assert server.invoke(b"1").body == b"1"
        server.wait_for("this is new")
        assert held.release().body == b"waited"
        places = [server.invoke(b'{"do": "place"}').body for _ in range(2)]
        assert places[0] == places[1]
        assert server.log().count("this is old") == server.log().count("this is new") == 1


def test_a_changed_archive_is_unpacked_again_and_a_broken_one_is_ignored(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "code.zip", text=marked("old"))
    with Serve("--watch", archive) as server:
        assert server.invoke(b"1").body == b"1"
        zipped(tmp_path / "new", text=marked("new")).replace(archive)
        server.wait_for(CHANGED.format("code"))
        assert server.invoke(b"2").body == b"2"
        server.wait_for("this is new")
        (tmp_path / "broken").write_bytes(archive.read_bytes()[:100])
        (tmp_path / "broken").replace(archive)
        server.wait_for(r"bootjack: code keeps its old code: .*not a readable \.zip file")
        assert server.invoke(b"3").body == b"3"


def test_only_functions_with_changed_code_or_layers_are_reloaded(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    (layer / "bin").mkdir(parents=True)
    one, two = write_bootstrap(tmp_path / "one"), write_bootstrap(tmp_path / "two")
    with Serve("--watch", one, two, "--layer", layer) as server:
        place = server.invoke(b'{"do": "place"}', "two").body
        put(one / "bootstrap", marked("new"))
        server.wait_for(CHANGED.format("one"))
        assert server.invoke(b'{"do": "place"}', "two").body == place
        (layer / "bin" / "tool").write_text("#!/bin/sh\n")
        server.wait_for(CHANGED.format("two"))
        assert server.invoke(b'{"do": "place"}', "two").body != place


def test_a_command_is_reloaded_when_its_directory_changes(tmp_path: Path) -> None:
    with Serve("--watch", "--name", "mine", "--", *RAW, cwd=tmp_path) as server:
        place = server.invoke(b'{"do": "place"}').body
        (tmp_path / "handler.py").write_text(f"# {os.getpid()}\n")
        server.wait_for(CHANGED.format("mine"))
        assert server.invoke(b'{"do": "place"}').body != place
