"""Packages of code, as callers upload them."""

from __future__ import annotations

import io
import zipfile

__all__ = ["package"]

EXECUTABLE = 0o100755 << 16


def package(files: dict[str, str]) -> bytes:
    """Return a .zip archive of executable files by name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = EXECUTABLE
            archive.writestr(entry, text)
    return content.getvalue()
