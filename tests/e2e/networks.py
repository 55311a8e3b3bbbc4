"""What the tests of networks share: servers, programs on PATH, and machines with a network of their own."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime_api.sandbox.processes.memory import tree
from tests.e2e.clients import connected
from tests.e2e.running import BOOTJACK, RUNTIMES, Ended, Serve, end, start
from tests.e2e.world import inside_world

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "HELPERS",
    "IN_BUBBLEWRAP",
    "UNREACHABLE",
    "ask_in_world",
    "connected_serve",
    "helpers",
    "in_world",
    "name_of",
    "path_with",
]

IN_BUBBLEWRAP = ("--sandbox", "bubblewrap", "-t", "20")
UNREACHABLE = "bootjack: functions reach nothing outside their sandboxes, since neither slirp4netns nor pasta"
HELPERS = ("slirp4netns", "pasta")


@contextmanager
def connected_serve(*options: str, **how: Any) -> Iterator[tuple[Serve, Any]]:
    """A server of the greedy handler, and a client."""
    options = (*options, "greedy.handler") if "greedy.handler" not in " ".join(options) else options
    with Serve(*IN_BUBBLEWRAP, *options, cwd=RUNTIMES, **how) as serve, connected(serve.url) as client:
        yield serve, client


def path_with(folder: Path, *programs: str) -> dict[str, str]:
    """A PATH that has these programs and what every sandbox needs, in a new folder below this one."""
    (folder / "bin").mkdir()
    for name in ("bwrap", "nsenter", *programs):
        found = shutil.which(name)
        assert found is not None, f"{name} is not installed"
        (folder / "bin" / name).symlink_to(found)
    return {"PATH": str(folder / "bin")}


def helpers(command: int) -> list[int]:
    """The processes that make a command's functions reach the outside."""
    return [pid for pid in tree(command) if name_of(pid).partition(".")[0] in ("slirp4netns", "pasta", "passt")]


def name_of(pid: int) -> str:
    """The name of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def ask_in_world(env: dict[str, str], resolver: str, to: list[tuple[str, int]], *options: str) -> list[str]:
    """What a function hears at these addresses, on a machine with a network of its own."""
    event = json.dumps({"do": "listen", "to": to})
    command = ["env", f"PATH={env['PATH']}", BOOTJACK, "invoke", *IN_BUBBLEWRAP, *options]
    ended = in_world(resolver, [*command, "greedy.handler", "-e", event])
    assert ended.code == 0, ended
    said: list[str] = json.loads(ended.out)
    return said


def in_world(resolver: str, command: list[str], **how: Any) -> Ended:
    """Run a command on a machine with a network of its own."""
    whole = inside_world(resolver, command)
    return end(start(*whole[1:], command=(whole[0],), **{"cwd": RUNTIMES, **how}))
