"""What functions of a test run in: BOOTJACK_SANDBOX says so, as it does to users; without it, in bubblewrap."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runtime_api.sandbox.choice import Kind

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SANDBOX", "layer_root", "task_root"]

SANDBOX = Kind(os.environ.setdefault("BOOTJACK_SANDBOX", Kind.BUBBLEWRAP))  # never auto: no test may do without


def task_root(directory: Path) -> str:
    """Where a function whose code is in this directory sees it."""
    return str(directory) if SANDBOX is Kind.PROCESS else "/var/task"


def layer_root(directory: Path) -> str:
    """Where a function sees a layer."""
    return str(directory) if SANDBOX is Kind.PROCESS else "/opt"
