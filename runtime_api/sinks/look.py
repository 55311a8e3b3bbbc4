"""How the log looks to whoever reads it as it is written; what is kept of it stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runtime_api.protocol.platform_events import Lines

if TYPE_CHECKING:
    from runtime_api.protocol.journal import Entry

__all__ = ["OWN", "Look"]

OWN = "bootjack"  # the source of lines that are no function's
_PLATFORM, _OURS, _END = b"\x1b[2m", b"\x1b[36m", b"\x1b[0m"  # dim, cyan


class Look(NamedTuple):
    """What the log shows, and whether its lines have colours."""

    quiet: bool = False  # without the platform's records
    coloured: bool = False  # the platform's records and our own lines
    traced: bool = False  # with each call of a runtime or an extension, and its answer

    def show(self, entry: Entry, text: bytes) -> bytes:
        """The text of an entry as it is written."""
        output = entry.records[0]  # a process's output is an entry of its own
        if not isinstance(output, Lines):
            return b"" if self.quiet else self._painted(_PLATFORM, text)
        return self._painted(_OURS, text) if output.source == OWN else text

    def _painted(self, colour: bytes, text: bytes) -> bytes:
        if not self.coloured or not text:
            return text
        return colour + text.removesuffix(b"\n").replace(b"\n", _END + b"\n" + colour) + _END + b"\n"
