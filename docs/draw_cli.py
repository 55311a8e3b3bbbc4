"""Draw docs/cli.md from the commands themselves: `python docs/draw_cli.py`. A test compares them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime_api.commands.root import bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 100
TEXT = """# The command line

Every verb with its options, as `--help` prints them.

{contents}
"""


def page() -> str:
    """Return the page."""
    verbs = list(_all("bootjack", bootjack, None))
    contents = "\n".join(f"- [`{name}`](#{name.replace(' ', '-')})" for name, _ in verbs)
    sections = (f"\n## {name}\n\n```text\n{text.rstrip()}\n```\n" for name, text in verbs)
    return TEXT.format(contents=contents) + "".join(sections)


def _all(name: str, command: click.Command, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    """Return a command's full name and help page, then those of its verbs."""
    context = click.Context(
        command,
        parent,
        info_name=name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            found = command.get_command(context, verb)
            assert found is not None
            yield from _all(verb, found, context)


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE}\n")
