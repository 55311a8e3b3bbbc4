"""The servers that are measured, and how each is started, found ready and stopped."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from benchmarks import processes
from benchmarks.checkouts import Checkout
from benchmarks.errors import Unmeasured
from benchmarks.tools import Tools
from tests import peers

INVOKE_PATH = "/2015-03-31/functions/{}/invocations"
READY_LIMIT_SECONDS = 20.0
STOP_LIMIT_SECONDS = 5.0
WRAPPED_LIMIT_SECONDS = 120.0  # a start under valgrind takes a hundred times as long
BOOTJACK = Path(sys.executable).parent / "bootjack"


@dataclass(frozen=True)
class Plan:
    """What one start needs: the command, where it runs, and a bootstrap's Runtime API when it is started by hand."""

    command: list[str]
    directory: Path
    function: str = "function"
    bootstrap_api: str | None = None
    environment: dict[str, str] | None = None
    ready_limit_s: float = READY_LIMIT_SECONDS
    stop_limit_s: float = STOP_LIMIT_SECONDS


@dataclass(frozen=True)
class Server:
    """One kind of server: its name, and how a start of it is planned."""

    name: str
    plan: Callable[[Tools, int, int], Plan]


@dataclass(frozen=True)
class Running:
    """A started server."""

    process: int
    port: int
    path: str
    bootstraps: Path = field(repr=False)

    def cpu_seconds(self) -> float:
        """What the server and any helper process of it used; the bootstrap does not count."""
        family = {self.process} | processes.descendants(self.process)
        family -= processes.running(self.bootstraps, family)
        return sum(processes.cpu_seconds(process) for process in family)


def everyone() -> list[Server]:
    """All servers, in the order of the tables."""
    return [
        Server("bootjack", _bootjack),
        Server("RIE", _rie),
        Server("cargo-lambda", _cargo_lambda),
        Server("bare", _bare),
    ]


def many_callers(environments: int) -> list[Server]:
    """Servers that have as many execution environments as there are callers."""
    return [
        Server("bootjack", partial(_serve, concurrency=environments)),
        Server("bare", partial(_bare, bootstraps=environments)),
    ]


def serial() -> list[Server]:
    """Servers for one caller, to compare with those for many; RIE ends at two concurrent callers."""
    return [Server("RIE", _rie), Server("bootjack, one caller", _serve)]


def many_functions(*numbers: int) -> list[Server]:
    """bootjack with so many functions."""
    return [Server(f"{number:,} functions", partial(_serve, functions=number)) for number in numbers]


def isolated(name: str, *sandbox: str) -> Server:
    """bootjack with a sandbox, and what flags go with it."""
    return Server(name, partial(_serve, sandbox=sandbox))


def of_checkout(name: str, checkout: Checkout, wrapper: tuple[str, ...] = ()) -> Server:
    """The bootjack of a source tree; `wrapper` is a command that the server's is an argument of."""
    return Server(name, partial(_of_checkout, checkout=checkout, wrapper=wrapper))


@contextlib.contextmanager
def running(server: Server, tools: Tools) -> Iterator[Running]:
    """A fresh server with its bootstrap; nothing of it is left at the end."""
    port, runtime_port = _free_ports()
    plan = server.plan(tools, port, runtime_port)
    log = tools.scratch / f"{server.name}.log"
    with contextlib.ExitStack() as stack, log.open("wb") as output:
        process = stack.enter_context(_started(plan, output.fileno()))
        _wait_until_ready(process, port, log, plan.ready_limit_s)
        if plan.bootstrap_api:
            environment = {"AWS_LAMBDA_RUNTIME_API": plan.bootstrap_api}
            bootstrap = Plan([str(tools.echo)], tools.scratch, environment=environment)
            stack.enter_context(_started(bootstrap, output.fileno()))
        yield Running(process.pid, port, INVOKE_PATH.format(plan.function), tools.echo)


