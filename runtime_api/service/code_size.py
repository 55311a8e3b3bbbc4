"""The size rule: what a function's code and layers may take together once they are unzipped (guide 605)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.protocol.limits import Limits

__all__ = ["ArchiveSize", "bytes_left", "size_refusal"]


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


def _total(archives: Sequence[ArchiveSize]) -> int:
    return sum(archive.unzipped_bytes for archive in archives)
