"""A body that comes in pieces, up to a limit that depends on what is asked."""

from __future__ import annotations

from msgspec import Struct, field

__all__ = ["Arriving"]


class Arriving(Struct):
    """What has come of a body that may have `most` bytes."""

    most: int
    size: int = 0
    pieces: list[bytes] = field(default_factory=list)

    def add(self, piece: bytes) -> bool:
        """Keep a piece; False when there is more than there may be: then nothing is kept."""
        self.size += len(piece)
        if self.size > self.most:
            self.pieces.clear()
            return False
        self.pieces.append(piece)
        return True

    def whole(self) -> bytes:
        """Return what has come."""
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
