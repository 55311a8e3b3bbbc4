"""A running server for each test that asks for one, judged when the test is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[0, 9], ids=["alone", "among many callers"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """A server whose limit for a body is a million bytes; with nobody else, and with others who wait."""
    with Served(callers=request.param) as server:
        yield server
    server.judge()
