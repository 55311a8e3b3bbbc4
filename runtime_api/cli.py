"""The entry point of the command `bootjack`."""

from __future__ import annotations

import gc
import os
import sys

from runtime_api import __version__

__all__ = ["main"]

YOUNG_OBJECTS = 200_000  # more than any start makes


def main() -> None:
    """Run the command line."""
    from runtime_api.commands.preflight import need_files, need_stdout, refuse, shortage

    need_stdout()
    try:
        _keep_standard_numbers()
        if sys.argv[1:] == ["--version"]:
            # Scripts and shell completions ask for it often; importing click would take ten times as long.
            print(f"bootjack {__version__}", flush=True)
            return
        need_files()
        _run()
    except (RuntimeError, MemoryError, ImportError, OSError) as error:
        # Python 3.11 wraps what a signal handler raises while a class is being made (__set_name__).
        if isinstance(error.__cause__, SystemExit):
            raise error.__cause__ from None
        reason = shortage(error)
        if reason is None:
            raise
        refuse(reason)


def _run() -> None:
    # What is imported never becomes garbage; looking for some in it takes a tenth of a start.
    gc.set_threshold(YOUNG_OBJECTS)
    from runtime_api.commands.signals import handle_signals

    handle_signals()
    from runtime_api.commands.root import bootjack

    bootjack(prog_name="bootjack")


def _keep_standard_numbers() -> None:
    """Open stdin and stderr where they are closed, or the first sockets would take their numbers."""
    for number in (0, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:  # Python found it closed
        sys.stderr = open(2, "w", errors="backslashreplace", closefd=False)  # noqa: SIM115


if __name__ == "__main__":
    main()
