"""`bootjack rie`: a drop-in for aws-lambda-rie, with the same flags, variables and addresses."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime_api.protocol.limits import CURRENT

from .options import NAME, REGION, Pattern, fail, shortened
from .serving import Ending, blaming, serve_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.local import Address, LocalFunction
    from runtime_api.sandbox.entrypoint import Program

__all__ = ["command"]

TASK_ROOT = Path("/var/task")
RUNTIME_ROOT = Path("/var/runtime")
LEVELS = ("trace", "debug", "info", "warn", "warning", "error", "fatal", "panic")
QUIET_LEVELS = LEVELS[3:]
WHOLE_NUMBER = Pattern("number", r"[1-9][0-9]{0,8}", "a whole number above 0")
CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


@click.command(context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False})
@click.option(
    "--runtime-interface-emulator-address",
    "front",
    default="127.0.0.1:8080",
    show_default=True,
    metavar="HOST:PORT",
    help="Where invocations are taken.",
)
@click.option(
    "--runtime-api-address",
    "runtime_api",
    default="127.0.0.1:9001",
    show_default=True,
    metavar="HOST:PORT",
    help="Where the Runtime API listens.",
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="info",
    show_default=True,
    help="From warn on, bootjack says nothing of itself; the function's log is always written.",
)
@click.option(
    "--enable-init-caching", is_flag=True, help="Taken and without effect: there is no restore to cache for."
)
@click.option(
    "--opt-dir",
    type=click.Path(path_type=Path),
    default=Path("/opt"),
    show_default=True,
    help="What stands for /opt: where a bootstrap is looked for.",
)
@click.option("--clean-env", is_flag=True, help="Keep your environment variables from the function.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="A Host name that may reach a loopback address.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def command(
    front: str,
    runtime_api: str,
    log_level: str,
    enable_init_caching: bool,
    opt_dir: Path,
    clean_env: bool,
    allow_host: tuple[str, ...],
    command: tuple[str, ...],
) -> None:
    """Serve one function as aws-lambda-rie does, and answer as Lambda does.

    COMMAND runs in the current directory; the last of several arguments is the handler. Without COMMAND a bootstrap
    is looked for in /var/task, /opt and /var/runtime. Read from the environment: AWS_LAMBDA_FUNCTION_NAME, _VERSION,
    _TIMEOUT (seconds, 300), _MEMORY_SIZE (MB, 3008), _HANDLER.
    """
    import uvloop

    from .tuning import tune_server

    quiet = log_level.lower() in QUIET_LEVELS
    if not quiet:
        for warning in _warnings(enable_init_caching):
            click.echo(f"bootjack: {warning}", err=True)
    address = _address("--runtime-interface-emulator-address", front)
    function = _function(command, opt_dir, _address("--runtime-api-address", runtime_api), clean_env)
    from runtime_api.sandbox.orphans import adopted_orphans

    tune_server()
    with adopted_orphans():
        uvloop.run(_serve(function, address, frozenset(name.lower() for name in allow_host), quiet))


def _warnings(init_caching: bool) -> list[str]:
    warnings = []
    if init_caching:
        warnings.append("--enable-init-caching has no effect: restore/next is not served")
    if os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY"):
        warnings.append("AWS_LAMBDA_MAX_CONCURRENCY has no effect: one invocation runs at a time, others wait")
    return warnings


def _address(flag: str, given: str) -> Address:
    """HOST:PORT as Go reads it: an empty host means every interface, brackets hold an IPv6 address."""
    host, colon, port = given.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        fail(f"{flag} {given!r} is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)


def _function(command: tuple[str, ...], opt: Path, runtime_api: Address, clean_env: bool) -> LocalFunction:
    from runtime_api.local import LocalFunction
    from runtime_api.service.records import FunctionSpec

    own = os.environ
    handler = command[-1] if len(command) > 1 else ""
    region_name = "AWS_REGION" if own.get("AWS_REGION") else "AWS_DEFAULT_REGION"
    configuration = FunctionSpec(
        name=_given("AWS_LAMBDA_FUNCTION_NAME", NAME) or "test_function",
        version=own.get("AWS_LAMBDA_FUNCTION_VERSION") or "$LATEST",
        handler=handler or own.get("AWS_LAMBDA_FUNCTION_HANDLER") or own.get("_HANDLER") or "function.handler",
        timeout_ms=_positive("AWS_LAMBDA_FUNCTION_TIMEOUT", 300) * 1000,
        memory_mb=int(_given("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", WHOLE_NUMBER) or 3008),
        variables={} if clean_env else _customer(own),
        region=_given(region_name, REGION) or "us-east-1",
        account="012345678912",  # RIE's
    )
    program = _program(command, opt)
    return LocalFunction(
        configuration,
        program,
        init_ms=None,
        runtime_api=runtime_api,
        also_known_as=frozenset({"function"}),
        concurrency=1,
        max_queued=CURRENT.waiting_invocations,
    )


def _customer(own: Mapping[str, str]) -> dict[str, str]:
    """The caller's variables, as a customer could have set them: no name with _ in front, no managed concurrency."""
    return {
        name: value
        for name, value in own.items()
        if not name.startswith("_") and name != "AWS_LAMBDA_MAX_CONCURRENCY"
    }


def _given(name: str, form: Pattern) -> str | None:
    """A variable's value, if it is set and has the form that it must have."""
    value = os.environ.get(name)
    if not value:
        return None
    try:
        return str(form.convert(value, None, None))
    except click.BadParameter as error:
        fail(f"{name}: {error.message}")


def _positive(name: str, default: float) -> float:
    given = os.environ.get(name)
    if not given:
        return default
    try:
        value = float(given)
    except ValueError:
        value = 0
    if not 0 < value < 1e9:
        fail(f"{name}={shortened(given)!r} is not a positive number")
    return value


def _program(command: tuple[str, ...], opt: Path) -> Program:
    from runtime_api.sandbox.entrypoint import BOOTSTRAP, Program, command_program

    from .targets import here

    if not command:
        places = tuple(root / BOOTSTRAP for root in (TASK_ROOT, opt, RUNTIME_ROOT))
        return Program(TASK_ROOT if TASK_ROOT.is_dir() else here(), places=places)
    # A command that is not there fails each invocation, as on Lambda and in RIE, and may still be put there.
    return command_program(command, here()) or Program(here(), command=command)


async def _serve(function: LocalFunction, address: Address, allowed_hosts: frozenset[str], quiet: bool) -> None:
    from runtime_api.local import LocalLambda

    ending = Ending()
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(LocalLambda(idle_timeout_s=None))
        local.add_function(function)
        with blaming("--runtime-api-address", function.runtime_api):
            await local.open_environment(function.configuration.name)
        with blaming("--runtime-interface-emulator-address", address):
            url = await local.listen(*address, allowed_hosts)
        if not quiet or address[1] == 0:
            _announce(url, address[0], function)
        await serve_until(ending, local, grace_s=0)


def _announce(url: str, host: str, function: LocalFunction) -> None:
    from .advice import advice

    click.echo(f"bootjack: invoke at {url}/2015-03-31/functions/function/invocations", err=True)
    if host == "127.0.0.1" and any(mark.exists() for mark in CONTAINER_MARKS):
        flag = "--runtime-interface-emulator-address 0.0.0.0:8080"
        click.echo(f"bootjack: for callers outside this container: {flag}, published with -p 9000:8080", err=True)
    hint = advice(function.program)
    if hint:
        click.echo(f"bootjack: {hint}", err=True)
