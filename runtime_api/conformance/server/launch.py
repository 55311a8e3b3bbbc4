"""How a server's process is started."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple, Protocol

from runtime_api.sandbox.processes.reaping import awaited

from .connection import FORK_LOCK

__all__ = ["DESCRIPTORS", "Process", "Start", "start"]

DESCRIPTORS = 2048  # more than a function may have, so that a limit set by the server is visible


class Process(NamedTuple):
    """A running server: its process group, its pidfd, and the pipe that carries its output."""

    pid: int
    pidfd: int
    output: int


class Start(Protocol):
    """Starts a command line as the leader of a process group, with stdout and stderr in one pipe."""

    def __call__(self, words: list[str], variables: dict[str, str], folder: Path) -> Process: ...


def start(words: list[str], variables: dict[str, str], folder: Path) -> Process:
    """Start a command line as a child process."""
    reader, writer = os.pipe()
    words = [_absolute(shutil.which(words[0]) or words[0]), *map(_absolute, words[1:])]
    with FORK_LOCK:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f'ulimit -n {DESCRIPTORS} 2>/dev/null; exec "$@"', "sh", *words],
            env=variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            start_new_session=True,
        )
        awaited.add(process.pid)  # not an orphan, although no sandbox started it
    os.close(writer)
    pidfd = os.pidfd_open(process.pid)
    process.returncode = 0  # keeps Popen from waiting for the process: the pidfd observes and reaps it
    return Process(process.pid, pidfd, reader)


def _absolute(word: str) -> str:
    """The path of an existing file made absolute, because the server runs in another folder."""
    path = Path(word)
    try:
        is_file = path.is_file()
    except OSError:  # no path, because it is too long for one
        is_file = False
    return str(path.absolute()) if is_file else word
