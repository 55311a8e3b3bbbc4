"""What an account may use in a region, and what it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import Result
from .concurrency import unreserved

if TYPE_CHECKING:
    from . import Asked

__all__ = ["get_account_settings"]

TOTAL_CODE = 80_530_636_800  # bytes: 75 GB (guide 587)


def get_account_settings(asked: Asked) -> Result:
    """Show limits and use."""
    sizes = [version.code.size for function in asked.functions.values() for version in function.versions()]
    limits = {
        "TotalCodeSize": TOTAL_CODE,
        "CodeSizeUnzipped": asked.profile.limits.unzipped_bytes,
        "CodeSizeZipped": asked.profile.limits.zipped_bytes,
        "ConcurrentExecutions": asked.profile.limits.concurrency_max,
        "UnreservedConcurrentExecutions": unreserved(asked),
    }
    usage = {"TotalCodeSize": sum(sizes), "FunctionCount": len(asked.functions)}
    return Result({"AccountLimit": limits, "AccountUsage": usage})
