"""A pipe for every test that logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sinks.pipes import Pipe

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe, closed at the end."""
    made = Pipe()
    yield made
    made.close()
