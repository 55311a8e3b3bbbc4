"""An image without any files: bubblewrap with /opt, /var/task, /tmp, /proc and /dev, and this machine's network."""

from __future__ import annotations

import contextlib
import re
import subprocess
from typing import TYPE_CHECKING

from tests.e2e.running import SECONDS, Reply, Serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["command", "invoke_all", "run"]

# Lambda's value, with the image's libraries first: a trap for a layer that has its own C library.
LIBRARY_PATH = "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"


def command(opt: Path, task: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> list[str]:
    """The command that runs `arguments` in the empty image."""
    bwrap = ["bwrap", "--die-with-parent", "--unshare-pid", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    bwrap += [
        "--ro-bind",
        str(opt),
        "/opt",
        "--ro-bind",
        str(task),
        "/var/task",
        "--chdir",
        "/var/task",
        "--clearenv",
    ]
    for name, value in {"LD_LIBRARY_PATH": LIBRARY_PATH, **(variables or {})}.items():
        bwrap += ["--setenv", name, value]
    return [*bwrap, *arguments]


def run(opt: Path, task: Path, *arguments: str) -> str:
    """Run a command that has to succeed; return what it wrote."""
    ended = subprocess.run(
        command(opt, task, *arguments), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@contextlib.contextmanager
def _bootstrap(server: Serve, opt: Path, task: Path, bootstrap: str) -> Iterator[None]:
    server.wait_for(r"export _HANDLER=\S+\n")
    exported = dict(re.findall(r"export (\w+)='?([^'\n]*)", server.log()))
    variables = {**exported, "LAMBDA_TASK_ROOT": "/var/task"}
    with subprocess.Popen(command(opt, task, bootstrap, variables=variables)) as process:
        try:
            yield
        finally:
            process.kill()


def invoke_all(
    opt: Path, task: Path, handler: str, payloads: Sequence[bytes], bootstrap: str = "/opt/bootstrap"
) -> list[Reply]:
    """Serve the Runtime API, start a bootstrap in the empty image, and invoke it with each payload."""
    with (
        Serve("--only-lambda-apis", "--runtime-api-port", "0", "-t", "10", "--handler", handler) as server,
        _bootstrap(server, opt, task, bootstrap),
    ):
        return [server.invoke(payload) for payload in payloads]
