"""`bootjack rie`: a drop-in for aws-lambda-rie, with the same flags, variables and addresses."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from .access_options import access_options
from .environment_mode import MODE_VARIABLES, environment_mode
from .file_names import file_names
from .log_options import log_options, look_of, read_logging
from .option_groups import OPTIONS, option_group, options_under
from .options import fail
from .serving import blaming, opened, serve_until_signalled
from .signals import interruptible, run
from .verb import Verb

if TYPE_CHECKING:
    from runtime_api.local import Address, LocalFunction

__all__ = ["command"]

LEVELS = ("trace", "debug", "info", "warn", "warning", "error", "fatal", "panic")
TRACING_LEVELS, QUIET_LEVELS = LEVELS[:2], LEVELS[3:]
RUN_HANDLER = "give rie the command python3 -m bootjack_bootstrap {}"  # rie takes command lines, as AWS's does
CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


@dataclass(frozen=True, slots=True)
class RieOptions:
    """The flags: those of aws-lambda-rie, and ours."""

    front: str
    runtime_api: str
    log_level: str
    enable_init_caching: bool
    log_format: str
    application_log_level: str | None
    system_log_level: str | None
    opt_dir: Path
    clean_env: bool
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    client_timeout_s: float
    max_connections: int | None

    @property
    def quiet(self) -> bool:
        """Whether bootjack keeps its own messages to itself."""
        return self.log_level.lower() in QUIET_LEVELS

    @property
    def traces(self) -> bool:
        """Whether each call to the Runtime API is logged."""
        return self.log_level.lower() in TRACING_LEVELS


option = options_under(OPTIONS)

rie_options = option_group(
    RieOptions,
    "options",
    option(
        "--runtime-interface-emulator-address",
        "front",
        default="127.0.0.1:8080",
        show_default=True,
        metavar="HOST:PORT",
        help="Address to accept invocations at.",
    ),
    option(
        "--runtime-api-address",
        "runtime_api",
        default="127.0.0.1:9001",
        show_default=True,
        metavar="HOST:PORT",
        help="Address of the Runtime API.",
    ),
    option(
        "--log-level",
        type=click.Choice(LEVELS, case_sensitive=False),
        metavar="LEVEL",
        default="info",
        show_default=True,
        help="trace, debug, info, warn, error, fatal or panic. Up to debug, each call to the Runtime API is logged "
        "with its answer; from warn on, bootjack writes no messages of its own. The function's log is written at "
        "every level.",
    ),
    option(
        "--enable-init-caching",
        is_flag=True,
        help="SnapStart: the runtime is started at once and may wait in /restore/next for the first invocation. "
        "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start asks for the same.",
    ),
    *log_options(OPTIONS, "AWS_LAMBDA_LOG_FORMAT"),
    option(
        "--opt-dir",
        type=click.Path(path_type=Path),
        default=Path("/opt"),
        show_default=True,
        help="Directory to use as /opt when looking for a bootstrap and extensions.",
    ),
    option("--clean-env", is_flag=True, help="Don't pass the host environment to the function."),
    *access_options,
)


@click.command(
    cls=Verb,
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
    arguments=(
        (
            "[COMMAND]...",
            "Command line of the runtime, run in this directory; the last of several arguments is the handler.  "
            "[default: bootstrap in /var/task, /opt or /var/runtime]",
        ),
    ),
    variables=(
        ("AWS_LAMBDA_FUNCTION_NAME", "Name of the function.  [default: test_function]"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "Its version.  [default: $LATEST]"),
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", "Time limit of an invocation in seconds.  [default: 300]"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "Memory size in MB.  [default: 3008]"),
        ("AWS_LAMBDA_FUNCTION_HANDLER, _HANDLER", "Handler, unless COMMAND names it.  [default: function.handler]"),
        ("AWS_REGION, AWS_DEFAULT_REGION", "AWS Region.  [default: us-east-1]"),
        *MODE_VARIABLES,
        ("AWS_LAMBDA_LOG_FORMAT", "As --log-format.  [default: text]"),
    ),
    examples=(
        "bootjack rie python3 -m awslambdaric app.handler",
        "curl -d '{\"id\": 1}' http://127.0.0.1:8080/2015-03-31/functions/function/invocations",
    ),
)
@rie_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED, shell_complete=file_names)
def command(command: tuple[str, ...], options: RieOptions) -> None:
    """Serve one function as aws-lambda-rie does: a drop-in with the same flags, variables and addresses."""
    from .rie_function import rie_function
    from .tuning import tune_server

    mode = environment_mode(os.environ, "--enable-init-caching", 0, snap_start=options.enable_init_caching)
    front = _address("--runtime-interface-emulator-address", options.front)
    runtime_api = _address("--runtime-api-address", options.runtime_api)
    logging = read_logging(options.log_format, options.application_log_level, options.system_log_level)
    function = rie_function(command, options.opt_dir, runtime_api, mode, logging, clean_env=options.clean_env)
    tune_server()
    run(_serve(function, front, options))


def _address(flag: str, given: str) -> Address:
    """Read HOST:PORT as Go does: an empty host is every interface, brackets hold an IPv6 address."""
    host, colon, port = given.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        fail(f"{flag} {given!r} is not HOST:PORT, such as 127.0.0.1:8080")
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)


async def _serve(function: LocalFunction, front: Address, options: RieOptions) -> None:
    from runtime_api.local import LocalLambda

    async with AsyncExitStack() as stack:
        with interruptible():
            local = await stack.enter_async_context(
                opened(
                    LocalLambda(
                        idle_timeout_s=None,
                        allowed_hosts=options.allowed_hosts,
                        client_timeout_s=options.client_timeout_s,
                        max_connections=options.max_connections,
                        look=look_of(quiet=False, trace=options.traces),
                    )
                )
            )
            local.add_function(function)
            with blaming("--runtime-api-address", function.runtime_api):
                await local.open_environment(function.configuration.name)
            with blaming("--runtime-interface-emulator-address", front):
                url = await local.listen(*front, allowed_origins=options.allowed_origins)
        if not options.quiet or front[1] == 0:  # a port that was picked has to be told
            _announce(url, front[0], urlsplit(url).port or 0, function)
        await serve_until_signalled(local, grace_s=0)


def _announce(url: str, host: str, port: int, function: LocalFunction) -> None:
    from .advice import advice

    click.echo(f"bootjack: invoke at {url}/2015-03-31/functions/function/invocations", err=True)
    if host == "127.0.0.1" and any(mark.exists() for mark in CONTAINER_MARKS):
        flag = f"--runtime-interface-emulator-address 0.0.0.0:{port}"
        click.echo(
            f"bootjack: to accept invocations from outside this container, pass {flag} and publish the port with "
            f"-p 9000:{port}",
            err=True,
        )
    hint = advice(function.program, run_handler=RUN_HANDLER)
    if hint:
        click.echo(f"bootjack: {hint}", err=True)
