"""Every test leaves the machine as it was."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from tests import sandboxes, traces

if TYPE_CHECKING:
    from collections.abc import Iterator

_private_folder = pytest.StashKey[str]()
_shared: set[str] = set()  # names of our own fixtures that several tests share


def pytest_configure(config: pytest.Config) -> None:
    """Know who is started, open what a process opens once, and have a folder for temporary files to ourselves."""
    traces.note_starts()
    uvloop.new_event_loop().close()  # opens, once for the process, the pipe that its signals come by
    # What pytest keeps of the last runs stays where it always is.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    folder = tempfile.mkdtemp(prefix="tests-")
    config.stash[_private_folder] = folder
    os.environ["TMPDIR"] = tempfile.tempdir = folder


def pytest_report_header() -> str:
    """Say what functions run in."""
    return f"functions run in: {sandboxes.SANDBOX}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the folder away."""
    shutil.rmtree(config.stash[_private_folder])


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Note fixtures of ours that outlive a test."""
    if fixturedef.scope != "function" and fixturedef.baseid and not fixturedef.argname.startswith("leaves_nothing"):
        _shared.add(fixturedef.argname)


@pytest.fixture(scope="module", autouse=True)
def leaves_nothing_as_a_module() -> Iterator[None]:
    """What the tests of a module share is gone after the last of them."""
    with traces.watched():
        yield


@pytest.fixture(autouse=True)
def leaves_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that shares nothing leaves nothing; the others are judged as a module."""
    if _shared.isdisjoint(request.fixturenames):
        with traces.watched():
            yield
    else:
        yield
