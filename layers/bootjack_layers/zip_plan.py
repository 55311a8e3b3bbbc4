"""Decide from the central directory alone what an archive may create: names, kinds, modes and sizes.

Every entry becomes a `Node` under its normalized name, or the archive is refused. Links are resolved afterwards by
`zip_links`, since a link may point to an entry that comes later.
"""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZIP_STORED, ZipInfo

from .errors import TooLargeError, entry_error, shown
from .zip_directory import original_name

if TYPE_CHECKING:
    from zipfile import ZipFile

    from .zip_directory import Ceilings

__all__ = ["Node", "make_plan"]

_ENCRYPTED = 0x0001 | 0x0040 | 0x2000  # general purpose bits: APPNOTE 4.4.4


class Node(NamedTuple):
    """What to create under one name: `kind` is a stat.S_IF constant, `destination` is where a link points."""

    kind: int
    mode: int
    size: int = 0
    crc: int = 0
    method: int = ZIP_STORED
    info: ZipInfo = ZipInfo()
    destination: str = ""


_IMPLIED = Node(stat.S_IFDIR, 0o755)


def make_plan(bundle: ZipFile, ceilings: Ceilings) -> dict[str, Node]:
    """Check every entry; in the plan a directory precedes its content."""
    plan: dict[str, Node] = {}
    links = 0
    for info in bundle.infolist():
        raw = original_name(info)
        name, node = _normal_name(raw, ceilings), _node(info, raw)
        links += node.kind == stat.S_IFLNK
        if name:
            _claim(plan, name, node)
        if len(plan) > ceilings.entries or links > ceilings.links:
            limits = f"{ceilings.entries} files and directories, {ceilings.links} links"
            raise entry_error(raw, f"is one more than an archive may hold ({limits}); leave some out")
    _refuse_too_much(plan, ceilings.unzipped_bytes)
    return plan


def _refuse_too_much(plan: dict[str, Node], limit: int) -> None:
    sizes = {name: node.size for name, node in plan.items() if node.kind == stat.S_IFREG}
    total = 0
    for name, size in sizes.items():
        total += size
        if total > limit:
            what = f"brings the archive to more than {limit} unzipped bytes; leave something out"
            error = TooLargeError(f"entry {shown(name)} {what}")
            error.declared = sum(sizes.values())
            raise error


def _normal_name(raw: str, ceilings: Ceilings) -> str:
    """The name without `.` and repeated slashes; empty for the root itself."""
    parts = [part for part in raw.split("/") if part not in ("", ".")]
    name = "/".join(parts)
    fault = ""
    if "\0" in raw:
        fault = "has a NUL in its name; rename it"
    elif "\\" in raw:
        # Lambda creates one flat file with this name (aws-cli issue 8501). Converted, it would work only here.
        fault = "has a backslash in its name; create the archive with forward slashes"
    elif raw.startswith("/") or re.match("[A-Za-z]:", raw) or ".." in parts:
        fault = "would be extracted outside the target directory; create the archive with relative names"
    elif not parts and not raw.endswith("/"):
        fault = "has an empty name; name it or leave it out"
    elif len(name.encode()) > ceilings.path_bytes or any(len(part.encode()) > ceilings.name_bytes for part in parts):
        fault = f"has a name over {ceilings.path_bytes} bytes, or {ceilings.name_bytes} between slashes; shorten it"
    elif len(parts) > ceilings.depth:
        fault = f"is more than {ceilings.depth} directories deep; move it up"
    if fault:
        raise entry_error(raw, fault)
    return name


def _node(info: ZipInfo, raw: str) -> Node:
    # The upper half holds Unix modes even where the entry says FAT made it, as PKZIP for Unix does: Info-ZIP unix.c
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode) or stat.S_IFREG
    if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise entry_error(raw, "is a device, pipe or socket; leave it out")
    if info.flag_bits & _ENCRYPTED:
        raise entry_error(raw, "is encrypted; create the archive without a password")
    if raw.endswith("/") or kind == stat.S_IFDIR:
        if info.file_size or kind == stat.S_IFLNK:
            raise entry_error(raw, "is a directory with content; create the archive again")
        return Node(stat.S_IFDIR, mode & 0o777 | 0o700 if mode else 0o755)
    mode = mode & 0o777 | 0o400 if mode else 0o644
    node = Node(kind, mode, info.file_size, info.CRC, info.compress_type, info)
    # Make zipfile return the stored bytes unchanged. Its own decoding silently cuts a stream that is longer than
    # declared, and sets no bound on the memory that one read of bzip2 or lzma takes.
    info.compress_type, info.file_size = ZIP_STORED, info.compress_size
    del info.CRC
    return node


def _claim(plan: dict[str, Node], name: str, node: Node) -> None:
    """Assign the name to the node. A later file replaces a file, as with `unzip -o`; other duplicates are refused."""
    earlier = plan.get(name, node)
    if earlier.kind != node.kind or (name in plan and node.kind == stat.S_IFLNK):
        raise entry_error(name, "appears twice, and not as a file both times; keep one")
    missing, parent = [], name.rpartition("/")[0]
    while parent and parent not in plan:
        missing.append(parent)
        parent = parent.rpartition("/")[0]
    if parent and plan[parent].kind != stat.S_IFDIR:
        raise entry_error(name, f"is below {shown(parent)}, which is a file or a link; rename one of them")
    plan.update(dict.fromkeys(reversed(missing), _IMPLIED))
    plan[name] = node
