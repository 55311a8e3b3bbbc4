"""Options that several verbs share, each group of them handed over as one value.

A group is a frozen dataclass whose fields are named as its options' parameters are:

    option = options_under("Sandbox options")      # their heading on the help page
    sandbox_options = option_group(SandboxOptions, "sandbox", option("--sandbox", "kind", ...), ...)

    @sandbox_options
    def command(target: str, sandbox: SandboxOptions) -> None: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial, wraps
from typing import Any

import click

__all__ = ["OPTIONS", "option_group", "options_under"]

OPTIONS = "Options"  # the heading of options that have no other

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


class HeadedOption(click.Option):
    """An option with the heading that it stands under on a help page."""

    def __init__(self, *args: Any, heading: str, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.heading = heading


def options_under(heading: str) -> Callable[..., Decorator]:
    """`click.option` for options that stand under this heading."""
    return partial(click.option, cls=HeadedOption, heading=heading)


def option_group(kind: type, parameter: str, *options: Decorator) -> Decorator:
    """Give a verb these options; it gets a `kind` of their values as this parameter."""
    names = [field.name for field in fields(kind)]

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @wraps(verb)
        def with_group(**given: Any) -> None:
            values = {name: given.pop(name) for name in names}
            verb(**given, **{parameter: kind(**values)})

        for option in reversed(options):
            option(with_group)
        return with_group

    return decorate
