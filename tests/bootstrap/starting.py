"""Starts the bootstrap as its users do, as a process of its own, with functions that a test writes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.bootstrap.scripted import SECONDS, Request, Scripted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.bootstrap.scripted import Piece

__all__ = [
    "AS_MODULE",
    "EXECUTABLE",
    "ISOLATED",
    "PACKAGE",
    "Ran",
    "finish",
    "interpreters",
    "run",
    "start",
    "variables",
    "write",
]

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "bootstrap" / "bootjack_bootstrap"
EXECUTABLE = str(PACKAGE / "bootstrap")
ISOLATED = (sys.executable, "-I", "-S", EXECUTABLE)
AS_MODULE = (sys.executable, "-m", "bootjack_bootstrap")
VERSIONS = tuple(f"3.{minor}" for minor in range(9, 16))


class Ran(NamedTuple):
    """What a bootstrap did until it ended."""

    code: int
    out: str
    err: str
    requests: list[Request]
    connections: int

    @property
    def posts(self) -> list[Request]:
        """The POST requests, in order."""
        return [one for one in self.requests if one.method == "POST"]

    @property
    def calls(self) -> list[str]:
        """The calls, in order: `next`, `response`, `error`, `init/error` ..."""
        return [
            one.call.rpartition("/")[2] if one.call.startswith("invocation/") else one.call for one in self.requests
        ]

    @property
    def documents(self) -> list[Any]:
        """The values that were posted as JSON, in order."""
        return [json.loads(one.body) for one in self.posts]


@cache
def interpreters() -> dict[str, str]:
    """The path of each Python from 3.9 on: the one that runs this, those on PATH and those of pyenv."""
    own = ".".join(map(str, sys.version_info[:2]))
    kept = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = {own: sys.executable}
    for version in VERSIONS:
        candidates = [*sorted(kept.glob(f"{version}.*/bin/python3")), shutil.which(f"python{version}")]
        for path in filter(None, candidates):
            found.setdefault(version, str(path))
    return {version: path for version, path in sorted(found.items()) if _works(path, version)}


def _works(path: str, version: str) -> bool:
    """Whether it starts and has this version: pyenv has commands for versions that are not installed."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-I", "-S", "-c", code], capture_output=True, timeout=SECONDS, check=False)
    except OSError:
        return False
    return done.stdout.decode().strip() == version


def write(folder: Path, source: str, name: str = "app.py") -> Path:
    """Write a module of a function to its folder, which is returned."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(source))
    return folder


def variables(folder: Path, server: Scripted, handler: str = "app.handler") -> dict[str, str]:
    """The environment of a function on Lambda."""
    changing = ("AWS_", "LAMBDA_", "PYTHON", "_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(changing)}
    given = {
        "_HANDLER": handler,
        "LAMBDA_TASK_ROOT": str(folder),
        "AWS_LAMBDA_RUNTIME_API": server.address,
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/24/[$LATEST]0123",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {**kept, **given}


def start(
    folder: Path,
    server: Scripted,
    *,
    command: Sequence[str] = ISOLATED,
    handler: str = "app.handler",
    pass_fds: Iterable[int] = (),
    more: Mapping[str, str] | None = None,
    **named: str,
) -> subprocess.Popen[bytes]:
    """Start the bootstrap with additional variables: `more` and those given by name."""
    with _output(folder, "out").open("wb") as out, _output(folder, "err").open("wb") as err:
        return subprocess.Popen(
            command,
            cwd=folder,
            env={**variables(folder, server, handler), **(more or {}), **named},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )


def _output(folder: Path, name: str) -> Path:
    """A file, since a pipe would have to be read meanwhile."""
    return folder / f"standard.{name}"


def finish(process: subprocess.Popen[bytes], server: Scripted, folder: Path) -> Ran:
    """Wait for the end of the process."""
    try:
        code = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise AssertionError(f"the bootstrap hangs after {server.calls}: {_read(folder)}") from None
    server.read_everything()
    return Ran(code, *_read(folder), list(server.requests), server.connections)


def _read(folder: Path) -> tuple[str, str]:
    return (
        _output(folder, "out").read_bytes().decode(),
        _output(folder, "err").read_bytes().decode(),
    )


def run(
    folder: Path,
    source: str,
    nexts: Iterable[bytes | Sequence[Piece]] = (),
    posts: Iterable[bytes | Sequence[Piece]] = (),
    *,
    command: Sequence[str] = ISOLATED,
    handler: str = "app.handler",
    pass_fds: Iterable[int] = (),
    ends: bool = False,
    more: Mapping[str, str] | None = None,
    **named: str,
) -> Ran:
    """Run a function until it has answered these events; SIGTERM ends it then, unless it `ends` itself."""
    if source:
        write(folder, source)
    given = {**(more or {}), **named}
    most = 0 if ends else int(given.get("AWS_LAMBDA_MAX_CONCURRENCY", "1"))
    with Scripted(nexts, posts) as server:
        process = start(folder, server, command=command, handler=handler, pass_fds=pass_fds, more=given)
        try:
            server.wait_for(lambda it: (it.waiting == most and not ends) or process.poll() is not None, "the end")
        finally:
            if process.poll() is None:
                process.terminate()
            ran = finish(process, server, folder)
    return ran
