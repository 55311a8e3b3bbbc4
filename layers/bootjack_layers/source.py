"""A layer as it was given: a .zip or a directory. Its list is kept as it stands, its content lies in a directory."""

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
from .errors import LayerError
from .pack import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Layer", "Listed", "open_layer", "open_tree"]

_ROOMY = Ceilings(unzipped_bytes=2_000_000_000)  # too large a layer is to be told how large


class Listed(NamedTuple):
    """One entry as its list has it; `mode` is None where an archive tells none, `name` has no slash at its end."""

    name: str
    kind: int
    mode: int | None
    seconds: int
    size: int
    raw: str = ""


@dataclass(frozen=True)
class Layer:
    """One layer; `root` is None when its archive cannot be extracted, and `refusal` says why."""

    label: str
    listed: tuple[Listed, ...]
    root: Path | None
    zipped: int | None = None
    refusal: str = ""
    files: dict[str, Listed] = field(default_factory=dict)

    @property
    def unzipped(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files.values())

    def has(self, name: str) -> bool:
        """Whether there is such a file, or a directory that holds something."""
        return name in self.files or any(other.startswith(f"{name}/") for other in self.files)


def open_layer(given: Path, scratch: Path) -> Layer:
    """The layer at a path; an archive is extracted below `scratch`."""
    try:
        mode = given.stat().st_mode
        if stat.S_ISDIR(mode):
            return _opened_directory(given)
    except OSError as error:
        raise LayerError(f"{error.filename}: {(error.strerror or 'cannot be read').lower()}") from error
    if not stat.S_ISREG(mode):
        raise LayerError(f"{given} is a device, pipe or socket: name a .zip file or a directory")
    try:
        with ZipFile(given) as bundle:
            listed = tuple(_listed_by(bundle))
    except Exception as error:  # zipfile lets much through on hostile bytes; the extractor says it properly
        listed = ()
        unreadable = str(error) or type(error).__name__
    root = scratch / f"layer-{len(list(scratch.iterdir()))}"
    zipped = given.stat().st_size
    try:
        extract(given, root, _ROOMY)
    except ArchiveError as error:
        reason = str(error).removeprefix(f"{given}: ")
        return Layer(str(given), listed, None, zipped, reason, _files(listed))
    if not listed and any(root.iterdir()):
        raise LayerError(f"{given}: its list cannot be read: {unreadable}; make it again")
    return Layer(str(given), listed, root, zipped, files=_files(listed))


def open_tree(root: Path, label: str) -> Layer:
    """The layer in a directory as it is: names and links may be such as no archive could hold."""
    try:
        listed = tuple(_listed_in(root))
    except OSError as error:
        raise LayerError(f"{label}: {error.filename}: {(error.strerror or 'cannot be read').lower()}") from error
    files = _files(listed)
    for entry in files.values():
        if entry.kind not in (stat.S_IFREG, stat.S_IFLNK):
            raise LayerError(f"{label}: {entry.name} is a device, pipe or socket: leave it out")
    return Layer(label, listed, root, files=files)


def _opened_directory(root: Path) -> Layer:
    """All of it, or an `OSError`; what no archive could hold is its refusal."""
    listed = tuple(_listed_in(root))
    refusal = next(filter(None, (_refusal(root, entry) for entry in listed)), "")
    return Layer(str(root), listed, None if refusal else root, refusal=refusal, files=_files(listed))


def _refusal(root: Path, entry: Listed) -> str:
    try:
        judge(entry.name, entry.kind, root / entry.name)
    except LayerError as error:
        return str(error)
    return ""


def _files(listed: tuple[Listed, ...]) -> dict[str, Listed]:
    """Files and links by name; of several of one name the last counts, as when it is extracted."""
    return {entry.name: entry for entry in listed if entry.kind != stat.S_IFDIR}


def _listed_in(root: Path) -> Iterator[Listed]:
    for folder, folders, files in sorted(os.walk(root, onerror=_stop)):
        for name in sorted([*folders, *files]):
            path = Path(folder) / name
            found = path.lstat()
            kind = stat.S_IFMT(found.st_mode)
            if kind == stat.S_IFREG and not os.access(path, os.R_OK):
                raise PermissionError(errno.EACCES, "permission denied", str(path))
            size = found.st_size if kind == stat.S_IFREG else 0
            relative = str(path.relative_to(root))
            yield Listed(relative, kind, found.st_mode & 0o7777, int(found.st_mtime), size, relative)


def _stop(error: OSError) -> None:
    """A folder that cannot be read is not an empty one."""
    raise error


def _listed_by(bundle: ZipFile) -> Iterator[Listed]:
    for info in bundle.infolist():
        mode = info.external_attr >> 16
        kind = stat.S_IFDIR if info.filename.endswith("/") else stat.S_IFMT(mode) or stat.S_IFREG
        name = "/".join(part for part in info.filename.split("/") if part not in ("", "."))
        size = info.file_size if kind == stat.S_IFREG else 0
        known = None if mode == 0 else mode & 0o7777
        yield Listed(name, kind, known, _seconds(info.date_time), size, info.orig_filename)


def _seconds(date_time: tuple[int, ...]) -> int:
    """The list's time, which has no zone, as if it were UTC: as whoever extracts it on Lambda takes it."""
    try:
        return calendar.timegm((*date_time, 0, 0, 0))
    except ValueError:
        return 0
