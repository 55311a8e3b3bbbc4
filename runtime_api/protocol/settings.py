"""What a machine must know of the function it runs."""

from __future__ import annotations

from typing import NamedTuple

from .limits import CURRENT, Limits

__all__ = ["ON_DEMAND", "PROVISIONED", "FunctionSettings"]

ON_DEMAND = "on-demand"  # how an environment is initialised, as AWS_LAMBDA_INITIALIZATION_TYPE says it
PROVISIONED = "provisioned-concurrency"


class FunctionSettings(NamedTuple):
    """The part of a function's configuration that decides how its environment behaves."""

    function_name: str
    function_version: str = "$LATEST"
    memory_mb: int = 128
    timeout_ms: float = 3000
    init_ms: float | None = CURRENT.init_ms  # None: no init phase, init is part of the first invocation
    limits: Limits = CURRENT
    external_runtime: bool = False  # somebody else starts the runtime: no process to start or stop, no time limit
    max_concurrency: int = 1  # invocations that one environment works on at once; above 1 is concurrent mode
    initialization_type: str = ON_DEMAND
