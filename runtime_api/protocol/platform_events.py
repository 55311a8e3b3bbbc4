"""What a journal records: `platform.*` records and process output as values, and the log lines made of them.

The texts follow real Lambda's (spec 11): tab-separated REPORT, Init Duration in the last place, `Status` only on
failure. Durations are milliseconds. What an invocation leaves until the log is written is text and numbers, which
Python's collector need not look at (`gc=False`).
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from .settings import InitializationType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .subscriptions import TelemetryApi

__all__ = [
    "End",
    "Extension",
    "FaultLine",
    "InitReport",
    "InitRuntimeDone",
    "InitStart",
    "Lines",
    "LogsDropped",
    "MemoryExceeded",
    "ProcessesExceeded",
    "Record",
    "Report",
    "RestoreReport",
    "RestoreRuntimeDone",
    "RestoreStart",
    "RuntimeDone",
    "Start",
    "TelemetrySubscription",
    "billed_ms",
    "log_bytes",
]


class InitStart(Struct, frozen=True):
    """platform.initStart."""

    phase: str  # "init", or "invoke" when init runs inside an invocation
    function_name: str
    function_version: str
    memory_mb: int
    initialization_type: InitializationType = InitializationType.ON_DEMAND
    runtime_version: str = ""  # empty where there is none, as the next one
    runtime_version_arn: str = ""


class InitRuntimeDone(Struct, frozen=True):
    """platform.initRuntimeDone."""

    phase: str
    status: str
    error_type: str | None
    initialization_type: InitializationType = InitializationType.ON_DEMAND


class InitReport(Struct, frozen=True):
    """platform.initReport."""

    phase: str
    status: str
    error_type: str | None
    duration_ms: float
    initialization_type: InitializationType = InitializationType.ON_DEMAND


class RestoreStart(Struct, frozen=True):
    """platform.restoreStart."""

    function_name: str
    function_version: str
    memory_mb: int
    runtime_version: str = ""
    runtime_version_arn: str = ""


class RestoreRuntimeDone(Struct, frozen=True):
    """platform.restoreRuntimeDone."""

    status: str
    error_type: str | None


class RestoreReport(Struct, frozen=True):
    """platform.restoreReport."""

    status: str
    error_type: str | None
    duration_ms: float


class Extension(Struct, frozen=True):
    """platform.extension: how far an extension has come when an init ends."""

    name: str
    state: str  # AWS's name of it
    events: tuple[str, ...]
    error_type: str | None = None


class Start(Struct, frozen=True, gc=False):
    """platform.start."""

    request_id: str
    version: str
    trace: str
    tenant_id: str | None


class RuntimeDone(Struct, frozen=True, gc=False):
    """platform.runtimeDone."""

    request_id: str
    status: str
    error_type: str | None
    duration_ms: float
    delivered: float  # when the runtime was given the event, in the time of entries
    latency_ms: float | None  # from then to the response's first byte
    produced_bytes: int
    trace: str
    tenant_id: str | None


class End(Struct, frozen=True, gc=False):
    """platform.end."""

    request_id: str


class Report(Struct, frozen=True, gc=False):
    """platform.report."""

    request_id: str
    status: str
    error_type: str | None
    duration_ms: float
    billed_ms: int
    memory_mb: int
    peak_memory_mb: int
    init_ms: float | None
    trace: str
    answered: float | None = None  # when, in the time of entries; if extensions still worked on it then
    restore_ms: float | None = None
    billed_restore_ms: int = 0


class FaultLine(Struct, frozen=True):
    """platform.fault: why a runtime died, in the platform's words."""

    request_id: str | None  # None between two invocations
    error_type: str
    message: str


class MemoryExceeded(Struct, frozen=True):
    """Why a runtime was killed; a line of the log, not a telemetry record."""

    request_id: str | None
    memory_mb: int
    taken_bytes: int


class ProcessesExceeded(Struct, frozen=True):
    """Why a runtime was killed where the kernel does not count a function's processes; a line of the log only."""

    request_id: str | None
    most: int  # processes and threads


class TelemetrySubscription(Struct, frozen=True):
    """platform.telemetrySubscription, or platform.logsSubscription of the Logs API."""

    api: TelemetryApi
    name: str  # of the extension
    types: tuple[str, ...]


class LogsDropped(Struct, frozen=True):
    """platform.logsDropped: in no journal, since it is of one subscriber and goes to that one only."""

    lost_records: int
    lost_bytes: int


class Lines(Struct, frozen=True):
    """Whole lines that a process wrote, as they came; telemetry calls them `function` or `extension`."""

    source: str  # the name of the process
    data: bytes


Record = (
    Lines
    | MemoryExceeded
    | ProcessesExceeded
    | InitStart
    | InitRuntimeDone
    | InitReport
    | RestoreStart
    | RestoreRuntimeDone
    | RestoreReport
    | Extension
    | Start
    | RuntimeDone
    | End
    | Report
    | FaultLine
    | TelemetrySubscription
)


