"""The one safe extractor of function packages and layers: untrusted .zip files in, plain directories out.

Plan, then write: names, kinds, sizes and links are judged before the first byte is written, and links are made
last. While files are written the target holds nothing but directories and files of our own making, so that
nothing can be written through a link.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import shutil
import stat
import struct
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 1 << 18
_LOCAL_HEADER = 30  # bytes of its fixed part: APPNOTE 4.3.7
_UTF8_NAME, _ENCRYPTED = 0x0800, 0x0001 | 0x0040 | 0x2000  # general purpose bits: APPNOTE 4.4.4
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

# What zipfile and the decoders let through on hostile bytes: ValueError is UnicodeDecodeError too, RuntimeError is
# NotImplementedError, OSError is bz2's, ImportError a Python built without bz2 or lzma.
_UNREADABLE: tuple[type[Exception], ...] = (BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)
_UNREADABLE += (OverflowError, MemoryError, OSError, ImportError)
with contextlib.suppress(ImportError):
    _UNREADABLE += (importlib.import_module("lzma").LZMAError,)


class ArchiveError(Exception):
    """One sentence: which entry of which archive is wrong, and what to do."""


class TooLargeError(ArchiveError):
    """The archive unfolds to more bytes than it may; `declared` is what its list comes to."""

    declared = 0


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What an archive may cost. There is no ratio: bytes counted while they unfold bound a bomb without one."""

    unzipped_bytes: int = 262_144_000  # guide 605: 250 MB unzipped, all layers together
    entries: int = 100_000  # with the directories that names imply; a zip64 package may pass a plain zip's 65,535
    links: int = 10_000  # each is read and followed before anything is written
    listing_bytes: int = 64 << 20  # zipfile reads the central directory whole; this is 670 bytes for each entry
    path_bytes: int = 1024  # PATH_MAX of macOS; of the 4096 of Linux, what stands before the path needs a part
    name_bytes: int = 255  # NAME_MAX
    depth: int = 100  # shutil.rmtree holds one descriptor for each level, and macOS gives a process 256


class Extracted(NamedTuple):
    """What was made; a link is no file and has no bytes."""

    files: int
    unzipped_bytes: int


_DEFAULT = Ceilings()


def extract(archive: Path, target: Path, ceilings: Ceilings = _DEFAULT) -> Extracted:
    """Extract archive into target, which is new or empty: wholly, or not at all."""
    try:
        with _Archive(io.FileIO(archive), _CHUNK) as file, _listed(file, ceilings) as bundle:
            plan = _planned(bundle, ceilings)
            _fill(target, bundle, plan)
    except ArchiveError as error:
        error.args = (f"{archive}: {error}",)
        raise
    except OSError as error:
        raise ArchiveError(f"{archive}: cannot be extracted to {target}: {error}; check both paths") from error
    sizes = [node.size for node in plan.values() if node.kind == stat.S_IFREG]
    return Extracted(len(sizes), sum(sizes))


class _Archive(io.BufferedReader):
    """The archive's bytes, refusing to give out a central directory that is over the ceilings."""

    ceilings = _DEFAULT

    def read(self, size: int | None = -1, /) -> bytes:
        # Nothing else is ever asked for in more than a chunk. zipfile parses all of it at once: an archive that is
        # nothing but its list would take many times its size in memory before the entries could be counted.
        if size is None or size <= _CHUNK:
            return super().read(size)
        if size > self.ceilings.listing_bytes:
            raise ArchiveError(f"has a list of {size} bytes, over {self.ceilings.listing_bytes}; put in fewer files")
        listing = super().read(size)
        if listing.count(b"PK\x01\x02") > self.ceilings.entries:
            raise ArchiveError(f"lists more than {self.ceilings.entries} entries; put in fewer")
        return listing


def _listed(file: _Archive, ceilings: Ceilings) -> ZipFile:
    file.ceilings = ceilings
    try:
        return ZipFile(file)
    except _UNREADABLE as error:
        raise ArchiveError(
            f"is not a readable .zip file: {str(error) or type(error).__name__}; make it again"
        ) from error


class _Node(NamedTuple):
    """What shall stand under one name: kind is an S_IF constant, destination a link's."""

    kind: int
    mode: int
    size: int = 0
    crc: int = 0
    method: int = ZIP_STORED
    info: ZipInfo = ZipInfo()
    destination: str = ""


_IMPLIED = _Node(stat.S_IFDIR, 0o755)


def _planned(bundle: ZipFile, ceilings: Ceilings) -> dict[str, _Node]:
    """Judge every entry by the list; a directory stands before what it holds."""
    _refuse_overlaps(bundle)
    plan: dict[str, _Node] = {}
    links: dict[str, str] = {}
    for info in bundle.infolist():
        raw = _raw_name(info)
        name, node = _normal_name(raw, ceilings), _node(info, raw)
        if node.kind == stat.S_IFLNK:
            links[name] = _destination(bundle, name, node, ceilings)
            node = node._replace(destination=links[name], size=0)
        if name:
            _claim(plan, name, node)
        if len(plan) > ceilings.entries or len(links) > ceilings.links:
            limits = f"{ceilings.entries} files and directories, {ceilings.links} links"
            raise _fault(raw, f"is one more than an archive may hold ({limits}); put in fewer")
    _refuse_too_much(plan, ceilings.unzipped_bytes)
    _refuse_escapes(links, ceilings)
    return plan