def _emulator(program: list[str], tools: Tools, port: int, runtime_port: int) -> Plan:
    flags = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    flags += ["--runtime-api-address", f"127.0.0.1:{runtime_port}"]
    return Plan([*program, *flags, str(tools.echo)], tools.scratch)


def _bootjack(tools: Tools, port: int, runtime_port: int) -> Plan:
    return _emulator([bootjack_command(), "rie"], tools, port, runtime_port)


def _rie(tools: Tools, port: int, runtime_port: int) -> Plan:
    return _emulator([str(_peer(peers.rie))], tools, port, runtime_port)


def _cargo_lambda(tools: Tools, port: int, runtime_port: int) -> Plan:
    if shutil.which("cargo") is None:
        raise Unmeasured("cargo-lambda asks `cargo` for the project, and there is no cargo on PATH")
    command = [str(_peer(peers.cargo_lambda)), "lambda", "watch", "--only-lambda-apis"]
    command += ["--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
    # Its Runtime API is a path on the invoke port; `_` is the function of a project with one binary.
    return Plan(command, _cargo_project(tools.scratch), "_", f"127.0.0.1:{port}/.rt")


def _bare(tools: Tools, port: int, runtime_port: int, bootstraps: int = 1) -> Plan:
    command = [sys.executable, "-m", "benchmarks.bare", f"127.0.0.1:{port}", f"127.0.0.1:{runtime_port}"]
    return Plan([*command, str(bootstraps), str(tools.echo)], Path(__file__).parents[1])


def _serve(
    tools: Tools,
    port: int,
    _runtime_port: int,
    functions: int = 1,
    concurrency: int = 1,
    sandbox: tuple[str, ...] = ("process",),
) -> Plan:
    """As plain processes, as its peers run functions, unless told otherwise."""
    command = [bootjack_command(), "serve", "--sandbox", *sandbox]
    command += ["--port", str(port), "--concurrency", str(concurrency)]
    return Plan([*command, *(f"echo{number}={tools.echo}" for number in range(functions))], tools.scratch, "echo0")


def _of_checkout(tools: Tools, port: int, runtime_port: int, checkout: Checkout, wrapper: tuple[str, ...]) -> Plan:
    plan = _serve(tools, port, runtime_port)
    return replace(
        plan,
        command=[*wrapper, *checkout.command, *plan.command[1:]],
        environment=checkout.environment(tools.scratch),
        ready_limit_s=WRAPPED_LIMIT_SECONDS if wrapper else READY_LIMIT_SECONDS,
        stop_limit_s=WRAPPED_LIMIT_SECONDS if wrapper else STOP_LIMIT_SECONDS,
    )


def bootjack_command() -> str:
    """The command of the environment that runs the benchmarks."""
    if not BOOTJACK.is_file():
        raise Unmeasured(f"{BOOTJACK} is missing")
    return str(BOOTJACK)


def _peer(find: Callable[[], Path]) -> Path:
    try:
        return find()
    except peers.PeerError as error:
        raise Unmeasured(str(error)) from error


def _cargo_project(scratch: Path) -> Path:
    """The smallest project that `cargo metadata` takes; nothing in it is ever compiled."""
    project = scratch / "project"
    (project / "src").mkdir(parents=True, exist_ok=True)
    (project / "Cargo.toml").write_text('[package]\nname = "echo"\nversion = "0.1.0"\nedition = "2021"\n')
    (project / "src" / "main.rs").write_text("fn main() {}\n")
    return project


def _environment() -> dict[str, str]:
    """The caller's, without what would set the servers up differently (the concurrency, the timeout)."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_LAMBDA_")}


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@contextlib.contextmanager
def _started(plan: Plan, output: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        plan.command,
        cwd=plan.directory,
        env=plan.environment if plan.environment is not None else _environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _stop(process, plan.stop_limit_s)


def _stop(process: subprocess.Popen[bytes], limit_s: float) -> None:
    # Bootstraps may have process groups of their own, so they are looked up while their parent still lives.
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
            return
        time.sleep(0.02)
    raise Unmeasured(f"not ready within {limit_s:.0f} s: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it wrote nothing"
