"""Packages of code, as callers upload them."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["package"]

EXECUTABLE = 0o100755 << 16


def package(files: Mapping[str, str | bytes]) -> bytes:
    """Return a .zip archive of executable files by name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, content_of in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = EXECUTABLE
            archive.writestr(entry, content_of)
    return content.getvalue()
