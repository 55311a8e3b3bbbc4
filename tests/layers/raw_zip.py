"""Writes .zip files field by field, so that any field can lie: APPNOTE 4.3."""

from __future__ import annotations

import stat
import struct
import zlib
from dataclasses import dataclass, field

from tests.layers.corpus import compressed

__all__ = ["CENTRAL", "END", "LOCAL", "Entry", "Lies", "archive", "extra", "zip64_end"]

# The fields of each record in order, after its signature, with their struct codes.
LOCAL = {
    "version": "H",
    "flags": "H",
    "method": "H",
    "time": "H",
    "date": "H",
    "crc": "L",
    "stored": "L",
    "size": "L",
    "name_length": "H",
    "extra_length": "H",
}
CENTRAL = {
    "creator": "H",
    **LOCAL,
    "comment_length": "H",
    "disk": "H",
    "internal": "H",
    "external": "L",
    "offset": "L",
}
END = {
    "disk": "H",
    "list_disk": "H",
    "disk_entries": "H",
    "entries": "H",
    "list_size": "L",
    "list_offset": "L",
    "comment_length": "H",
}

Lies = dict[str, int]


@dataclass(frozen=True)
class Entry:
    """One entry, honest but for what `local` and `central` say; a `twin` shares the bytes of the entry before it."""

    name: str | bytes = "file"
    data: bytes = b"hello"
    mode: int = stat.S_IFREG | 0o644
    method: int = 0
    flags: int = 0x0800
    creator: int = 3  # Unix
    stored: bytes | None = None
    local_name: bytes | None = None
    local_extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    twin: bool = False
    local: Lies = field(default_factory=dict)
    central: Lies = field(default_factory=dict)


def archive(*entries: Entry, end: Lies | None = None, comment: bytes = b"", before_end: bytes = b"") -> bytes:
    """The bytes of an archive; `before_end` stands between the list and its end, as zip64's records do."""
    body, listing, offset = bytearray(), bytearray(), 0
    for entry in entries:
        name = entry.name.encode() if isinstance(entry.name, str) else entry.name
        stored = compressed(entry.data, entry.method) if entry.stored is None else entry.stored
        common = {
            "version": 20,
            "flags": entry.flags,
            "method": entry.method,
            "time": 0,
            "date": 0x21,
            "crc": zlib.crc32(entry.data),
            "stored": len(stored),
            "size": len(entry.data),
        }
        if not entry.twin:
            offset = len(body)
            local_name = name if entry.local_name is None else entry.local_name
            lengths = {"name_length": len(local_name), "extra_length": len(entry.local_extra)}
            head = _record(b"PK\x03\x04", LOCAL, {**common, **lengths, **entry.local})
            body += head + local_name + entry.local_extra + stored
        rest = {
            "creator": entry.creator << 8 | 20,
            "name_length": len(name),
            "extra_length": len(entry.central_extra),
            "comment_length": len(entry.comment),
            "disk": 0,
            "internal": 0,
            "external": entry.mode << 16,
            "offset": offset,
        }
        head = _record(b"PK\x01\x02", CENTRAL, {**common, **rest, **entry.central})
        listing += head + name + entry.central_extra + entry.comment
    values = {
        "disk": 0,
        "list_disk": 0,
        "disk_entries": len(entries) & 0xFFFF,
        "entries": len(entries) & 0xFFFF,
        "list_size": len(listing),
        "list_offset": len(body),
        "comment_length": len(comment),
    }
    return bytes(body + listing) + before_end + _record(b"PK\x05\x06", END, {**values, **(end or {})}) + comment


def extra(number: int, data: bytes, length: int | None = None) -> bytes:
    """An extra field: APPNOTE 4.5."""
    return struct.pack("<HH", number, len(data) if length is None else length) + data


def zip64_end(entries: int, size: int, offset: int, at: int, record_size: int = 44) -> bytes:
    """Zip64's end of the list, and the locator that says it is `at`: APPNOTE 4.3.14, 4.3.15."""
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", record_size, 45, 45, 0, 0, entries, entries, size, offset)
    return record + struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)


def _record(signature: bytes, fields: dict[str, str], values: Lies) -> bytes:
    return signature + struct.pack("<" + "".join(fields.values()), *(values[name] for name in fields))
