"""What every test here is held to: no process outlives it. `tests/commands` takes the same fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e import orphans, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def ends_what_is_left() -> Iterator[None]:
    """Fail a test whose commands leave a process behind, and end the process."""
    before = orphans.children()
    yield
    running.abandon()
    left = orphans.end_all(before)
    assert not left
