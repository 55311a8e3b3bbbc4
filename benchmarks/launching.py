"""Start a server, wait until it accepts connections, and stop it with all its processes."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import processes
from benchmarks.errors import Unmeasured
from benchmarks.tools import Tools

INVOKE_PATH = "/2015-03-31/functions/{}/invocations"
READY_LIMIT_SECONDS = 20.0
STOP_LIMIT_SECONDS = 5.0
LOCAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")  # that the kernel gives to those who ask for any
LOWEST_PORT, HIGHEST_PORT = 10_000, 65_535
PORTS_TRIED = 50


@dataclass(frozen=True)
class Launch:
    """How to start a server. If `bootstrap_api` is set, the bootstrap is started apart, with this Runtime API."""

    command: list[str]
    directory: Path
    function: str = "function"
    bootstrap_api: str | None = None
    environment: dict[str, str] | None = None
    ready_limit_s: float = READY_LIMIT_SECONDS
    stop_limit_s: float = STOP_LIMIT_SECONDS


@dataclass(frozen=True)
class Server:
    """A kind of server; `launch` takes the tools, the port for callers and the port of the Runtime API."""

    name: str
    launch: Callable[[Tools, int, int], Launch]


@dataclass(frozen=True)
class Running:
    """A started server."""

    process: int
    port: int
    path: str
    bootstraps: Path = field(repr=False)

    def cpu_seconds(self) -> float:
        """CPU time of the server and its helper processes, without the bootstrap."""
        family = {self.process} | processes.descendants(self.process)
        family -= processes.running(self.bootstraps, family)
        return sum(processes.cpu_seconds(process) for process in family)


@contextlib.contextmanager
def running(server: Server, tools: Tools) -> Iterator[Running]:
    """Run a server with its bootstrap, and stop all its processes at the end."""
    port, runtime_port = _free_ports()
    launch = server.launch(tools, port, runtime_port)
    log = tools.scratch / f"{server.name}.log"
    with contextlib.ExitStack() as stack, log.open("wb") as output:
        process = stack.enter_context(_started(launch, output.fileno()))
        _wait_until_ready(process, port, log, launch.ready_limit_s)
        if launch.bootstrap_api:
            environment = {"AWS_LAMBDA_RUNTIME_API": launch.bootstrap_api}
            bootstrap = Launch([str(tools.echo)], tools.scratch, environment=environment)
            stack.enter_context(_started(bootstrap, output.fileno()))
        yield Running(process.pid, port, INVOKE_PATH.format(launch.function), tools.echo)


def environment() -> dict[str, str]:
    """This process's environment without AWS_LAMBDA_*, which would configure the servers differently."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_LAMBDA_")}


def _free_ports() -> tuple[int, int]:
    with _on_free_port() as one, _on_free_port() as other:
        return one.getsockname()[1], other.getsockname()[1]


def _on_free_port() -> socket.socket:
    """Listen on a port outside the ephemeral range, from which another program could get it before it is used."""
    first, last = map(int, LOCAL_PORTS.read_text().split())
    ports = [port for port in range(LOWEST_PORT, HIGHEST_PORT + 1) if not first <= port <= last]
    for port in random.sample(ports, min(len(ports), PORTS_TRIED)):
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
    return socket.create_server(("127.0.0.1", 0))


@contextlib.contextmanager
def _started(launch: Launch, output: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        launch.command,
        cwd=launch.directory,
        env=launch.environment if launch.environment is not None else environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _stop(process, launch.stop_limit_s)


def _stop(process: subprocess.Popen[bytes], limit_s: float) -> None:
    # Bootstraps may have their own process groups, so find them while their parent is alive.
    below = {child: processes.started(child) for child in processes.descendants(process.pid)}
    _signal(os.killpg, process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(limit_s)
    _signal(os.killpg, process.pid, signal.SIGKILL)
    process.wait()
    for child, started in below.items():
        if processes.started(child) == started:
            _signal(os.kill, child, signal.SIGKILL)


def _signal(send: Callable[[int, int], None], target: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        send(target, number)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path, limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Unmeasured(f"exited with {process.returncode}: {_last_line(log)}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            if processes.listens(port, {process.pid} | processes.descendants(process.pid)):
                return
            if process.poll() is None:
                raise Unmeasured(f"another program has taken port {port}")
        time.sleep(0.02)
    raise Unmeasured(f"not ready within {limit_s:.0f} s: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no output"
