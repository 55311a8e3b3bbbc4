"""Fixtures: a function to run, and the check that no process outlives a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import write_bootstrap
from tests.e2e.conftest import ends_what_is_left

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ends_what_is_left", "function"]


@pytest.fixture
def function(tmp_path: Path) -> Path:
    """A directory with a bootstrap that echoes its event, or does what the event asks for."""
    return write_bootstrap(tmp_path / "function")
