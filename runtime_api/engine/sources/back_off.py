"""How long a source pauses after something has failed: longer each time, and never for all mappings at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

__all__ = ["BackOff"]

FIRST_S, LONGEST_S = 0.5, 30.0


class BackOff:
    """Doubles from half a second to half a minute; half of each pause is random."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def after(self, failures: int) -> float:
        """Return how long to pause after so many failures in a row, in seconds."""
        longest = min(FIRST_S * 2.0 ** min(failures - 1, 16), LONGEST_S)
        return longest * (0.5 + self._random.random() / 2)
