"""Lets a shell complete the names of files where a command line takes more than those."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

__all__ = ["file_names"]


def file_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer what the shell offers for a file; the `shell_complete` of a parameter."""
    from click.shell_completion import CompletionItem  # needed for nothing else

    return [CompletionItem(incomplete, type="file")]
