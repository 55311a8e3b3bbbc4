"""`serve --only-lambda-apis`: the user starts the bootstrap, in a debugger for example."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from runtime_api.protocol.limits import CURRENT
from runtime_api.sandbox.entrypoint import Program
from runtime_api.service.tenancy import Tenancy

from .function import function_of_program
from .options import NAME, fail
from .serving import blaming
from .targets import here
from .verb import command_behind_dashes

if TYPE_CHECKING:
    from runtime_api.local import LocalFunction, LocalLambda

    from .environment_mode import EnvironmentMode
    from .function_options import FunctionOptions
    from .sandbox_options import SandboxOptions
    from .serve_options import ServeOptions

__all__ = ["exports", "external_function", "open_external"]


def external_function(
    targets: tuple[str, ...],
    server: ServeOptions,
    options: FunctionOptions,
    sandbox: SandboxOptions,
    alias: str,
    mode: EnvironmentMode,
) -> LocalFunction:
    """Make the function whose bootstrap the user starts. `alias` is another name of it, and the default one."""
    if command_behind_dashes() or options.layers or server.watch or sandbox.isolates_network or len(targets) > 1:
        fail(
            "--only-lambda-apis starts no bootstrap; give at most one NAME, and leave out COMMAND, --layer, --watch "
            "and --network, unless that is host"
        )
    given = server.name or (targets[0] if targets else alias)
    try:
        name = NAME.convert(given, None, None)
    except click.BadParameter as error:
        fail(f"--only-lambda-apis: {error.message}")
    return replace(
        function_of_program(name, Program(here()), options, sandbox),
        external_runtime=True,
        max_concurrency=mode.max_concurrency,
        snap_start=mode.snap_start,
        tenancy=Tenancy.PASSED_ON,
        function_url=server.function_url,
        invoke_mode=server.invoke_mode,
        concurrency=1,
        max_queued=CURRENT.waiting_invocations,
        runtime_api=("127.0.0.1", server.runtime_api_port),
        also_known_as=frozenset({alias}),
    )


async def open_external(local: LocalLambda, function: LocalFunction) -> str:
    """Open the Runtime API for the bootstrap; return its host:port."""
    with blaming("--runtime-api-port", function.runtime_api):
        return await local.open_environment(function.configuration.name)


def exports(function: LocalFunction, runtime_api: str) -> str:
    """Say what to export for a bootstrap: where the Runtime API is, its function, the user's variables."""
    from runtime_api.service.variables import MAX_CONCURRENCY, Places, environment_variables

    configuration = function.configuration
    places, settings = Places(str(function.program.task_root), (), runtime_api), function.settings(CURRENT)
    everything = environment_variables(configuration, places, settings=settings)
    known = [name for name in everything if name.startswith("AWS_LAMBDA_FUNCTION_")]
    if settings.init_apart:
        known += [name for name in ("AWS_LAMBDA_INITIALIZATION_TYPE", MAX_CONCURRENCY) if name in everything]
    wanted = ["AWS_LAMBDA_RUNTIME_API", *known, "AWS_REGION", "LAMBDA_TASK_ROOT", "_HANDLER"]
    lines = [f"export {name}={shlex.quote(everything[name])}" for name in [*wanted, *configuration.variables]]
    return "\n".join(["bootjack: waiting for a bootstrap; start one with", *lines])
