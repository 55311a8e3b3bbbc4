"""The filters of a mapping: which documents they let through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .filters import parse_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .filters import Pattern
    from .mapping_record import Settings

__all__ = ["passes", "patterns_of"]


def patterns_of(settings: Settings) -> tuple[Pattern, ...]:
    """Return the patterns that a mapping asks for, which have been checked when it was made."""
    filters = (settings.filter_criteria or {}).get("Filters", [])
    return tuple(parse_pattern(each.get("Pattern", "")) for each in filters)


def passes(patterns: Sequence[Pattern], document: Mapping[str, Any]) -> bool:
    """Whether a document is wanted: there are no patterns, or one fits."""
    return not patterns
