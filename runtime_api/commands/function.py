"""From options to the functions that LocalLambda runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runtime_api.engine.python_handlers import BOOTSTRAP

from .options import give_up
from .targets import find_layers, find_mounts, find_program
from .variables import read_variables

if TYPE_CHECKING:
    from pathlib import Path

    from runtime_api.local import LocalFunction, LocalLambda
    from runtime_api.sandbox.entrypoint import Program
    from runtime_api.service.seams.archives import Archives

    from .function_options import FunctionOptions
    from .sandbox_options import SandboxOptions
    from .sources import Source

__all__ = ["add", "function_of_program", "function_of_source", "hand_over"]


def function_of_source(
    source: Source, options: FunctionOptions, sandbox: SandboxOptions, archives: Archives
) -> LocalFunction:
    """Make the function whose code the user has named; a usage error says why it cannot be made."""
    from runtime_api.store.package import Package

    with Package(archives) as package:
        layers = find_layers(source.layers, package, merged=sandbox.kind != "process")
        program = find_program(source.target, source.command, layers, package, options.handler)
        function = function_of_program(source.name, program, options, sandbox)
        return replace(function, leases=tuple(package.leases))


def function_of_program(
    name: str, program: Program, options: FunctionOptions, sandbox: SandboxOptions
) -> LocalFunction:
    """Make the function that the options describe."""
    from runtime_api.local import LocalFunction
    from runtime_api.service.records import FunctionSpec

    ours = str(BOOTSTRAP) in program.command
    configuration = FunctionSpec(
        name=name,
        handler=program.command[-1] if ours else options.handler,
        timeout_ms=options.timeout_s * 1000,
        memory_mb=options.memory_mb,
        ephemeral_mb=sandbox.ephemeral_mb,
        variables=read_variables(options.env_files, options.env_vars),
        region=options.region,
        logging=options.logging,
    )
    # Our own bootstrap lies outside of what a sandbox shows by itself.
    needed: tuple[Path, ...] = (BOOTSTRAP.parent,) if ours else ()
    program = program._replace(mounts=(*find_mounts(sandbox.mounts), *needed))
    return LocalFunction(configuration, program, network=sandbox.network, loopback_ports=sandbox.loopback_ports)


def add(local: LocalLambda, function: LocalFunction) -> None:
    """Add the function to `local`; a usage error says why it cannot have the network that it asks for."""
    try:
        local.add_function(function)
    except ValueError as error:
        give_up(f"{function.configuration.name}: {error}")


def hand_over(local: LocalLambda, function: LocalFunction) -> None:
    """Add the function to `local`, which then holds its code; the command's own leases are released."""
    add(local, function)
    for lease in function.leases:
        lease.release()
