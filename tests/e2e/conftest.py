"""Fail every test here that leaves a process behind; `tests/commands` uses the same fixture."""

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
