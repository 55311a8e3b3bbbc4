"""Starts servers quickly: a process imports bootjack once, with or without a patch, and forks for each server.

`ForkServer(mutant)` is a `Start` for the kit: what it starts behaves like the command, without the cost of its
imports. The process runs as `python -m tests.conformance.servers.fork_server SOCKET [MODULE]`, with the patch as JSON
on stdin.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.server.launch import DESCRIPTORS, Process

if TYPE_CHECKING:
    from types import ModuleType
    from typing import Self

    from tests.conformance.servers.mutants import Mutant

ROOT = Path(__file__).parents[3]
COMMAND = "runtime_api.cli"
READY_S = 60

# What a server imports at its start, and with the first request that is not Invoke.
PRELOADED = (
    *("commands.rie", "commands.serving", "commands.tuning", "local", "web.public", "sandbox.processes.orphans"),
    "web.api",
)


class ForkServer:
    """The test's end of the fork server."""

    def __init__(self, mutant: Mutant | None, command: str = COMMAND) -> None:
        self._ours, theirs = socket.socketpair()
        self._lock = threading.Lock()
        patch = json.dumps(mutant and {"module": mutant.module, "old": mutant.old, "new": mutant.new})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.servers.fork_server", str(theirs.fileno()), command],
            stdin=subprocess.PIPE,
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        assert self._process.stdin is not None
        self._process.stdin.write(patch.encode())
        self._process.stdin.close()
        self._ours.settimeout(READY_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._process.wait(READY_S)

    def __call__(self, words: list[str], variables: dict[str, str], folder: Path) -> Process:
        """Start a server."""
        reader, writer = os.pipe()
        order = json.dumps({"words": words[1:], "variables": variables, "folder": str(folder)}).encode()
        with self._lock:
            socket.send_fds(self._ours, [len(order).to_bytes(4, "big")], [writer])
            self._ours.sendall(order)
            os.close(writer)
            answer, fds, _, _ = socket.recv_fds(self._ours, 16, 1)
        assert fds, "the fork server has ended"
        return Process(int(answer), fds[0], reader)


class _Patched(importlib.machinery.SourceFileLoader):
    """Loads a module with a patch."""

    old = new = ""

    def get_data(self, path: str) -> bytes:
        data = super().get_data(path)
        if path.endswith(".py"):
            assert data.count(self.old.encode()) == 1, f"{path}: the patch does not fit"
            data = data.replace(self.old.encode(), self.new.encode())
        return data

    def path_stats(self, path: str) -> Any:
        raise OSError("a patched module has no bytecode")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module: str) -> None:
        self._module = module

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> Any:
        if name != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Patched(name, spec.origin)
        return spec


def main(descriptor: int, command: str) -> None:
    """Import the server, then fork for each order until the test closes the socket."""
    patch = json.loads(sys.stdin.buffer.read())
    if patch:
        _Patched.old, _Patched.new = patch["old"], patch["new"]
        sys.meta_path.insert(0, _Finder(patch["module"]))
    _load(command)
    orders = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the test sees the end of a server by its pidfd
    while True:
        head, fds, _, _ = socket.recv_fds(orders, 4, 1)
        if not head:
            return
        order = json.loads(_exactly(orders, int.from_bytes(head, "big")))
        pid = os.fork()
        if pid == 0:
            orders.close()
            _become(order, fds[0], command)
        os.close(fds[0])
        pidfd = os.pidfd_open(pid)
        socket.send_fds(orders, [str(pid).encode()], [pidfd])
        os.close(pidfd)


def _exactly(orders: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += orders.recv(count - len(data))
    return data


def _load(command: str) -> None:
    """Import what servers import, so that forks need not."""
    importlib.import_module(command)
    if command == COMMAND:
        for name in PRELOADED:
            importlib.import_module(f"runtime_api.{name}")
        importlib.import_module("uvloop")


def _become(order: dict[str, Any], output: int, command: str) -> None:
    import resource

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((null, output, output)):
        os.dup2(source, target)
    os.closerange(3, 64)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["variables"])
    sys.argv = [command, *order["words"]]
    try:
        sys.modules[command].main()
    finally:
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
