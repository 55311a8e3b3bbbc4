"""`serve --only-lambda-apis`: the bootstrap is started by the user, in a debugger say."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from runtime_api.protocol.limits import CURRENT
from runtime_api.sandbox.entrypoint import Program

from .function import command_behind_dashes, make_function
from .options import NAME, fail
from .serving import blaming, say
from .targets import here

if TYPE_CHECKING:
    from runtime_api.local import LocalFunction, LocalLambda

__all__ = ["ask_for_a_bootstrap", "function_with_external_runtime"]


def function_with_external_runtime(targets: tuple[str, ...], options: dict[str, Any], alias: str) -> LocalFunction:
    """The function whose bootstrap is started by the user; `alias` is its name, too, and the only one by default."""
    if command_behind_dashes() or options["layers"] or options["watch"] or len(targets) > 1:
        fail("--only-lambda-apis starts nothing: give no COMMAND, --layer or --watch, and at most one NAME")
    given = options["name"] or (targets[0] if targets else alias)
    try:
        name = NAME.convert(given, None, None)
    except click.BadParameter as error:
        fail(f"--only-lambda-apis: {error.message}")
    return make_function(
        name,
        Program(here()),
        {**options, "network": "host"},
        external_runtime=True,
        concurrency=1,
        max_queued=CURRENT.waiting_invocations,
        runtime_api=("127.0.0.1", options["runtime_api_port"]),
        also_known_as=frozenset({alias}),
    )


async def ask_for_a_bootstrap(local: LocalLambda, function: LocalFunction) -> None:
    """Open the Runtime API, and tell what to export for whoever comes to it."""
    with blaming("--runtime-api-port", function.runtime_api):
        runtime_api = await local.open_environment(function.configuration.name)
    exports = [f"export {name}={shlex.quote(value)}" for name, value in _exports(function, runtime_api).items()]
    say("\n".join(["bootjack: waiting for a bootstrap that is started with", *exports]))


def _exports(function: LocalFunction, runtime_api: str) -> dict[str, str]:
    """The variables that a runtime needs to know its function by, and the customer's own."""
    from runtime_api.service.variables import Places, environment_variables

    configuration = function.configuration
    everything = environment_variables(configuration, Places(str(function.program.task_root), (), runtime_api))
    known = [name for name in everything if name.startswith("AWS_LAMBDA_FUNCTION_")]
    wanted = ["AWS_LAMBDA_RUNTIME_API", *known, "AWS_REGION", "LAMBDA_TASK_ROOT", "_HANDLER"]
    return {name: everything[name] for name in [*wanted, *configuration.variables]}
