"""The sandbox that functions run in during tests: BOOTJACK_SANDBOX, as for users; by default bubblewrap."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from runtime_api.sandbox.choice import Kind

__all__ = ["SANDBOX", "layer_root", "shown_folder", "task_root"]

SANDBOX = Kind(
    os.environ.setdefault("BOOTJACK_SANDBOX", Kind.BUBBLEWRAP)
)  # never auto: a missing sandbox must fail the tests


def task_root(directory: Path) -> str:
    """Return the path at which a function sees its code, which is in this directory."""
    return str(directory) if SANDBOX is Kind.PROCESS else "/var/task"


def layer_root(directory: Path) -> str:
    """Return the path at which a function sees this layer."""
    return str(directory) if SANDBOX is Kind.PROCESS else "/opt"


def shown_folder() -> Path:
    """Return a folder that tests mount into every sandbox at its own path."""
    folder = Path(tempfile.gettempdir()) / "shown"
    folder.mkdir(exist_ok=True)
    return folder
