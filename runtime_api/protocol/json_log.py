"""The log of a function whose LoggingConfig asks for JSON: platform records as documents, lines as they were written.

Lines are judged by the `level` in them. Lambda takes one for INFO when it is no JSON object or has no such level
(AWS, Log-level filtering); so do we.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from .journal import Entry
from .platform_documents import document_of
from .platform_events import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .platform_events import Record

__all__ = ["JsonEntry", "JsonLog", "dumped", "json_time"]

LEVELS = {"TRACE": 0, "DEBUG": 1, "INFO": 2, "WARN": 3, "ERROR": 4, "FATAL": 5}
LEVELS |= {"WARNING": LEVELS["WARN"], "CRITICAL": LEVELS["FATAL"]}  # as Python names them
DEFAULT = "INFO"


class JsonLog(NamedTuple):
    """What a log in JSON format keeps: everything at or above these levels."""

    application_level: str = DEFAULT
    system_level: str = DEFAULT

    def text(self, records: Iterable[Record], wall_ms: float) -> bytes:
        """Return the records as lines; `wall_ms` is when they were made, in Unix milliseconds."""
        return b"".join([self._line(record, wall_ms) for record in records])

    def _line(self, record: Record, wall_ms: float) -> bytes:
        if isinstance(record, Lines):
            return self._kept(record.data)
        document = document_of(record)
        if document is None or LEVELS[document.level] < LEVELS[self.system_level]:
            return b""
        line = {"time": json_time(wall_ms), "type": document.type, "record": document.record}
        return dumped(line) + b"\n"

    def _kept(self, data: bytes) -> bytes:
        least = LEVELS[self.application_level]
        if not least:
            return data
        return b"".join([line for line in data.splitlines(keepends=True) if _level(line) >= least])


class JsonEntry(Entry, kw_only=True):
    """An entry of a journal whose log is in JSON; `offset_ms` makes Unix milliseconds of its time."""

    log: JsonLog
    offset_ms: float

    def text(self) -> bytes:
        text = self.made_text
        if text is None:
            text = self.made_text = self.log.text(self.records, self.at + self.offset_ms)
        return text


def json_time(wall_ms: float) -> str:
    """Return Unix milliseconds as a time of RFC 3339."""
    return datetime.fromtimestamp(wall_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def dumped(document: dict[str, Any]) -> bytes:
    """Return a document as JSON; what is not Unicode in its strings is replaced."""
    try:
        return orjson.dumps(document)
    except TypeError:  # a lone surrogate, from a file's name or a caller's string
        return orjson.dumps(_readable(document))


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _readable(each) for key, each in value.items()}
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _level(line: bytes) -> int:
    if line.lstrip().startswith(b"{"):
        try:
            level = orjson.loads(line).get("level")
        except orjson.JSONDecodeError:
            level = None
        if isinstance(level, str):
            return LEVELS.get(level.upper(), LEVELS[DEFAULT])
    return LEVELS[DEFAULT]
