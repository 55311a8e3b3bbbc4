"""Options that let more than this machine's own names and pages use the ports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .options import shortened

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["access_options"]


class _Origin(click.ParamType[str]):
    """A web origin, as browsers write it."""

    name = "origin"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from runtime_api.web.hosts import read_origin

        if read_origin(value) is None:
            self.fail(f"{shortened(value)!r} is not an origin: give scheme://host or scheme://host:port", param, ctx)
        return value


_OPTIONS = (
    click.option(
        "--allow-host",
        multiple=True,
        metavar="NAME",
        help="Accept this name in Host headers, besides this machine's own names; may be repeated.",
    ),
    click.option(
        "--allow-origin",
        type=_Origin(),
        multiple=True,
        metavar="ORIGIN",
        help="Let web pages of this origin invoke functions, besides pages of this machine; may be repeated.",
    ),
)


def access_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a verb that serves these options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