def _refuse_too_much(plan: dict[str, _Node], most: int) -> None:
    total = 0
    for name, node in plan.items():
        total += node.size
        if total > most:
            error = TooLargeError(f"entry {_shown(name)} takes the archive over {most} unzipped bytes; put in less")
            error.declared = sum(node.size for node in plan.values())
            raise error


def _refuse_overlaps(bundle: ZipFile) -> None:
    """Entries that share bytes let a few kilobytes unfold to petabytes (Fifield, A better zip bomb, 2019)."""
    free = 0
    for info in sorted(bundle.infolist(), key=lambda info: info.header_offset):
        end = info.header_offset + _LOCAL_HEADER + len(info.orig_filename) + info.compress_size
        if info.header_offset < free or end > bundle.start_dir:
            raise _fault(_raw_name(info), "shares its bytes with another entry or the list; make the archive again")
        free = end


def _raw_name(info: ZipInfo) -> str:
    """The name as its maker meant it: zip on Linux writes UTF-8 and does not set the bit that says so."""
    if info.flag_bits & _UTF8_NAME or info.orig_filename.isascii():
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode()
    except UnicodeDecodeError:
        return info.orig_filename


def _normal_name(raw: str, ceilings: Ceilings) -> str:
    """The name without `.` and doubled slashes, if it stays inside whatever holds it; the root is empty."""
    parts = [part for part in raw.split("/") if part not in ("", ".")]
    name = "/".join(parts)
    fault = ""
    if "\0" in raw:
        fault = "has a NUL in its name; rename it"
    elif "\\" in raw:
        # Lambda makes one flat file of such a name (aws-cli issue 8501); converted, it would work only here.
        fault = "has a backslash in its name; make the archive with forward slashes"
    elif raw.startswith("/") or re.match("[A-Za-z]:", raw) or ".." in parts:
        fault = "would leave the directory it is extracted to; make the archive with relative names"
    elif not parts and not raw.endswith("/"):
        fault = "has an empty name; name it or leave it out"
    elif len(name.encode()) > ceilings.path_bytes or any(len(part.encode()) > ceilings.name_bytes for part in parts):
        fault = f"has a name over {ceilings.path_bytes} bytes, or {ceilings.name_bytes} between slashes; shorten it"
    elif len(parts) > ceilings.depth:
        fault = f"lies more than {ceilings.depth} directories deep; move it up"
    if fault:
        raise _fault(raw, fault)
    return name


def _node(info: ZipInfo, raw: str) -> _Node:
    mode = info.external_attr >> 16  # also where FAT is named as the maker, as PKZIP for Unix does: Info-ZIP unix.c
    kind = stat.S_IFMT(mode) or stat.S_IFREG
    if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise _fault(raw, "is a device, pipe or socket; leave it out")
    if info.flag_bits & _ENCRYPTED:
        raise _fault(raw, "is encrypted; make the archive without a password")
    if raw.endswith("/") or kind == stat.S_IFDIR:
        if info.file_size or kind == stat.S_IFLNK:
            raise _fault(raw, "is a directory with content; make the archive again")
        return _Node(stat.S_IFDIR, mode & 0o777 | 0o700 if mode else 0o755)
    mode = mode & 0o777 | 0o400 if mode else 0o644
    node = _Node(kind, mode, info.file_size, info.CRC, info.compress_type, info)
    # zipfile shall give the bytes as they are stored. Its own decoding silently cuts a stream that is longer than
    # declared, and has no bound on what one read of bzip2 or lzma unfolds to in memory.
    info.compress_type, info.file_size = ZIP_STORED, info.compress_size
    del info.CRC
    return node


def _claim(plan: dict[str, _Node], name: str, node: _Node) -> None:
    """Give name to node. Last wins for a file over a file, as with `unzip -o`; any other meeting is refused."""
    earlier = plan.get(name, node)
    if earlier.kind != node.kind or (name in plan and node.kind == stat.S_IFLNK):
        raise _fault(name, "is there twice, and not both times as a file; keep one")
    missing, parent = [], name.rpartition("/")[0]
    while parent and parent not in plan:
        missing.append(parent)
        parent = parent.rpartition("/")[0]
    if parent and plan[parent].kind != stat.S_IFDIR:
        raise _fault(name, f"lies below {_shown(parent)}, which is a file or link; rename one of them")
    plan.update(dict.fromkeys(reversed(missing), _IMPLIED))
    plan[name] = node


