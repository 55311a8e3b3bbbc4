"""The command `bootjack`: joins the verbs, each of which lives in a file of `commands` and is imported when used."""

from __future__ import annotations

import sys

from runtime_api import __version__

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        # Asked by scripts and completions: not worth the import of a command line library.
        print(f"bootjack {__version__}")
        return
    from runtime_api.commands.root import bootjack

    bootjack(prog_name="bootjack")


if __name__ == "__main__":
    main()
