"""What a machine remembers of an init or an invocation under way, and the journal records that close it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from . import platform_events as log
from .effects import Outcome, Status
from .errors import error_category

if TYPE_CHECKING:
    from .events import InitErrorPosted, Invocation
    from .settings import FunctionSettings, InitializationType

__all__ = ["InitAttempt", "InvokeAttempt", "Progress"]

_SUCCESS = Status.SUCCESS


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


class Progress(Enum):
    """How far an invocation has come towards its outcome and its last record; it only ever goes on."""

    OPEN = "open"
    ANSWERED = "answered"  # its outcome is known; extensions still work on it
    REPORTED = "reported"  # END and REPORT have been written


_OPEN = Progress.OPEN


class InvokeAttempt(Struct, eq=False):
    """The invocation in hand: from START until the runtime and the extensions are back.

    `outcome` is kept while it is ANSWERED.
    """

    invocation: Invocation
    began: float
    deadline_ms: int  # Unix time
    delivered: float
    latency: float | None = None  # from delivery to the first byte of the answer
    error_type: str | None = None  # what came with the head of /error
    answered: float | None = None  # when, if extensions still worked on it then
    outcome: Outcome | None = None
    progress: Progress = _OPEN
    asked_again: int = 0  # how often the runtime asked for the next event while it had this one
    forwarded: int | None = None  # bytes that the caller got of a stream; None: it reads none

    def closing_records(
        self, outcome: Outcome, settings: FunctionSettings, peak_bytes: int, init_ms: float | None, now: float
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
        return (
            log.RuntimeDone(request_id, status, error_type, duration, delivered, latency, produced, trace, tenant),
            log.End(request_id),
            log.Report(
                request_id,
                status,
                error_type,
                duration,
                billed,
                settings.memory_mb,
                peak_mb,
                init_ms,
                trace,
                self.answered,
            ),
        )
