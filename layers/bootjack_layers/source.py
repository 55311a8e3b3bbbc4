"""A layer as the user names it, a .zip or a directory: the list of its entries, and a directory with its content."""

from __future__ import annotations

import calendar
import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile

from .archive import ArchiveError, Ceilings, extract
from .entries import check_entry
from .errors import LayerError, os_reason, reason_of
from .zip_directory import original_name

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Layer", "Listed", "open_layer", "open_tree"]

_ROOMY = Ceilings(unzipped_bytes=2_000_000_000)  # beyond Lambda's limit, so that L202 can say how large a layer is


class Listed(NamedTuple):
    """One entry as the archive or directory lists it.

    `name` is normalized and `raw` as the archive spells it; `mode` is None if the archive records none.
    """

    name: str
    kind: int
    mode: int | None
    seconds: int
    size: int
    raw: str = ""


@dataclass(frozen=True)
class Layer:
    """One layer; `root` is None if the layer cannot be extracted or packed, and `refusal` says why."""

    label: str
    listed: tuple[Listed, ...]
    root: Path | None
    zipped: int | None = None
    refusal: str = ""
    files: dict[str, Listed] = field(default_factory=dict)

    @property
    def unzipped(self) -> int:
        """The bytes of all files."""
        return sum(entry.size for entry in self.files.values())

    def has(self, name: str) -> bool:
        """Whether there is a file of this name, or a directory that holds something."""
        return name in self.files or any(other.startswith(f"{name}/") for other in self.files)


def open_layer(given: Path, scratch: Path) -> Layer:
    """Open the layer at a path; an archive is extracted below `scratch`."""
    try:
        mode = given.stat().st_mode
        if stat.S_ISDIR(mode):
            return _open_directory(given)
    except OSError as error:
        raise LayerError(f"{error.filename}: {os_reason(error)}") from error
    if not stat.S_ISREG(mode):
        raise LayerError(f"{given} is a device, pipe or socket: name a .zip file or a directory")
    return _open_archive(given, scratch)


def _open_archive(given: Path, scratch: Path) -> Layer:
    try:
        with ZipFile(given) as bundle:
            listed = tuple(_archive_entries(bundle))
    except Exception as error:  # zipfile raises all kinds on hostile bytes; the extractor gives a proper reason
        listed = ()
        unreadable = reason_of(error)
    root = scratch / f"layer-{len(list(scratch.iterdir()))}"
    zipped = given.stat().st_size
    try:
        extract(given, root, _ROOMY)
    except ArchiveError as error:
        reason = str(error).removeprefix(f"{given}: ")
        return Layer(str(given), listed, None, zipped, reason, _files(listed))
    if not listed and any(root.iterdir()):
        raise LayerError(f"{given}: its central directory cannot be read: {unreadable}; create the archive again")
    return Layer(str(given), listed, root, zipped, files=_files(listed))


def open_tree(root: Path, label: str) -> Layer:
    """Open a directory as it is, even with names and links that no archive could hold."""
    try:
        listed = tuple(_directory_entries(root))
    except OSError as error:
        raise LayerError(f"{label}: {error.filename}: {os_reason(error)}") from error
    files = _files(listed)
    for entry in files.values():
        if entry.kind not in (stat.S_IFREG, stat.S_IFLNK):
            raise LayerError(f"{label}: {entry.name} is a device, pipe or socket: leave it out")
    return Layer(label, listed, root, files=files)


def _open_directory(root: Path) -> Layer:
    """A layer from a directory; its refusal is the first thing that an archive could not hold."""
    listed = tuple(_directory_entries(root))
    refusal = next(filter(None, (_refusal(root, entry) for entry in listed)), "")
    return Layer(str(root), listed, None if refusal else root, refusal=refusal, files=_files(listed))


def _refusal(root: Path, entry: Listed) -> str:
    try:
        check_entry(entry.name, entry.kind, root / entry.name)
    except LayerError as error:
        return f"cannot be packed: {error}"
    return ""


def _files(listed: tuple[Listed, ...]) -> dict[str, Listed]:
    """Files and links by name. Of duplicates the last counts, as when the archive is extracted."""
    return {entry.name: entry for entry in listed if entry.kind != stat.S_IFDIR}


def _directory_entries(root: Path) -> Iterator[Listed]:
    for folder, folders, files in sorted(os.walk(root, onerror=_raise)):
        for name in sorted([*folders, *files]):
            path = Path(folder) / name
            found = path.lstat()
            kind = stat.S_IFMT(found.st_mode)
            if kind == stat.S_IFREG and not os.access(path, os.R_OK):
                raise PermissionError(errno.EACCES, "permission denied", str(path))
            size = found.st_size if kind == stat.S_IFREG else 0
            relative = str(path.relative_to(root))
            yield Listed(relative, kind, found.st_mode & 0o7777, int(found.st_mtime), size, relative)


def _raise(error: OSError) -> None:
    """Make os.walk fail for an unreadable directory instead of treating it as empty."""
    raise error


def _archive_entries(bundle: ZipFile) -> Iterator[Listed]:
    for info in bundle.infolist():
        mode = info.external_attr >> 16
        raw = original_name(info)
        kind = stat.S_IFDIR if raw.endswith("/") else stat.S_IFMT(mode) or stat.S_IFREG
        name = "/".join(part for part in raw.split("/") if part not in ("", "."))
        size = info.file_size if kind == stat.S_IFREG else 0
        known = None if mode == 0 else mode & 0o7777
        yield Listed(name, kind, known, _seconds(info.date_time), size, raw)


def _seconds(date_time: tuple[int, ...]) -> int:
    """The entry's time as UTC. The format has no time zone, and Lambda extracts in UTC."""
    try:
        return calendar.timegm((*date_time, 0, 0, 0))
    except ValueError:
        return 0
