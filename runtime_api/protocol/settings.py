"""What a machine must know of the function it runs."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from .limits import CURRENT, Limits

__all__ = ["FunctionSettings", "InitializationType"]


class InitializationType(StrEnum):
    """How environments come to be, in the words of AWS_LAMBDA_INITIALIZATION_TYPE and of platform records."""

    ON_DEMAND = "on-demand"
    SNAP_START = "snap-start"
    PROVISIONED = "provisioned-concurrency"
    MANAGED_INSTANCES = "lambda-managed-instances"


class FunctionSettings(NamedTuple):
    """The part of a function's configuration that decides how its environment behaves."""

    function_name: str
    function_version: str = "$LATEST"
    memory_mb: int = 128
    timeout_ms: float = 3000
    init_ms: float | None = CURRENT.init_ms  # of classic mode; None: init is part of the first invocation
    limits: Limits = CURRENT
    external_runtime: bool = False  # somebody else starts the runtime: no process to start or stop, no time limit
    max_concurrency: int = 0  # invocations that an environment works on at once; 0 is classic mode, which 1 is not
    snap_start: bool = False  # only in classic mode
    runtime_version: str = ""  # as the log shows it; empty where the runtime is not one of Lambda's
    runtime_version_arn: str = ""
    provisioned: bool = False  # initialised ahead of any invocation, which may take long

    @property
    def slots(self) -> int:
        """How many invocations an environment may have in hand at once."""
        return self.max_concurrency or 1

    @property
    def init_apart(self) -> bool:
        """Whether init is never part of an invocation: those that wait for one that fails, fail with it."""
        return self.snap_start or self.max_concurrency > 0

    @property
    def init_limit_ms(self) -> float | None:
        """How long an init phase may take; None: there is none, init is part of the first invocation (spec 6.1)."""
        return max(self.limits.long_init_ms, self.timeout_ms) if self.init_apart or self.provisioned else self.init_ms

    @property
    def initialization_type(self) -> InitializationType:
        """How this function's environments come to be."""
        if self.snap_start:
            return InitializationType.SNAP_START
        if self.provisioned:
            return InitializationType.PROVISIONED
        return InitializationType.MANAGED_INSTANCES if self.max_concurrency else InitializationType.ON_DEMAND
