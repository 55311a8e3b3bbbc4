"""The command `bootjack`: joins the verbs, each of which lives in a file of `commands` and is imported when used."""

from __future__ import annotations

import os
import sys

from runtime_api import __version__

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        # Asked by scripts and completions: not worth the import of a command line library.
        print(f"bootjack {__version__}")
        return
    _hold_standard_descriptors()
    from runtime_api.commands.signals import handle_signals

    handle_signals()
    from runtime_api.commands.root import bootjack

    try:
        bootjack(prog_name="bootjack")
    except RuntimeError as error:
        if isinstance(error.__cause__, SystemExit):  # of a signal, in the making of a class: Python 3.11 wraps it
            raise error.__cause__ from None
        raise
    except OSError as error:  # of click's own writing: a full disk, say
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        print(f"bootjack: stdout: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)


def _hold_standard_descriptors() -> None:
    """Open what was closed of 0, 1 and 2, or the first sockets would take their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    main()
