"""What a file is, in the words of a user: its kind, and the kind of archive."""

from __future__ import annotations

import stat

__all__ = ["ZIP", "archive_kind", "kind_of"]

KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
ZIP = "zip"
# What archives begin with; tar has its mark after the first file's head.
ARCHIVES = {
    b"PK\3\4": ZIP,
    b"PK\5\6": ZIP,
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf": "7z",
}
TAR, TAR_AT = b"ustar", 257


def kind_of(mode: int) -> str:
    """Return what kind of file has this mode, as `os.stat` gives it."""
    return KINDS.get(stat.S_IFMT(mode), "a special file")


def archive_kind(start: bytes) -> str | None:
    """Return which kind of archive begins with these bytes, if any."""
    if start.startswith(TAR, TAR_AT):
        return "tar"
    return next((kind for mark, kind in ARCHIVES.items() if start.startswith(mark)), None)
