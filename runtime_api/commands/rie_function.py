"""The function that `bootjack rie` serves: described by its command line, and by the variables that RIE reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime_api.protocol.limits import CURRENT
from runtime_api.sandbox.entrypoint import BOOTSTRAP, Program, command_program

from .options import NAME, REGION, Pattern, fail, shortened
from .targets import here

if TYPE_CHECKING:
    from runtime_api.local import Address, LocalFunction
    from runtime_api.service.records import Logging

    from .environment_mode import EnvironmentMode

__all__ = ["rie_function"]

TASK_ROOT = Path("/var/task")
RUNTIME_ROOT = Path("/var/runtime")
MEGABYTES = Pattern("number", r"[1-9][0-9]{0,8}", "a whole number above 0")
ACCOUNT = "012345678912"  # RIE's


def rie_function(
    command: tuple[str, ...],
    opt: Path,
    runtime_api: Address,
    mode: EnvironmentMode,
    logging: Logging,
    *,
    clean_env: bool,
) -> LocalFunction:
    """Describe the function as RIE does: one environment, whose init is part of the first invocation.

    In the modes that never initialise inside an invocation, it begins at once.
    """
    from runtime_api.local import LocalFunction
    from runtime_api.service.customer_variables import customer_variables
    from runtime_api.service.records import FunctionSpec
    from runtime_api.service.tenancy import Tenancy

    own = os.environ
    handler = command[-1] if len(command) > 1 else ""
    region_name = "AWS_REGION" if own.get("AWS_REGION") else "AWS_DEFAULT_REGION"
    configuration = FunctionSpec(
        name=_read("AWS_LAMBDA_FUNCTION_NAME", NAME) or "test_function",
        version=own.get("AWS_LAMBDA_FUNCTION_VERSION") or "$LATEST",
        handler=handler or own.get("AWS_LAMBDA_FUNCTION_HANDLER") or own.get("_HANDLER") or "function.handler",
        timeout_ms=_seconds("AWS_LAMBDA_FUNCTION_TIMEOUT", 300) * 1000,
        memory_mb=int(_read("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEGABYTES) or 3008),
        variables={} if clean_env else customer_variables(own),
        region=_read(region_name, REGION) or "us-east-1",
        account=ACCOUNT,
        logging=logging,
    )
    return LocalFunction(
        configuration,
        _program(command, opt),
        init_ms=None,
        runtime_api=runtime_api,
        also_known_as=frozenset({"function"}),
        concurrency=1,
        max_queued=CURRENT.waiting_invocations,
        max_concurrency=mode.max_concurrency,
        snap_start=mode.snap_start,
        tenancy=Tenancy.PASSED_ON,
    )


def _read(name: str, form: Pattern) -> str | None:
    """Read a variable; None when it is not set, a usage error when it does not have this form."""
    value = os.environ.get(name)
    if not value:
        return None
    try:
        return str(form.convert(value, None, None))
    except click.BadParameter as error:
        fail(f"{name}: {error.message}")


def _seconds(name: str, default: float) -> float:
    given = os.environ.get(name)
    if not given:
        return default
    try:
        value = float(given)
    except ValueError:
        value = 0
    if not 0 < value < 1e9:
        fail(f"{name}: {shortened(given)!r} is not a number of seconds above 0")
    return value


def _program(command: tuple[str, ...], opt: Path) -> Program:
    if not command:
        places = tuple(root / BOOTSTRAP for root in (TASK_ROOT, opt, RUNTIME_ROOT))
        return Program(TASK_ROOT if TASK_ROOT.is_dir() else here(), places=places, opt=opt)
    # A command that does not exist fails each invocation, as on Lambda and in RIE, until somebody installs it.
    return (command_program(command, here()) or Program(here(), command=command))._replace(opt=opt)
