"""Long lists in pages: a marker names the last item that its caller has seen."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from typing import TYPE_CHECKING, TypeVar

from .errors import InvalidParameterValueException

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["page_of"]

Item = TypeVar("Item")


def page_of(items: Sequence[tuple[str, Item]], marker: str | None, most: int) -> tuple[list[Item], str | None]:
    """Return the items of a page, and the marker of the next one if there is more.

    `items` are in the order of their keys. An item that goes between two pages makes none other go missing.
    """
    keys = [key for key, _ in items]
    first = bisect_right(keys, _key(marker)) if marker else 0
    shown = items[first : first + most]
    more = first + most < len(items)
    return [item for _, item in shown], _marker(shown[-1][0]) if more else None


def _marker(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _key(marker: str) -> str:
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise InvalidParameterValueException("Invalid Marker: pass the NextMarker of the page before") from None
