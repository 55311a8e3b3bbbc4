"""The temporary directories of a command."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .signals import deferred

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime_api.store.trees import Trees

__all__ = ["temporary_trees"]


@contextmanager
def temporary_trees() -> Iterator[Trees]:
    """Keep trees for the command, and remove them at its end, which a first signal does not cut short."""
    from runtime_api.store.trees import Trees

    trees = Trees()
    try:
        yield trees
    finally:
        with deferred():
            trees.close()
