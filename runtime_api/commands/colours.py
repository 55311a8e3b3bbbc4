"""Whether a descriptor shows colours."""

from __future__ import annotations

import os

__all__ = ["shows_colours"]


def shows_colours(descriptor: int) -> bool:
    """Tell whether this is a terminal whose user has not said no (https://no-color.org)."""
    return os.isatty(descriptor) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
