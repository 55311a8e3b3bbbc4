"""Every guide, followed to the letter on a machine of its own: no network, and the ports that the guide names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import bare_environment
from tests.guides.page import Command, missing, script, steps
from tests.peers import HOME as PEERS

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
TOOLS = {"rust": "cargo", "go": "go", "cpp": "g++", "php": "php", "zig": "zig", "deno": "deno"}  # by page
INSTALLED = ("cargo", "g++")  # by `make tools`
TOOLS_HOMES = {"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup", "GOCACHE": ".cache/go-build"}  # in the user's
PAGES = sorted(page.stem for page in GUIDES.glob("*.md") if "\n$ " in page.read_text())
# Namespaces of its own: a reader's ports are free, and what the page leaves running ends with it.
MACHINE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-ec")
ALONE = 'ip link set lo up; exec bash "$1"'
SECONDS = 150


@pytest.mark.slow
@pytest.mark.bubblewrap
@pytest.mark.parametrize("page", PAGES)
def test_a_reader_who_follows_the_page_sees_what_it_shows(page: str, tmp_path: Path) -> None:
    environment = _environment()
    tool = TOOLS.get(page, "sh")
    if shutil.which(tool, path=environment["PATH"]) is None and not (os.environ.get("CI") and tool in INSTALLED):
        pytest.skip(f"{tool} is not installed")
    done = steps((GUIDES / f"{page}.md").read_text())
    results = tmp_path / "results"
    results.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "page.sh").write_text(script(done))
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = [MACHINE[0], *as_root, *MACHINE[1:], ALONE, "sh", str(tmp_path / "page.sh")]
    ran = subprocess.run(
        command,
        cwd=home,
        env={**environment, "RESULTS": str(results), "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    for number, step in enumerate(done):
        if isinstance(step, Command):
            output = results / f"{number}.out"
            assert output.exists(), f"the page ended before: {step.line}\n{ran.stderr}"
            text = output.read_text(errors="replace")
            lost = missing(step.printed, text)
            assert lost is None, f"$ {step.line}\nshould print: {lost}\nbut prints:\n{text}"
            if not step.serves:
                code = int((results / f"{number}.code").read_text())
                assert code == step.code, f"$ {step.line}\nends with {code}:\n{text}"


def _environment() -> dict[str, str]:
    """A reader's environment: bootjack and the toolchains on PATH, and nothing set."""
    path = f"{Path(sys.executable).parent}:{PEERS}:{os.environ['PATH']}"
    homes = {name: os.environ.get(name, str(Path.home() / place)) for name, place in TOOLS_HOMES.items()}
    return bare_environment({**homes, "PATH": path})
