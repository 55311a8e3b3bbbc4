"""The event that `-e` names."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

from .options import fail, shortened

__all__ = ["Event", "read_event"]

_NUMBER_OR_WORD = re.compile(r"\s*(-?\d[\d.eE+-]*|true|false|null)\s*")
# What the system says of a text that is no file's name: then it is taken for the event itself.
_NO_FILE = (errno.ENOENT, errno.ENAMETOOLONG, errno.ENOTDIR)


class Event(NamedTuple):
    """An event as the user gave it."""

    label: str  # how an error message names it
    payload: bytes


def read_event(given: str) -> Event:
    """Read the event: `-` is stdin, the name of a file its content, anything else must be the JSON itself."""
    if given == "-":
        if sys.stdin is None:
            fail("-e -: stdin is closed; give a file or the JSON itself")
        return Event("-e -", sys.stdin.buffer.read())
    path = Path(given)
    try:
        if not path.is_dir():
            return Event(f"-e {shortened(given)}", path.read_bytes())
    except OSError as error:
        if error.errno not in _NO_FILE:
            fail(f"-e {shortened(given)}: {(error.strerror or 'cannot be read').lower()}")
    except ValueError:
        pass  # a NUL, which is in no file's name
    if given.lstrip()[:1] in ("{", "[", '"') or _NUMBER_OR_WORD.fullmatch(given):
        return Event("-e", os.fsencode(given))
    if "=" in given:  # as other tools set a variable with -e, and its value may be a secret
        fail("-e: neither a file nor JSON; use - for stdin, and --env-var to set a variable with NAME=VALUE")
    fail(f"-e {shortened(given)!r} is neither a file nor JSON; use - for stdin")
