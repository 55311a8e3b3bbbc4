"""How execution environments run: several invocations at once, or restored from a snapshot; options and variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from runtime_api.protocol.settings import InitializationType

from .options import MAX_CONCURRENCY, fail

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MODE_VARIABLES", "EnvironmentMode", "environment_mode"]

CONCURRENCY_VARIABLE = "AWS_LAMBDA_MAX_CONCURRENCY"
TYPE_VARIABLE = "AWS_LAMBDA_INITIALIZATION_TYPE"
MODE_VARIABLES = (
    (CONCURRENCY_VARIABLE, "Invocations that an execution environment runs at once.  [default: one after another]"),
    (TYPE_VARIABLE, "snap-start restores execution environments from snapshots; other values mean nothing."),
)


class EnvironmentMode(NamedTuple):
    """What a function's environments do differently; neither is classic mode."""

    max_concurrency: int  # 0: classic
    snap_start: bool


def environment_mode(
    environ: Mapping[str, str], flag: str, max_concurrency: int, *, snap_start: bool
) -> EnvironmentMode:
    """Return the mode that the options ask for, or else this command's own environment.

    A usage error when both are asked for; `flag` is the option for SnapStart.
    """
    if not max_concurrency and not snap_start:
        max_concurrency = _given(environ)
        snap_start = environ.get(TYPE_VARIABLE) == InitializationType.SNAP_START
    if max_concurrency and snap_start:
        fail(f"{flag} and several invocations at once exclude each other, as on Lambda: leave out one of them")
    return EnvironmentMode(max_concurrency, snap_start)


def _given(environ: Mapping[str, str]) -> int:
    value = environ.get(CONCURRENCY_VARIABLE)
    if not value:
        return 0
    try:
        return int(MAX_CONCURRENCY.convert(value, None, None))
    except click.BadParameter as error:
        fail(f"{CONCURRENCY_VARIABLE}: {error.message}")
