"""What a run of the fuzz found, in one line."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ENOUGH", "Run"]

ENOUGH = 20  # failures, after which a run ends


class Run(NamedTuple):
    """What a run found."""

    inputs: int
    seconds: float
    failures: list[tuple[int, str]]  # an input's number, -1 for the run as a whole, and what did not hold

    def line(self, where: str, seed: int, first: int) -> str:
        """The summary."""
        rate = self.inputs / max(self.seconds, 1e-6)
        numbers = f"seed {seed}, numbers {first} to {first + self.inputs - 1}"
        return f"{self.inputs:,} inputs {where}, {numbers}, {rate:,.0f}/s: {len(self.failures)} failures"
