"""`--watch`: reload a function when its code changes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from .function import hand_over
from .options import fail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from runtime_api.local import LocalFunction, LocalLambda

__all__ = ["Watched", "check_watching", "watch"]


class Watched(NamedTuple):
    """A function, the directories and files that it is made of, and how to make it again."""

    name: str
    paths: tuple[Path, ...]
    remake: Callable[[], LocalFunction]


def check_watching() -> None:
    """End with a usage error when watchfiles is not installed."""
    try:
        import watchfiles  # noqa: F401
    except ImportError:
        fail("--watch needs the package watchfiles; run pip install 'bootjack[watch]'")


async def watch(local: LocalLambda, functions: Sequence[Watched]) -> None:
    """Reload functions as their code changes, until cancelled. One that cannot be made keeps its old code."""
    paths = {path for function in functions for path in function.paths}
    folders = {path for path in paths if path.is_dir()}
    beside = {path.parent for path in paths - folders}  # a watch on a file ends when it is replaced

    async def follow(places: set[Path], recursive: bool) -> None:
        try:
            async for changed in _changes(places, recursive):
                for function in _touched(functions, changed):
                    await _replace(local, function)
        except (OSError, RuntimeError) as error:  # the system has no watches left, for example
            click.echo(f"bootjack: --watch has stopped: {error}", err=True)

    async with asyncio.TaskGroup() as group:
        for places, recursive in ((folders, True), (beside, False)):
            if places:
                group.create_task(follow(places, recursive))


def _changes(places: Iterable[Path], recursive: bool) -> AsyncIterator[set[Path]]:
    """Yield the files that changed, in batches: what one build writes comes together."""
    from watchfiles import awatch

    async def batches() -> AsyncIterator[set[Path]]:
        async for batch in awatch(*places, recursive=recursive, ignore_permission_denied=True):
            yield {Path(path) for _, path in batch}

    return batches()


def _touched(functions: Iterable[Watched], changed: set[Path]) -> list[Watched]:
    """Find the functions that one of these files belongs to."""
    return [
        function
        for function in functions
        if any(path == root or root in path.parents for path in changed for root in function.paths)
    ]


async def _replace(local: LocalLambda, function: Watched) -> None:
    try:
        hand_over(local, await asyncio.to_thread(function.remake))
    except click.ClickException as error:  # an archive that is half written, for example, and changes again
        click.echo(f"bootjack: {function.name} keeps its old code: {error.message}", err=True)
        return
    click.echo(f"bootjack: {function.name} has changed; new invocations run the new code", err=True)
