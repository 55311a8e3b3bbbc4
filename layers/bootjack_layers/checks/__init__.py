"""The looking: a file for each kind of rule. A check takes all layers and what they are for, and gives findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bootjack_layers.images import Image

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """What the layers are for."""

    image: Image
    arch: str
