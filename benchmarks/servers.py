"""The servers to measure, and the command that launches each of them."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.checkouts import Checkout
from benchmarks.errors import Unmeasured
from benchmarks.launching import Launch, Server
from benchmarks.tools import Tools
from tests import peers

STUCK = "stuck"  # the function that never answers
BOOTJACK = Path(sys.executable).parent / "bootjack"
SIMULATED_LIMIT_SECONDS = 120.0  # valgrind makes a start take a hundred times as long


def everyone() -> list[Server]:
    """All servers for one caller, in the order of the tables."""
    return [
        Server("bootjack", _bootjack),
        Server("RIE", _rie),
        Server("cargo-lambda", _cargo_lambda),
        Server("bare", _bare),
    ]


def many_callers(environments: int) -> list[Server]:
    """Servers that have an execution environment for each caller."""
    return [
        Server("bootjack", partial(_serve, concurrency=environments)),
        Server("bare", partial(_bare, bootstraps=environments)),
    ]


def serial() -> list[Server]:
    """Servers for one caller, to compare with those for many: RIE exits at two concurrent callers."""
    return [Server("RIE", _rie), Server("bootjack, one caller", _serve)]


def many_functions(*numbers: int) -> list[Server]:
    """bootjack, once for each number of functions."""
    return [
        Server(f"{number:,} function{'s' * (number > 1)}", partial(_serve, functions=number)) for number in numbers
    ]


def isolated(name: str, *sandbox: str) -> Server:
    """bootjack with a sandbox and further options."""
    return Server(name, partial(_serve, sandbox=sandbox))


def durable(name: str, environments: int) -> Server:
    """bootjack with a directory for its events, and beside the function one that never answers."""
    return Server(name, partial(_durable, environments=environments))


def of_checkout(name: str, checkout: Checkout, functions: int = 1, sandbox: tuple[str, ...] = ("process",)) -> Server:
    """bootjack from a source tree."""
    return Server(name, partial(_of_checkout, checkout=checkout, functions=functions, sandbox=sandbox))


def bare() -> Server:
    """The baseline alone."""
    return Server("bare", _bare)


def simulated(server: Server, valgrind: list[str]) -> Server:
    """A server on valgrind's simulated processor, with a clock that fits its speed."""
    return Server(f"simulated {server.name}", partial(_simulated, server=server, valgrind=valgrind))


def _emulator(program: list[str], tools: Tools, port: int, runtime_port: int) -> Launch:
    flags = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    flags += ["--runtime-api-address", f"127.0.0.1:{runtime_port}"]
    return Launch([*program, *flags, str(tools.echo)], tools.scratch)


def _bootjack(tools: Tools, port: int, runtime_port: int) -> Launch:
    return _emulator([bootjack_command(), "rie"], tools, port, runtime_port)


def _rie(tools: Tools, port: int, runtime_port: int) -> Launch:
    return _emulator([str(_peer(peers.rie))], tools, port, runtime_port)


def _cargo_lambda(tools: Tools, port: int, runtime_port: int) -> Launch:
    if shutil.which("cargo") is None:
        raise Unmeasured("cargo-lambda runs `cargo`, and there is no cargo on PATH")
    command = [str(_peer(peers.cargo_lambda)), "lambda", "watch", "--only-lambda-apis"]
    command += ["--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
    # Its Runtime API is a path on the invoke port, and `_` names the function of a project with one binary.
    return Launch(command, _cargo_project(tools.scratch), "_", f"127.0.0.1:{port}/.rt")


def _bare(tools: Tools, port: int, runtime_port: int, bootstraps: int = 1) -> Launch:
    command = [sys.executable, "-m", "benchmarks.bare", f"127.0.0.1:{port}", f"127.0.0.1:{runtime_port}"]
    return Launch([*command, str(bootstraps), str(tools.echo)], Path(__file__).parents[1])


def _serve(
    tools: Tools,
    port: int,
    _runtime_port: int,
    functions: int = 1,
    concurrency: int = 1,
    sandbox: tuple[str, ...] = ("process",),
) -> Launch:
    """`bootjack serve`, by default with plain processes, as the peers run functions."""
    command = [bootjack_command(), "serve", "--sandbox", *sandbox]
    command += ["--port", str(port), "--concurrency", str(concurrency)]
    return Launch([*command, *(f"echo{number}={tools.echo}" for number in range(functions))], tools.scratch, "echo0")


def _durable(tools: Tools, port: int, runtime_port: int, environments: int) -> Launch:
    stuck = tools.scratch / "stuck"
    stuck.write_text("#!/bin/sh\nexec sleep 600\n")
    stuck.chmod(0o755)
    data = tempfile.mkdtemp(dir=tools.scratch)
    launch = _serve(tools, port, runtime_port, concurrency=environments)
    return replace(launch, command=[*launch.command, f"{STUCK}={stuck}", "--data", data])


def _of_checkout(
    tools: Tools,
    port: int,
    runtime_port: int,
    checkout: Checkout,
    functions: int = 1,
    sandbox: tuple[str, ...] = ("process",),
) -> Launch:
    launch = _serve(tools, port, runtime_port, functions=functions, sandbox=sandbox)
    command = [*checkout.command, *launch.command[1:]]
    return replace(launch, command=command, environment=checkout.environment(tools.scratch))


def _simulated(tools: Tools, port: int, runtime_port: int, server: Server, valgrind: list[str]) -> Launch:
    launch = server.launch(tools, port, runtime_port)
    environment = dict(os.environ) if launch.environment is None else launch.environment
    return replace(
        launch,
        command=[*valgrind, *launch.command],
        environment={**environment, "PYTHONHASHSEED": "0", "LD_PRELOAD": str(tools.slow_clock)},
        ready_limit_s=SIMULATED_LIMIT_SECONDS,
        stop_limit_s=SIMULATED_LIMIT_SECONDS,
    )


def bootjack_command() -> str:
    """The `bootjack` command of the environment that runs the benchmarks."""
    if not BOOTJACK.is_file():
        raise Unmeasured(f"{BOOTJACK} is missing")
    return str(BOOTJACK)


def _peer(find: Callable[[], Path]) -> Path:
    try:
        return find()
    except peers.PeerError as error:
        raise Unmeasured(str(error)) from error


def _cargo_project(scratch: Path) -> Path:
    """A minimal project for `cargo metadata`; it is never compiled."""
    project = scratch / "project"
    (project / "src").mkdir(parents=True, exist_ok=True)
    (project / "Cargo.toml").write_text('[package]\nname = "echo"\nversion = "0.1.0"\nedition = "2021"\n')
    (project / "src" / "main.rs").write_text("fn main() {}\n")
    return project