def _destination(bundle: ZipFile, name: str, node: _Node, ceilings: Ceilings) -> str:
    if not 0 < node.size <= ceilings.path_bytes:
        raise _fault(name, f"is a link to a path of {node.size} bytes; make it one of 1 to {ceilings.path_bytes}")
    destination = b"".join(_content(bundle, name, node)).decode(errors="replace")
    if destination.startswith("/") or "\0" in destination or "\ufffd" in destination:
        raise _fault(name, f"is a link to {_shown(destination)}; make it relative, and UTF-8")
    return destination


def _refuse_escapes(links: dict[str, str], ceilings: Ceilings) -> None:
    """Follow every link as the kernel will when all of them stand, each once: ends keeps where it leads."""
    ends: dict[str, str] = {}

    def follow(link: str, hops: int) -> str:
        if link in ends:
            return ends[link]
        if hops > 40:  # MAXSYMLINKS of Linux
            raise _fault(link, "is in a loop, or a chain too long to follow; make it direct")
        at = link.rpartition("/")[0]
        for part in links[link].split("/"):
            if part == ".." and not at:
                raise _fault(link, f"leads out of the archive, to {_shown(links[link])}; make it lead inside")
            if part == "..":
                at = at.rpartition("/")[0]
            elif part not in ("", "."):
                at = f"{at}/{part}" if at else part
                at = follow(at, hops + 1) if at in links else at
            if len(at) > ceilings.path_bytes:
                raise _fault(link, "leads to too long a path; shorten it")
        ends[link] = at
        return at

    for link in links:
        follow(link, 1)


def _fill(target: Path, bundle: ZipFile, plan: dict[str, _Node]) -> None:
    made = not target.is_dir()
    if made:
        target.mkdir(0o700)  # nobody else looks in before all of it is there
    elif any(target.iterdir()):
        raise ArchiveError(f"is not extracted to {target}, which is not empty; empty it or choose another directory")
    try:
        _write(target, bundle, plan)
        if made:
            target.chmod(0o755)
    except BaseException:
        for child in target.iterdir():
            shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
        if made:
            target.rmdir()
        raise


def _write(target: Path, bundle: ZipFile, plan: dict[str, _Node]) -> None:
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
        raise _fault(name, f"cannot be written to {target}: {why}") from error
    finally:
        os.close(root)


def _write_file(root: int, bundle: ZipFile, name: str, node: _Node) -> None:
    descriptor = os.open(name.encode(), _NEW_FILE, 0o600, dir_fd=root)
    try:
        for block in _content(bundle, name, node):
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        os.fchmod(descriptor, node.mode)
    finally:
        os.close(descriptor)


def _content(bundle: ZipFile, name: str, node: _Node) -> Iterator[bytes]:
    """The entry's bytes in blocks, held to the size and CRC that the list declares."""
    size = crc = 0
    try:
        with bundle.open(node.info) as stored:
            for block in _decoded(stored, node):
                size, crc = size + len(block), zlib.crc32(block, crc)
                if size > node.size:
                    break
                yield block
    except _UNREADABLE as error:
        raise _fault(name, f"cannot be read: {str(error) or type(error).__name__}; make the archive again") from error
    if size != node.size:
        amount = "more" if size > node.size else "less"
        raise _fault(name, f"unfolds to {amount} than the {node.size} bytes it declares; make the archive again")
    if crc != node.crc:
        raise _fault(name, "has a wrong CRC, so it was damaged; make the archive again")


def _decoded(stored: IO[bytes], node: _Node) -> Iterator[bytes]:
    """What the stored bytes unfold to, at most a chunk at a time; the end is theirs, not the declared one."""
    if node.method == ZIP_STORED:
        yield from iter(lambda: stored.read(_CHUNK), b"")
        return
    decoder, tail = _decoder(stored, node), b""
    while not decoder.eof:
        hungry = not tail and getattr(decoder, "needs_input", True)
        data = stored.read(_CHUNK) if hungry else tail
        block = decoder.decompress(data, _CHUNK)
        if hungry and not data and not block:
            return
        yield block
        tail = getattr(decoder, "unconsumed_tail", b"")


def _decoder(stored: IO[bytes], node: _Node) -> Any:
    if node.method == ZIP_DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS)
    if node.method == ZIP_BZIP2:
        return importlib.import_module("bz2").BZ2Decompressor()
    if node.method != ZIP_LZMA:
        raise NotImplementedError(f"compression method {node.method} is none of stored, deflate, bzip2 and lzma")
    lzma = importlib.import_module("lzma")
    _, model, window = struct.unpack("<4sBI", stored.read(9))  # APPNOTE 5.8.8
    # No match reaches further back than the entry is long: a window of 4 GB need not be believed.
    sizes = {"dict_size": max(4096, min(window, node.size)), "lc": model % 9, "lp": model // 9 % 5, "pb": model // 45}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, **sizes}])


def _fault(name: str, what: str) -> ArchiveError:
    return ArchiveError(f"entry {_shown(name)} {what}")


def _shown(name: str) -> str:
    return repr(name if len(name) <= 200 else f"{name[:200]}...")
