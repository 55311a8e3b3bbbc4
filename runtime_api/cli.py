"""The entry point of the command `bootjack`."""

from __future__ import annotations

import os
import sys

from runtime_api import __version__

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        # Scripts and shell completions ask for it often; importing click would take ten times as long.
        print(f"bootjack {__version__}")
        return
    _open_standard_descriptors()
    from runtime_api.commands.signals import handle_signals

    handle_signals()
    from runtime_api.commands.root import bootjack

    try:
        bootjack(prog_name="bootjack")
    except RuntimeError as error:
        # Python 3.11 wraps what a signal handler raises while a class is being made (__set_name__).
        if isinstance(error.__cause__, SystemExit):
            raise error.__cause__ from None
        raise
    except OSError as error:
        if error.errno is None:
            raise
        if error.filename is None:  # click could not write to stdout: a full disk, for example
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        print(f"bootjack: {error.filename or 'stdout'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)


def _open_standard_descriptors() -> None:
    """Open those of 0, 1 and 2 that are closed, or the first sockets would take their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    main()
