"""A journal's entries as the events that subscribers receive: JSON, one for each record and for each line.

The schemas differ (AWS, Telemetry API event schema reference; Using the Lambda Logs API). The Logs API has
platform.end, and knows platform.logsSubscription where the Telemetry API says platform.telemetrySubscription; the
first of its schemas has no platform.runtimeDone and nothing of init, and neither has spans. Lines of a function whose
log is JSON are objects from 2022-12-13 on, and text before.

Times of records are the machine's monotonic milliseconds; `offset_ms` makes Unix milliseconds of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from .json_log import dumped, json_time
from .platform_documents import document_of
from .platform_events import End, Lines, Report, RuntimeDone, Start, TelemetrySubscription
from .subscriptions import TelemetryApi

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .journal import Entry
    from .platform_events import LogsDropped, Record
    from .subscriptions import Subscription

__all__ = ["EventWriter"]

PLATFORM, FUNCTION, EXTENSION = "platform", "function", "extension"
TRACE_TYPE = "X-Amzn-Trace-Id"
OLDEST_TYPES = frozenset(
    {
        "platform.start",
        "platform.end",
        "platform.report",
        "platform.fault",
        "platform.extension",
        "platform.logsSubscription",
        "platform.logsDropped",
    }
)
WITH_TEXT_ONLY = frozenset({"2020-08-15", "2021-03-18", "2022-07-01"})


class EventWriter:
    """Writes entries in the schema of one subscription; `runtime` is the name of the runtime's process.

    `json_lines`: the function's log format is JSON.
    """

    def __init__(self, subscription: Subscription, runtime: str, *, json_lines: bool) -> None:
        types, version = subscription.types, subscription.schema_version
        self._logs_api = subscription.api is TelemetryApi.LOGS
        self._oldest = version == "2020-08-15"
        self._runtime = runtime
        self._platform = PLATFORM in types
        self._sources = {name for name in (FUNCTION, EXTENSION) if name in types}
        self._objects = json_lines and version not in WITH_TEXT_ONLY

    def wants(self, entry: Entry) -> bool:
        """Whether an entry may become an event; cheap, for the moment in which it is made."""
        records = entry.records
        first = records[0] if records else None  # a process's output is an entry of its own
        if isinstance(first, Lines):
            return self._source_type(first) in self._sources
        return self._platform

    def written(self, entries: Iterable[Entry], offset_ms: float) -> list[bytes]:
        """The events of these entries, in order."""
        events: list[bytes] = []
        for entry in entries:
            time = json_time(entry.at + offset_ms)
            for record in entry.records:
                if isinstance(record, Lines):
                    if self._source_type(record) in self._sources:
                        self._write_lines(record, time, events)
                elif self._platform:
                    event = self._platform_event(record, entry.at, offset_ms)
                    if event is not None:
                        events.append(dumped({"time": time, **event}))
        return events

    def loss(self, record: LogsDropped, wall_ms: float) -> list[bytes]:
        """The event of a loss, for a subscriber of the platform's events."""
        document = document_of(record)
        if document is None or not self._platform:
            return []
        return [dumped({"time": json_time(wall_ms), "type": document.type, "record": document.record})]

    def _source_type(self, record: Lines) -> str:
        return FUNCTION if record.source == self._runtime else EXTENSION

    def _write_lines(self, record: Lines, time: str, events: list[bytes]) -> None:
        # Not `splitlines`, which ends a line at a carriage return too: runtimes keep a traceback one record by them.
        head = f'{{"time":"{time}","type":"{self._source_type(record)}","record":'.encode()
        lines = record.data.split(b"\n")
        if not lines[-1]:
            del lines[-1]
        for line in lines:
            written = self._object(line) if self._objects else None
            events.append(head + (written or orjson.dumps(line.decode("utf-8", "replace") + "\n")) + b"}")

    def _object(self, line: bytes) -> bytes | None:
        """A line that holds a JSON object, as it is; None for any other."""
        text = line.strip()
        if not text.startswith(b"{"):
            return None
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
        return text

    def _platform_event(self, record: Record, at: float, offset_ms: float) -> dict[str, Any] | None:
        if isinstance(record, TelemetrySubscription) and (record.api is TelemetryApi.LOGS) is not self._logs_api:
            return None
        if isinstance(record, End):
            return {"type": "platform.end", "record": {"requestId": record.request_id}} if self._logs_api else None
        document = document_of(record)
        if document is None or (self._oldest and document.type not in OLDEST_TYPES):
            return None
        content = document.record
        if isinstance(content, dict):
            content = content | self._tracing(record) | self._spans(record, at, offset_ms)
        return {"type": document.type, "record": content}

    def _tracing(self, record: Record) -> dict[str, Any]:
        if isinstance(record, Start | RuntimeDone | Report) and record.trace and not self._oldest:
            return {"tracing": {"type": TRACE_TYPE, "value": record.trace}}
        return {}

    def _spans(self, record: Record, at: float, offset_ms: float) -> dict[str, Any]:
        """How the time of an invocation was spent (spec 8)."""
        spans: list[tuple[str, float, float]] = []
        if isinstance(record, RuntimeDone) and record.latency_ms is not None:
            responding = record.delivered + record.latency_ms
            spans = [("responseLatency", record.delivered, responding), ("responseDuration", responding, at)]
        elif isinstance(record, Report) and record.answered is not None:
            spans = [("extensionOverhead", record.answered, at)]
        if self._logs_api or not spans:
            return {}
        return {
            "spans": [
                {"name": name, "start": json_time(start + offset_ms), "durationMs": round(end - start, 3)}
                for name, start, end in spans
            ]
        }
