"""What a machine remembers of an init or an invocation under way, and the journal records that close it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from . import platform_events as log
from .effects import Outcome, Status
from .errors import error_category

if TYPE_CHECKING:
    from .events import InitErrorPosted, Invocation, RestoreErrorPosted
    from .settings import FunctionSettings, InitializationType

__all__ = ["InitAttempt", "InvokeAttempt", "RestoreAttempt", "StartUp"]

_SUCCESS = Status.SUCCESS


class StartUp(NamedTuple):
    """What the REPORT of an environment's first invocation says of the time before it."""

    init_ms: float | None = None
    restore_ms: float | None = None

    def shown_in(self, report: log.Report, billing_step_ms: int) -> log.Report:
        """The report with it; the time of a restore is billed."""
        if self.restore_ms is None:
            return structs.replace(report, init_ms=self.init_ms)
        billed = log.billed_ms(self.restore_ms, billing_step_ms)
        return structs.replace(
            report, restore_ms=self.restore_ms, billed_restore_ms=billed, billed_ms=report.billed_ms + billed
        )


class InitAttempt:
    """An attempt to initialise the runtime: in the init phase, or inside an invocation."""

    __slots__ = ("began", "error", "initialization_type", "phase")

    def __init__(self, began: float, phase: str, initialization_type: InitializationType) -> None:
        self.began = began
        self.phase = phase
        self.initialization_type = initialization_type
        self.error: InitErrorPosted | None = None  # what the runtime posted to /init/error

    def closing_records(self, status: str, error_type: str | None, now: float) -> tuple[log.Record, ...]:
        """The records of an init that has ended."""
        if self.error is not None:
            error_type = error_category(self.error.error_type)
        return (
            log.InitRuntimeDone(self.phase, status, error_type, self.initialization_type),
            log.InitReport(self.phase, status, error_type, now - self.began, self.initialization_type),
        )


class RestoreAttempt:
    """A restore under way: from the answer to /restore/next until the runtime is in /next."""

    __slots__ = ("began", "error")

    def __init__(self, began: float) -> None:
        self.began = began
        self.error: RestoreErrorPosted | InitErrorPosted | None = None  # what the runtime posted of its hooks

    def error_type(self, given: str) -> str:
        """The type of the first fatal error: what the runtime said of its hooks, or how it ended."""
        return given if self.error is None else error_category(self.error.error_type)

    def closing_records(self, status: str, error_type: str | None, now: float) -> tuple[log.Record, ...]:
        """The records of a restore that has ended."""
        return (
            log.RestoreRuntimeDone(status, error_type),
            log.RestoreReport(status, error_type, now - self.began),
        )


class InvokeAttempt:
    """The invocation in hand: from START until the runtime is back in /next."""

    __slots__ = (
        "began",
        "deadline_ms",
        "delivered",
        "error_type",
        "forwarded",
        "invocation",
        "latency",
        "outcome_known",
    )

    def __init__(self, invocation: Invocation, began: float, deadline_ms: int) -> None:
        self.invocation = invocation
        self.began = began
        self.deadline_ms = deadline_ms  # Unix time
        self.delivered = began
        self.latency: float | None = None  # from delivery to the first byte of the answer
        self.error_type: str | None = None  # what came with the head of /error
        self.outcome_known = False
        self.forwarded: int | None = None  # bytes that the caller got of a stream; None: it reads none

    def closing_records(
        self, outcome: Outcome, settings: FunctionSettings, peak_bytes: int, start_up: StartUp | None, now: float
    ) -> tuple[log.Record, ...]:
        """The records of an invocation whose outcome is known."""
        request_id, trace = self.invocation.request_id, self.invocation.trace
        status, error_type = outcome.status, None
        if status is not _SUCCESS:
            error_type = outcome.fault.error_type if outcome.fault else error_category(outcome.error_type)
        duration = now - self.began
        produced = self.forwarded if self.forwarded is not None else len(outcome.body)
        delivered, latency = self.delivered, self.latency
        tenant = self.invocation.tenant_id
        billed = log.billed_ms(duration, settings.limits.billing_step_ms)
        peak_mb = -(-peak_bytes // 1_048_576)
        report = log.Report(
            request_id, status, error_type, duration, billed, settings.memory_mb, peak_mb, None, trace
        )
        return (
            log.RuntimeDone(request_id, status, error_type, duration, delivered, latency, produced, trace, tenant),
            log.End(request_id),
            report if start_up is None else start_up.shown_in(report, settings.limits.billing_step_ms),
        )
