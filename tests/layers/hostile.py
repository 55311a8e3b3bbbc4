"""Hostile archives by the hundred, made of tables: what may happen to each, and its bytes when they are wanted.

corpus.py has one archive for each refusal, with its words. This one multiplies: every trick in every place.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Case", "Fate"]


class Fate(Enum):
    """What may become of an archive. Whatever it is, nothing happens outside the target."""

    REFUSED = "refused"
    EXTRACTED = "extracted"  # odd, but everything lands inside
    EITHER = "either"  # damage: a reader may look past it


class Case(NamedTuple):
    """A hostile archive."""

    name: str
    fate: Fate
    content: Callable[[], bytes]