def billed_ms(duration_ms: float, step_ms: int) -> int:
    """The duration, rounded up to the next billing step; at least one step."""
    return max(ceil(duration_ms / step_ms), 1) * step_ms


def log_bytes(records: Iterable[Record]) -> bytes:
    """The records as they stand in a text log, line ends included; nothing for those that only telemetry shows."""
    lines = ""
    for record in records:
        text = _TEXTS.get(record.__class__)
        if text is not None:
            lines += text(record)
    try:
        return lines.encode("utf-8", "surrogateescape")  # file names that are not UTF-8 come out as they are on disk
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte, from a caller's own string
        return lines.encode("utf-8", "backslashreplace")


def _lines(record: Lines) -> str:
    return record.data.decode("utf-8", "surrogateescape")  # bytes that are not UTF-8 come out as they were


def _start(record: Start) -> str:
    return f"START RequestId: {record.request_id} Version: {record.version}\n"


def _end(record: End) -> str:
    return f"END RequestId: {record.request_id}\n"


def _fault(record: FaultLine) -> str:
    return f"{record.message}\n{record.error_type}\n"


def _memory_exceeded(record: MemoryExceeded) -> str:
    request = f"RequestId: {record.request_id} " if record.request_id else ""
    return f"{request}Error: memory exceeded: {record.taken_bytes / 1048576:.0f} MB of {record.memory_mb} MB\n"


def _processes_exceeded(record: ProcessesExceeded) -> str:
    request = f"RequestId: {record.request_id} " if record.request_id else ""
    return f"{request}Error: processes exceeded: more than {record.most} processes and threads\n"


def _init_start(record: InitStart) -> str:
    ours = f"Function: {record.function_name}\tPhase: {record.phase}"
    return f"INIT_START {_runtime(record) or ours}\n"


def _init_report(record: InitReport) -> str:
    if record.status == "success" and record.initialization_type == InitializationType.ON_DEMAND:
        return ""  # REPORT shows it
    return (
        f"INIT_REPORT Init Duration: {record.duration_ms:.2f} ms\tPhase: {record.phase}"
        f"\t{_status(record.status, record.error_type)}\n"
    )


def _restore_start(record: RestoreStart) -> str:
    ours = f"Function: {record.function_name}"
    return f"RESTORE_START {_runtime(record) or ours}\n"


def _runtime(record: InitStart | RestoreStart) -> str:
    """What Lambda prints of the runtime, if it is one of its own."""
    if not record.runtime_version:
        return ""
    return f"Runtime Version: {record.runtime_version}\tRuntime Version ARN: {record.runtime_version_arn}"


def _restore_report(record: RestoreReport) -> str:
    failed = "" if record.status == "success" else f"\t{_status(record.status, record.error_type)}"
    return f"RESTORE_REPORT Restore Duration: {record.duration_ms:.2f} ms{failed}\n"


def _extension(record: Extension) -> str:
    error = f"\tError Type: {record.error_type}" if record.error_type else ""
    return f"EXTENSION\tName: {record.name}\tState: {record.state}\tEvents: [{', '.join(record.events)}]{error}\n"


def _report(report: Report) -> str:
    text = (
        f"REPORT RequestId: {report.request_id}\tDuration: {report.duration_ms:.2f} ms"
        f"\tBilled Duration: {report.billed_ms} ms\tMemory Size: {report.memory_mb} MB"
        f"\tMax Memory Used: {report.peak_memory_mb} MB\t"
    )
    if report.init_ms is not None:
        text += f"Init Duration: {report.init_ms:.2f} ms\t"
    if report.restore_ms is not None:
        text += f"Restore Duration: {report.restore_ms:.2f} ms\t"
        text += f"Billed Restore Duration: {report.billed_restore_ms} ms\t"
    if report.status != "success":
        text += _status(report.status, report.error_type)
    return text + "\n"


def _status(status: str, error_type: str | None) -> str:
    if status == "timeout" or not error_type:
        return f"Status: {status}"
    return f"Status: {status}\tError Type: {error_type}"


def _subscription(record: TelemetrySubscription) -> str:
    types = ", ".join(each.capitalize() for each in record.types)
    return f"{record.api.value.upper()}\tName: {record.name}\tState: Subscribed\tTypes: [{types}]\n"


_TEXTS: dict[type, Callable[[Any], str]] = {
    InitStart: _init_start,
    InitReport: _init_report,
    RestoreStart: _restore_start,
    RestoreReport: _restore_report,
    Extension: _extension,
    Start: _start,
    End: _end,
    Report: _report,
    FaultLine: _fault,
    TelemetrySubscription: _subscription,
    MemoryExceeded: _memory_exceeded,
    ProcessesExceeded: _processes_exceeded,
    Lines: _lines,
}
