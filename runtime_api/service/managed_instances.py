"""Functions of a capacity provider: each of their environments runs several invocations at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .runtimes import Family, family_of

if TYPE_CHECKING:
    from .function_record import Configuration

__all__ = ["max_concurrency"]

# What Lambda gives each vCPU unless the function says how many (Lambda Managed Instances, pages of the runtimes).
PER_VCPU: dict[Family | None, int] = {Family.NODE: 64, Family.JAVA: 32, Family.DOTNET: 32, Family.PYTHON: 16}
OF_OTHERS = 8
GIB_PER_VCPU = 2.0


def max_concurrency(configuration: Configuration) -> int:
    """Return how many invocations an environment runs at once; 0: one, in classic mode."""
    if configuration.capacity_provider_config is None:
        return 0
    given = configuration.capacity_provider_config["LambdaManagedInstancesCapacityProviderConfig"]
    if "PerExecutionEnvironmentMaxConcurrency" in given:
        return int(given["PerExecutionEnvironmentMaxConcurrency"])
    gib_per_vcpu = given.get("ExecutionEnvironmentMemoryGiBPerVCpu", GIB_PER_VCPU)
    vcpus = max(1, int(configuration.memory_size / 1024 / gib_per_vcpu))
    return vcpus * PER_VCPU.get(family_of(configuration.runtime), OF_OTHERS)
