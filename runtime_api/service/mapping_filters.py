"""The filters of a mapping, ready to be held against documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .filters import parse_pattern

if TYPE_CHECKING:
    from .filters import Pattern
    from .mapping_record import Settings

__all__ = ["patterns_of"]


def patterns_of(settings: Settings) -> tuple[Pattern, ...]:
    """Return the patterns that a mapping asks for, which have been checked when it was made."""
    filters = (settings.filter_criteria or {}).get("Filters", [])
    return tuple(parse_pattern(each.get("Pattern", "")) for each in filters)
