"""What goes wrong with layers, as one sentence for whoever has to put it right."""

from __future__ import annotations

__all__ = ["LayerError"]


class LayerError(Exception):
    """One sentence: what is wrong, and what to do."""
