"""What verbs that run functions share: the options that make a function, and a command behind `--`."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runtime_api.protocol.limits import CURRENT

from .handlers import BOOTSTRAP
from .options import EPHEMERAL, HANDLER, MEGABYTES, REGION, SECONDS, fail, read_variables
from .targets import find_mounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runtime_api.local import LocalFunction, LocalLambda
    from runtime_api.sandbox.entrypoint import Program
    from runtime_api.sandbox.trees import Trees

__all__ = [
    "command_behind_dashes",
    "function_options",
    "hand_over",
    "make_function",
    "sandbox_or_fail",
    "sandbox_settings",
    "with_command",
]

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
        help="Memory in MB: the limit in bubblewrap, and what the function is told.",
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
    click.option(
        "--ephemeral-storage",
        type=EPHEMERAL,
        default=CURRENT.tmp_mb,
        show_default=True,
        metavar="MB",
        help="Size of /tmp in MB, in bubblewrap.",
    ),
    click.option(
        "--sandbox",
        type=click.Choice(["auto", "bubblewrap", "process"]),
        default="auto",
        show_default=True,
        envvar="BOOTJACK_SANDBOX",
        show_envvar=True,
        help="What functions run in: process does not isolate; auto is bubblewrap where it works.",
    ),
    click.option(
        "--network",
        type=click.Choice(["host", "none"]),
        default="host",
        show_default=True,
        help="What functions reach, in bubblewrap: what this machine does, or nothing but the Runtime API.",
    ),
    click.option(
        "--no-freeze",
        is_flag=True,
        help="Let functions go on while they have nothing to do; in bubblewrap they stand still then, as on Lambda.",
    ),
    click.option(
        "--cpu-share",
        is_flag=True,
        help="Give a function as much of a processor as its memory pays for, 1769 MB for one; in bubblewrap.",
    ),
    click.option(
        "--mount",
        "mounts",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="A file or folder that is shown in the sandbox, read-only at its own path.",
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
    from runtime_api.service.records import FunctionSpec

    program = program._replace(mounts=(*find_mounts(options["mounts"]), *_needed(program)))
    configuration = FunctionSpec(
        name=name,
        handler=handler,
        timeout_ms=options["timeout"] * 1000,
        memory_mb=options["memory"],
        ephemeral_mb=options["ephemeral_storage"],
        variables=read_variables(options["env_file"], options["env_var"]),
        region=options["region"],
    )
    return LocalFunction(configuration, program, own_network=options["network"] == "none", **settings)


def _needed(program: Program) -> tuple[Path, ...]:
    """What a sandbox shows besides, so that our own bootstrap can be found there."""
    return (BOOTSTRAP.parent,) if str(BOOTSTRAP) in program.command else ()


def hand_over(local: LocalLambda, function: LocalFunction) -> None:
    """Let it be run by `local`: what its archives were unpacked to lasts as long as that does."""
    local.add_function(function)
    for lease in function.leases:
        lease.release()


@contextmanager
def sandbox_or_fail(options: Mapping[str, Any]) -> Iterator[None]:
    """Say what to do where the sandbox that was asked for cannot be had."""
    from runtime_api.sandbox.choice import SandboxUnavailableError

    try:
        yield
    except SandboxUnavailableError as error:
        if options["sandbox"] == "bubblewrap":
            fail(f"--sandbox bubblewrap: {error}; --sandbox process does without")
        fail(f"--network none needs bubblewrap: {error}")


def sandbox_settings(options: Mapping[str, Any], trees: Trees) -> dict[str, Any]:
    """What the options say of all functions, and where their layers are merged: arguments of LocalLambda.

    Whoever asked for no network is not given one because there is no bubblewrap.
    """
    sandbox = options["sandbox"]
    if options["network"] == "none":
        if sandbox == "process":
            fail("--network none needs bubblewrap: leave out --sandbox process, or --network none")
        sandbox = "bubblewrap"
    return {
        "sandbox": sandbox,
        "freeze": not options["no_freeze"],
        "cpu_share": options["cpu_share"],
        "trees": trees,
    }


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
