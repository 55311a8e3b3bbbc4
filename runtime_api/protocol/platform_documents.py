"""A journal's records as Lambda's JSON documents: what a log in JSON format holds, a line each (spec 8, 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .platform_events import (
    Extension,
    FaultLine,
    InitReport,
    InitRuntimeDone,
    InitStart,
    LogsDropped,
    MemoryExceeded,
    Report,
    RestoreReport,
    RestoreRuntimeDone,
    RestoreStart,
    RuntimeDone,
    Start,
    TelemetrySubscription,
)
from .subscriptions import TelemetryApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from .platform_events import Record

    Ended = InitRuntimeDone | InitReport | RestoreRuntimeDone | RestoreReport | RuntimeDone | Report

__all__ = ["Document", "document_of"]

FALLEN_BEHIND = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."
MEBIBYTE = 1_048_576


class Document(NamedTuple):
    """A record in JSON; `level` is the system log level that it belongs to."""

    type: str
    level: str
    record: dict[str, Any] | str


def document_of(record: Record | LogsDropped) -> Document | None:
    """Return the document of a platform's record; None for a process's output, and for what JSON logs leave out."""
    make = _DOCUMENTS.get(record.__class__)
    return None if make is None else make(record)


def _init_start(record: InitStart) -> Document:
    content = {
        "initializationType": record.initialization_type.value,
        "phase": record.phase,
        **_runtime(record),
        "functionName": record.function_name,
        "functionVersion": record.function_version,
        "instanceMaxMemory": record.memory_mb * MEBIBYTE,
    }
    return Document("platform.initStart", _level_of_start(record), content)


def _init_runtime_done(record: InitRuntimeDone) -> Document:
    content = _init(record) | _status(record)
    return Document("platform.initRuntimeDone", _unless_failed("DEBUG", record), content)


def _init_report(record: InitReport) -> Document:
    content = _init(record) | _status(record)
    content["metrics"] = {"durationMs": _ms(record.duration_ms)}
    return Document("platform.initReport", _unless_failed("DEBUG", record), content)


def _init(record: InitRuntimeDone | InitReport) -> dict[str, Any]:
    return {"initializationType": record.initialization_type.value, "phase": record.phase}


def _restore_start(record: RestoreStart) -> Document:
    content = {
        **_runtime(record),
        "functionName": record.function_name,
        "functionVersion": record.function_version,
        "instanceMaxMemory": record.memory_mb * MEBIBYTE,
    }
    return Document("platform.restoreStart", _level_of_start(record), content)


def _runtime(record: InitStart | RestoreStart) -> dict[str, str]:
    if not record.runtime_version:
        return {}
    return {"runtimeVersion": record.runtime_version, "runtimeVersionArn": record.runtime_version_arn}


def _level_of_start(record: InitStart | RestoreStart) -> str:
    """Lambda's levels: a start that names the runtime's version tells more."""
    return "INFO" if record.runtime_version else "DEBUG"


def _restore_runtime_done(record: RestoreRuntimeDone) -> Document:
    return Document("platform.restoreRuntimeDone", _unless_failed("DEBUG", record), _status(record))


def _restore_report(record: RestoreReport) -> Document:
    content = _status(record) | {"metrics": {"durationMs": _ms(record.duration_ms)}}
    return Document("platform.restoreReport", _unless_failed("INFO", record), content)


def _extension(record: Extension) -> Document:
    content: dict[str, Any] = {"name": record.name, "state": record.state, "events": list(record.events)}
    if record.error_type:
        content["errorType"] = record.error_type
    return Document("platform.extension", "WARN" if record.error_type else "INFO", content)


def _start(record: Start) -> Document:
    content = {"requestId": record.request_id, "version": record.version}
    return Document("platform.start", "INFO", content | _tenant(record))


def _runtime_done(record: RuntimeDone) -> Document:
    metrics = {"durationMs": _ms(record.duration_ms), "producedBytes": record.produced_bytes}
    content = {"requestId": record.request_id} | _status(record) | {"metrics": metrics}
    return Document("platform.runtimeDone", _unless_failed("DEBUG", record), content | _tenant(record))


def _report(record: Report) -> Document:
    metrics: dict[str, Any] = {
        "durationMs": _ms(record.duration_ms),
        "billedDurationMs": record.billed_ms,
        "memorySizeMB": record.memory_mb,
        "maxMemoryUsedMB": record.peak_memory_mb,
    }
    if record.init_ms is not None:
        metrics["initDurationMs"] = _ms(record.init_ms)
    if record.restore_ms is not None:
        metrics["restoreDurationMs"] = _ms(record.restore_ms)
        metrics["billedRestoreDurationMs"] = record.billed_restore_ms
    content = {"requestId": record.request_id, "metrics": metrics} | _status(record)
    return Document("platform.report", _unless_failed("INFO", record), content)


def _fault(record: FaultLine) -> Document:
    return Document("platform.fault", "WARN", f"{record.message}\n{record.error_type}")


def _memory_exceeded(record: MemoryExceeded) -> Document:
    request = f"RequestId: {record.request_id} " if record.request_id else ""
    taken = f"{record.taken_bytes / MEBIBYTE:.0f} MB of {record.memory_mb} MB"
    return Document("platform.fault", "WARN", f"{request}Error: memory exceeded: {taken}")


def _subscription(record: TelemetrySubscription) -> Document:
    kind = "platform.logsSubscription" if record.api is TelemetryApi.LOGS else "platform.telemetrySubscription"
    return Document(kind, "INFO", {"name": record.name, "state": "Subscribed", "types": list(record.types)})


def _logs_dropped(record: LogsDropped) -> Document:
    numbers = {"droppedBytes": record.lost_bytes, "droppedRecords": record.lost_records}
    return Document("platform.logsDropped", "WARN", {**numbers, "reason": FALLEN_BEHIND})


def _status(record: Ended) -> dict[str, Any]:
    return {"status": record.status} | ({"errorType": record.error_type} if record.error_type else {})


def _tenant(record: Start | RuntimeDone) -> dict[str, Any]:
    return {"tenantId": record.tenant_id} if record.tenant_id else {}


def _unless_failed(level: str, record: Ended) -> str:
    return level if record.status == "success" else "WARN"


def _ms(duration_ms: float) -> float:
    return round(duration_ms, 3)


_DOCUMENTS: dict[type, Callable[[Any], Document]] = {
    InitStart: _init_start,
    InitRuntimeDone: _init_runtime_done,
    InitReport: _init_report,
    RestoreStart: _restore_start,
    RestoreRuntimeDone: _restore_runtime_done,
    RestoreReport: _restore_report,
    Extension: _extension,
    Start: _start,
    RuntimeDone: _runtime_done,
    Report: _report,
    FaultLine: _fault,
    MemoryExceeded: _memory_exceeded,
    TelemetrySubscription: _subscription,
    LogsDropped: _logs_dropped,
}
