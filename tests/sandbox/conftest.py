"""Runs the tests that hold for every sandbox once as a plain process and once in bubblewrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox import watch

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERYWHERE = (
    "test_process",
    "test_output",
    "test_bounds",
    "test_bubblewrap",
    "test_bubblewrap_failures",
    "test_lies",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of these modules in both sandboxes, or in the one that its mark `only` names."""
    if metafunc.module.__name__.rpartition(".")[2] in EVERYWHERE:
        only = metafunc.definition.get_closest_marker("only")
        metafunc.parametrize("sandbox", only.args if only else ("process", "bubblewrap"), indirect=True)


@pytest.fixture(autouse=True)
def sandbox(request: pytest.FixtureRequest) -> Iterator[str]:
    """The sandbox that the test's programs run in."""
    kind: str = getattr(request, "param", "process")
    watch.isolate(kind == "bubblewrap")
    try:
        yield kind
    finally:
        watch.isolate(False)
