"""The checks, one file for each group of rules. A check takes all layers and their target, and yields findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bootjack_layers.images import Image

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """The runtime image and the architecture that the layers are for."""

    image: Image
    arch: str
