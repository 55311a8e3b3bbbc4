"""The safe extractor for function packages and layers: untrusted .zip files in, plain directories out.

Plan, then write: `zip_directory`, `zip_plan` and `zip_links` check names, kinds, sizes and links before the first
byte is written, and links are created last. While files are written, the target holds only directories and files that
the extractor created itself, so nothing can be written through a link.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from .errors import ArchiveError, TooLargeError, entry_error
from .target import all_or_nothing
from .zip_content import content
from .zip_directory import DEFAULT_CEILINGS, Archive, Ceilings, open_zip
from .zip_links import resolve_links
from .zip_plan import Node, make_plan

if TYPE_CHECKING:
    from pathlib import Path
    from zipfile import ZipFile

__all__ = ["ArchiveError", "Ceilings", "Extracted", "TooLargeError", "extract"]

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Extracted(NamedTuple):
    """What was created. A link does not count as a file and has no bytes."""

    files: int
    unzipped_bytes: int


def extract(archive: Path, target: Path, ceilings: Ceilings = DEFAULT_CEILINGS) -> Extracted:
    """Extract the whole archive into a new or empty directory, or nothing at all."""
    try:
        with Archive(archive, ceilings) as file, open_zip(file) as bundle:
            plan = resolve_links(bundle, make_plan(bundle, ceilings), ceilings)
            if target.is_dir() and any(target.iterdir()):
                why = "which is not empty; empty it or name another directory"
                raise ArchiveError(f"cannot be extracted to {target}, {why}")
            with all_or_nothing(target):
                _write(target, bundle, plan)
    except ArchiveError as error:
        error.args = (f"{archive}: {error}",)
        raise
    except OSError as error:
        raise ArchiveError(f"{archive}: cannot be extracted to {target}: {error}; check both paths") from error
    sizes = [node.size for node in plan.values() if node.kind == stat.S_IFREG]
    return Extracted(len(sizes), sum(sizes))


def _write(target: Path, bundle: ZipFile, plan: dict[str, Node]) -> None:
    root = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    name = "/"
    try:
        for name, node in plan.items():
            if node.kind == stat.S_IFDIR:
                os.mkdir(name.encode(), 0o700, dir_fd=root)
            elif node.kind == stat.S_IFREG:
                _write_file(root, bundle, name, node)
        for name, node in plan.items():
            if node.kind == stat.S_IFDIR:
                os.chmod(name.encode(), node.mode, dir_fd=root)
        for name, node in plan.items():
            if node.kind == stat.S_IFLNK:
                os.symlink(node.destination.encode(), name.encode(), dir_fd=root)
    except OSError as error:
        why = f"{error.strerror}; make room or choose another directory"
        raise entry_error(name, f"cannot be written to {target}: {why}") from error
    finally:
        os.close(root)


def _write_file(root: int, bundle: ZipFile, name: str, node: Node) -> None:
    descriptor = os.open(name.encode(), _NEW_FILE, 0o600, dir_fd=root)
    try:
        for block in content(bundle, name, node):
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        os.fchmod(descriptor, node.mode)
    finally:
        os.close(descriptor)
