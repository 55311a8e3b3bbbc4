"""The options that describe a function, for every verb that runs one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime_api.protocol.limits import CURRENT

from .log_options import log_options, read_logging
from .option_groups import option_group, options_under
from .options import HANDLER, MEMORY, REGION, TIMEOUT

if TYPE_CHECKING:
    from runtime_api.service.records import Logging

__all__ = ["FunctionOptions", "function_options"]


@dataclass(frozen=True, slots=True)
class FunctionOptions:
    """What the command line says of each function that it runs."""

    handler: str
    timeout_s: float
    memory_mb: int
    layers: tuple[Path, ...]
    env_files: tuple[Path, ...]
    env_vars: tuple[str, ...]
    region: str
    log_format: str
    application_log_level: str | None
    system_log_level: str | None

    @property
    def logging(self) -> Logging:
        """How the function's log is written; a usage error for options that contradict each other."""
        return read_logging(self.log_format, self.application_log_level, self.system_log_level)


HEADING = "Function options"
option = options_under(HEADING)

function_options = option_group(
    FunctionOptions,
    "function",
    option(
        "--handler",
        type=HANDLER,
        default="function.handler",
        show_default=True,
        help="Value of _HANDLER, which tells the bootstrap what to call.",
    ),
    option(
        "-t",
        "--timeout",
        "timeout_s",
        type=TIMEOUT,
        default=3,
        show_default=True,
        help=f"Time limit of an invocation, up to {CURRENT.timeout_max_ms // 1000}; fractions are allowed.",
    ),
    option(
        "-m",
        "--memory",
        "memory_mb",
        type=MEMORY,
        default=128,
        show_default=True,
        help=f"Memory size, {CURRENT.memory_min_mb} to {CURRENT.memory_max_mb}. Enforced in bubblewrap only.",
    ),
    option(
        "--layer",
        "layers",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="DIR|ZIP",
        help="Add a layer. Repeatable; later layers override earlier ones.",
    ),
    option(
        "--env-file",
        "env_files",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Set the environment variables in a file of NAME=VALUE lines. Repeatable.",
    ),
    option(
        "--env-var",
        "env_vars",
        multiple=True,
        metavar="NAME[=VALUE]",
        help="Set an environment variable; NAME alone takes its value from your environment. Repeatable.",
    ),
    option(
        "--region",
        type=REGION,
        default="us-east-1",
        show_default=True,
        help="AWS Region, for ARNs and AWS_REGION.",
    ),
    *log_options(HEADING),
)
