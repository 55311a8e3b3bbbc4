"""Expand an entry's bytes chunk by chunk, and hold them to the size and CRC that the central directory declares."""

from __future__ import annotations

import importlib
import struct
import zlib
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED

from .errors import entry_error, reason_of
from .zip_directory import CHUNK, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zipfile import ZipFile

    from .zip_plan import Node

__all__ = ["content"]


def content(bundle: ZipFile, name: str, node: Node) -> Iterator[bytes]:
    """The entry's bytes in blocks; `ArchiveError` if there are more or fewer than declared, or other ones."""
    size = crc = 0
    try:
        with bundle.open(node.info) as stored:
            for block in _decoded(stored, node):
                size, crc = size + len(block), zlib.crc32(block, crc)
                if size > node.size:
                    break
                yield block
    except UNREADABLE as error:
        raise entry_error(name, f"cannot be read: {reason_of(error)}; create the archive again") from error
    if size != node.size:
        amount = "more" if size > node.size else "less"
        what = f"expands to {amount} than the {node.size} bytes it declares; create the archive again"
        raise entry_error(name, what)
    if crc != node.crc:
        raise entry_error(name, "has a wrong CRC: the archive is damaged; create it again")


def _decoded(stored: IO[bytes], node: Node) -> Iterator[bytes]:
    """Blocks of at most a chunk, up to the end of the stream and not of the declared size."""
    if node.method == ZIP_STORED:
        yield from iter(lambda: stored.read(CHUNK), b"")
        return
    decoder, tail = _decoder(stored, node), b""
    while not decoder.eof:
        hungry = not tail and getattr(decoder, "needs_input", True)
        data = stored.read(CHUNK) if hungry else tail
        block = decoder.decompress(data, CHUNK)
        if hungry and not data and not block:
            return
        yield block
        tail = getattr(decoder, "unconsumed_tail", b"")


def _decoder(stored: IO[bytes], node: Node) -> Any:
    if node.method == ZIP_DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS)
    if node.method == ZIP_BZIP2:
        return importlib.import_module("bz2").BZ2Decompressor()
    if node.method != ZIP_LZMA:
        raise NotImplementedError(f"compression method {node.method} is not stored, deflate, bzip2 or lzma")
    lzma = importlib.import_module("lzma")
    _, model, window = struct.unpack("<4sBI", stored.read(9))  # APPNOTE 5.8.8
    # No match reaches back further than the entry is long, so a declared window of 4 GB is never allocated.
    sizes = {"dict_size": max(4096, min(window, node.size)), "lc": model % 9, "lp": model // 9 % 5, "pb": model // 45}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, **sizes}])
