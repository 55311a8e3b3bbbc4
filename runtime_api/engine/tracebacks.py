"""An unexpected exception as lines of the log."""

from __future__ import annotations

import traceback

__all__ = ["traceback_lines"]


def traceback_lines(what: str, error: BaseException) -> bytes:
    """Return a line that says what failed, and the traceback below it."""
    return f"bootjack: {what}\n{''.join(traceback.format_exception(error))}".encode(errors="replace")
