"""Request targets (RFC 9112 3.2)."""

from __future__ import annotations

__all__ = ["origin_form"]


def origin_form(target: bytes) -> bytes:
    """The path of a target in absolute form, as a proxy's client sends it; others stay as they are.

    The query must have been cut off.
    """
    if target.startswith(b"/"):
        return target
    _, scheme, rest = target.partition(b"://")
    if not scheme:
        return target
    _, slash, path = rest.partition(b"/")
    return slash + path or b"/"
