"""What verbs that run functions share: the options that make a function, and a command behind `--`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .handlers import BOOTSTRAP
from .options import HANDLER, MEGABYTES, REGION, SECONDS, read_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runtime_api.local import LocalFunction
    from runtime_api.sandbox.entrypoint import Program

__all__ = ["command_behind_dashes", "function_options", "make_function", "with_command"]

COMMAND = "command behind dashes"

_OPTIONS = (
    click.option(
        "--handler",
        type=HANDLER,
        default="function.handler",
        show_default=True,
        help="What the bootstrap finds in _HANDLER.",
    ),
    click.option(
        "-t", "--timeout", type=SECONDS, default=3, show_default=True, help="Seconds that an invocation may take."
    ),
    click.option(
        "-m",
        "--memory",
        type=MEGABYTES,
        default=128,
        show_default=True,
        help="Memory in MB, as the function is told.",
    ),
    click.option(
        "--env-file",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Variables for the function, NAME=VALUE lines.",
    ),
    click.option(
        "--env-var",
        multiple=True,
        metavar="NAME[=VALUE]",
        help="A variable for the function; NAME alone passes yours on.",
    ),
    click.option(
        "--region", type=REGION, default="us-east-1", show_default=True, help="The region in ARNs and AWS_REGION."
    ),
    click.option(
        "--layer",
        "layers",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="DIR|ZIP",
        help="A layer; of several, the last one wins.",
    ),
)


def function_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that make a function."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def make_function(name: str, program: Program, options: Mapping[str, Any], **settings: Any) -> LocalFunction:
    """The function that the options describe; `settings` are LocalFunction's own."""
    handler = program.command[-1] if str(BOOTSTRAP) in program.command else options["handler"]
    from runtime_api.local import LocalFunction
    from runtime_api.service.records import FunctionConfiguration

    configuration = FunctionConfiguration(
        name=name,
        handler=handler,
        timeout_ms=options["timeout"] * 1000,
        memory_mb=options["memory"],
        variables=read_variables(options["env_file"], options["env_var"]),
        region=options["region"],
    )
    return LocalFunction(configuration, program, **settings)


def with_command(arguments: str) -> type[click.Command]:
    """A verb that takes what stands behind `--` as a command of its own, so that its arguments can stay optional."""

    class WithCommand(click.Command):
        """Sets the command aside before the rest is parsed."""

        def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
            own = args[: args.index("--")] if "--" in args else args
            ctx.meta[COMMAND] = tuple(args[len(own) + 1 :])
            if len(own) < len(args) and not ctx.meta[COMMAND]:
                raise click.UsageError("no COMMAND behind --", ctx)
            return super().parse_args(ctx, own)

        def collect_usage_pieces(self, _ctx: click.Context) -> list[str]:
            return ["[OPTIONS]", arguments]

    return WithCommand


def command_behind_dashes() -> tuple[str, ...]:
    """The command of this call, empty when there is none."""
    command: tuple[str, ...] = click.get_current_context().meta[COMMAND]
    return command
