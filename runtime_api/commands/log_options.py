"""The options for how the log of a function is written: its format, and from which level on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .colours import shows_colours
from .option_groups import OPTIONS, options_under
from .options import fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.service.records import Logging
    from runtime_api.sinks.look import Look

__all__ = ["log_options", "look_of", "quiet_option", "read_logging", "trace_option"]

STDERR = 2
TEXT, JSON = "text", "json"
APPLICATION_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SYSTEM_LEVELS = ("DEBUG", "INFO", "WARN")

trace_option = options_under(OPTIONS)(
    "--trace",
    is_flag=True,
    help="Log each call of the runtime and of extensions to the Runtime API: the state that it met, its answer, and "
    "the rule behind a refusal.",
)

quiet_option = options_under(OPTIONS)(
    "-q",
    "--quiet",
    is_flag=True,
    help="Log what functions write and what goes wrong, but no INIT_START, START, END or REPORT.",
)


def look_of(*, quiet: bool, trace: bool) -> Look:
    """How the log looks on stderr; a terminal has colours, unless NO_COLOR is set."""
    from runtime_api.sinks.look import Look

    return Look(quiet, shows_colours(STDERR), trace)


def log_options(heading: str, variable: str | None = None) -> tuple[Callable[..., Callable[..., None]], ...]:
    """The options, under this heading; a variable may be the default of the format."""
    option = options_under(heading)
    return (
        option(
            "--log-format",
            type=click.Choice((TEXT, JSON), case_sensitive=False),
            default=TEXT,
            show_default=True,
            envvar=variable,
            help="Format of the function's log.",
        ),
        option(
            "--application-log-level",
            type=click.Choice(APPLICATION_LEVELS, case_sensitive=False),
            default=None,
            metavar="LEVEL",
            help="With --log-format json: keep the function's lines from this level on: TRACE, DEBUG, INFO, WARN, "
            "ERROR or FATAL.  [default: INFO]",
        ),
        option(
            "--system-log-level",
            type=click.Choice(SYSTEM_LEVELS, case_sensitive=False),
            default=None,
            metavar="LEVEL",
            help="With --log-format json: keep the platform's records from this level on: DEBUG, INFO or WARN.  "
            "[default: INFO]",
        ),
    )


def read_logging(log_format: str, application_level: str | None, system_level: str | None) -> Logging:
    """The log that these options describe; a usage error for a level where there is none."""
    from runtime_api.service.records import Logging

    if log_format.lower() == JSON:
        return Logging(None, True, (application_level or "INFO").upper(), (system_level or "INFO").upper())
    for name, level in (("--application-log-level", application_level), ("--system-log-level", system_level)):
        if level is not None:
            fail(f"{name} needs --log-format json: a log in text has no levels")
    return Logging()
