"""Every number that limits something, with its unit and source.

`CURRENT` is what Lambda does today, `GUIDE_2019` what the developer guide of 2019 prints. Figures that both share
stand as defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CURRENT", "GUIDE_2019", "PROFILE_NAMES", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The quotas of one profile."""

    request_bytes: int = 6_291_556  # event of a synchronous invocation: 6 MiB + 100 (RIE interop/model.go:23)
    response_bytes: int = 6_291_556  # a /response or /error body (same source)
    streamed_bytes: int = 209_715_200  # a streamed response whose caller reads it as it comes: 200 MB since 2025
    async_request_bytes: int = 1_048_576  # event of an Event invocation: 1 MB since 2025 (256 KB: guide 604)
    client_context_bytes: int = 3583  # X-Amz-Client-Context before decoding (guide 19393)
    log_tail_bytes: int = 4096  # X-Amz-Log-Result before encoding (guide 3766)
    init_ms: int = 10_000  # init phase of an on-demand function (spec 6.1)
    long_init_ms: int = 130_000  # init phase with SnapStart or managed concurrency, unless the timeout is longer
    restore_ms: int = 10_000  # hooks after a restore (AWS, Lambda SnapStart runtime hooks)
    exit_ms: int = 500  # from a posted error of init or restore to the exit, where init is apart; ours
    extensions: int = 10  # of one environment, external and internal ones together (RIE core/registrations.go)
    shutdown_ms: int = 2000  # to end an environment that has external extensions (spec 6.4)
    shutdown_runtime_ms: int = 300  # the runtime's share of it, from SIGTERM to SIGKILL
    shutdown_internal_ms: int = 500  # from SIGTERM to SIGKILL where all extensions are internal
    timeout_min_ms: int = 1  # 1 s on Lambda; fractions are allowed here, to keep tests short
    timeout_max_ms: int = 900_000  # guide 596
    memory_min_mb: int = 128  # guide 594
    memory_max_mb: int = 10_240
    memory_step_mb: int = 1
    memory_mb_per_cpu: int = 1769  # memory that buys one processor (AWS, Configure memory)
    billing_step_ms: int = 1
    open_files: int = 1024  # guide 608
    processes: int = 1024  # and threads (guide 609)
    tmp_mb: int = 512  # guide 607
    tmp_max_mb: int = 10_240  # EphemeralStorage in Lambda's API; less than 512 is allowed here, to test a full disk
    concurrency: int = 10  # execution environments of one function at once; ours (on Lambda 1000 an account)
    concurrency_max: int = 1000  # what Lambda gives an account (guide 586)
    max_concurrency_max: int = 10_000  # waiting calls of /next in one environment (spec 5)
    waiting_invocations: int = 1000  # queued while no environment is free, where queueing is allowed; ours
    waiting_events: int = 100_000  # Event invocations of one function in its queue; ours
    log_line_bytes: int = 262_144  # one log event of CloudWatch; a longer line is split
    unzipped_bytes: int = 262_144_000  # package and layers together (guide 605)
    zipped_bytes: int = 52_428_800  # direct upload (guide 605)
    layers: int = 5  # guide 598
    variables_bytes: int = 4096  # a function's environment as JSON (guide 596)


PROFILE_NAMES = ("current", "2019")  # as users write them, of the two below
CURRENT = Limits()
GUIDE_2019 = Limits(
    streamed_bytes=6_291_556,  # there was no streaming: as any response
    async_request_bytes=262_144,  # guide 604
    memory_max_mb=3008,  # guide 594
    memory_step_mb=64,  # guide 594
    memory_mb_per_cpu=1792,  # guide 1639
    tmp_max_mb=512,  # guide 607
    billing_step_ms=100,  # REPORT examples of the guide round 237.17 ms up to 300 ms
)
