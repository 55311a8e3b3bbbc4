"""A running server for each test that asks for one, judged when the test is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def served() -> Iterator[Served]:
    """A server whose limit for a body is a million bytes."""
    with Served() as server:
        yield server
    server.judge()
