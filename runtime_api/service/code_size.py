"""Limits for a function's code: how many layers, and how many bytes unzipped (guide 598 and 605)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.protocol.limits import Limits

__all__ = ["ArchiveSize", "bytes_left", "layers_refusal", "size_refusal"]


class ArchiveSize(NamedTuple):
    """One archive of a function, code or layer."""

    name: str
    unzipped_bytes: int


def bytes_left(archives: Sequence[ArchiveSize], limits: Limits) -> int:
    """The unzipped bytes that one more archive may have."""
    return limits.unzipped_bytes - _total(archives)


def size_refusal(archives: Sequence[ArchiveSize], limits: Limits) -> str | None:
    """Say why a function cannot be made of these archives; None when it can."""
    total = _total(archives)
    if total <= limits.unzipped_bytes:
        return None
    listed = " + ".join(f"{archive.name} {archive.unzipped_bytes:,}" for archive in archives)
    parts = f" ({listed})" if len(archives) > 1 else ""
    return (
        f"code and layers come to {total:,} bytes unzipped{parts}, over Lambda's limit of "
        f"{limits.unzipped_bytes:,}; leave something out"
    )


def layers_refusal(count: int, limits: Limits) -> str | None:
    """Say why a function cannot have so many layers; None when it can."""
    return None if count <= limits.layers else f"a function has at most {limits.layers} layers, not {count}"


def _total(archives: Sequence[ArchiveSize]) -> int:
    return sum(archive.unzipped_bytes for archive in archives)
