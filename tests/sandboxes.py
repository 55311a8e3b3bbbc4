"""What functions of a test run in: BOOTJACK_SANDBOX says so, as it does to users; without it, in bubblewrap."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from runtime_api.sandbox.choice import Kind

__all__ = ["SANDBOX", "layer_root", "shown_folder", "task_root"]

SANDBOX = Kind(os.environ.setdefault("BOOTJACK_SANDBOX", Kind.BUBBLEWRAP))  # never auto: no test may do without


def task_root(directory: Path) -> str:
    """Where a function whose code is in this directory sees it."""
    return str(directory) if SANDBOX is Kind.PROCESS else "/var/task"


def layer_root(directory: Path) -> str:
    """Where a function sees a layer."""
    return str(directory) if SANDBOX is Kind.PROCESS else "/opt"


def shown_folder() -> Path:
    """A folder that is mounted in every sandbox of a test, at its own path."""
    folder = Path(tempfile.gettempdir()) / "shown"
    folder.mkdir(exist_ok=True)
    return folder
