"""The sandbox that functions run in during tests: BOOTJACK_SANDBOX, as for users; by default bubblewrap.

Where bubblewrap does not work, as in most containers, functions run as plain processes and the tests that are marked
`bubblewrap` are skipped. Not on CI: there, a missing sandbox must fail the tests.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from runtime_api.sandbox.bubblewrap.probing import probe
from runtime_api.sandbox.choice import Kind

__all__ = ["NO_BUBBLEWRAP", "SANDBOX", "layer_root", "shown_folder", "task_root"]

NO_BUBBLEWRAP = "" if os.environ.get("CI") else asyncio.run(probe()).why_not
SANDBOX = Kind(os.environ.setdefault("BOOTJACK_SANDBOX", Kind.PROCESS if NO_BUBBLEWRAP else Kind.BUBBLEWRAP))


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
