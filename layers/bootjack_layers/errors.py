"""The errors that the layer tools raise for users: each is one sentence that says what is wrong and what to do."""

from __future__ import annotations

__all__ = ["ArchiveError", "LayerError", "TooLargeError", "entry_error", "os_reason", "reason_of", "shown"]

_SHOWN_CHARACTERS = 200


class LayerError(Exception):
    """Something is wrong with a layer, or with the request to make one."""


class ArchiveError(Exception):
    """An archive cannot be extracted; the message names the archive and, where one is to blame, the entry."""


class TooLargeError(ArchiveError):
    """The archive expands to more bytes than allowed; `declared` is the total that its central directory declares."""

    declared = 0


def entry_error(name: str, what: str) -> ArchiveError:
    """An error that blames one entry of the archive."""
    return ArchiveError(f"entry {shown(name)} {what}")


def shown(name: str) -> str:
    """A name from an untrusted archive in printable form, cut to a bounded length."""
    return repr(name if len(name) <= _SHOWN_CHARACTERS else f"{name[:_SHOWN_CHARACTERS]}...")


def reason_of(error: Exception) -> str:
    """Why a library could not read an untrusted archive, in printable form, cut to a bounded length."""
    reason = str(error) or type(error).__name__
    reason = reason if reason.isprintable() else repr(reason)[1:-1]
    return reason if len(reason) <= _SHOWN_CHARACTERS else f"{reason[:_SHOWN_CHARACTERS]}..."


def os_reason(error: OSError) -> str:
    """The operating system's reason in lower case, to follow a colon."""
    return (error.strerror or str(error)).lower()
