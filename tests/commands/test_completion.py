"""`bootjack completion`: the script that a shell loads, where it looks for it, and what it then offers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runtime_api.commands.completion import place_of
from tests.e2e.running import BOOTJACK, bare_environment, bootjack

if TYPE_CHECKING:
    from pathlib import Path

ASK = """
. "$1"
COMP_WORDS=({words} '') COMP_CWORD={position}
_bootjack_completion bootjack
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize("words", [["bootjack"], ["bootjack", "layer"]])
def test_bash_completes_verbs(tmp_path: Path, words: list[str]) -> None:
    ended = bootjack("completion", "bash", env={"HOME": str(tmp_path), "XDG_DATA_HOME": ""})
    assert ended.code == 0, ended.err
    script = tmp_path / ".local/share/bash-completion/completions/bootjack"
    assert str(script) in ended.err
    ask = ASK.format(words=" ".join(words), position=len(words))
    path = f"{BOOTJACK.rpartition('/')[0]}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-c", ask, "bash", script],
        env=bare_environment({"PATH": path}),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    offered = set(done.stdout.split())
    assert offered >= ({"build", "check", "merge", "publish"} if len(words) == 2 else {"invoke", "serve", "conform"})


@pytest.mark.parametrize(
    "words", ["invoke", "invoke . -e", "serve", "serve . --data", "rie", "conform", "layer build", "layer check"]
)
def test_names_of_files_are_left_to_the_shell(words: str) -> None:
    asked = {"_BOOTJACK_COMPLETE": "bash_complete", "COMP_WORDS": f"bootjack {words} my"}
    ended = bootjack(env={**asked, "COMP_CWORD": str(len(words.split()) + 1)})
    assert ended.out in (b"file,my\n", b"dir,my\n"), ended


def test_each_shell_has_its_place(tmp_path: Path) -> None:
    home = {"HOME": "/home/ann"}
    assert str(place_of("zsh", home)) == "/home/ann/.zfunc/_bootjack"
    assert str(place_of("fish", home)) == "/home/ann/.config/fish/completions/bootjack.fish"
    assert str(place_of("fish", {**home, "XDG_CONFIG_HOME": "/etc/ann"})).startswith("/etc/ann/fish/")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_is_printed_and_not_installed(tmp_path: Path, shell: str) -> None:
    ended = bootjack("completion", "--print", env={"SHELL": f"/bin/{shell}", "HOME": str(tmp_path)})
    assert ended.code == 0
    assert b"_BOOTJACK_COMPLETE=" + shell.encode() + b"_complete" in ended.out
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_shell_is_named() -> None:
    ended = bootjack("completion", env={"SHELL": "/bin/tcsh"})
    assert (ended.code, ended.message) == (2, "$SHELL names tcsh: give bash, fish or zsh")
