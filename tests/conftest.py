"""Check that every test leaves the machine as it was."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvloop
from hypothesis import HealthCheck, settings

from tests import sandboxes, traces
from tests.e2e.ordinary import User, ordinary_user
from tests.selection import begin_with, may_hold

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long an example takes says how busy the machine is. `pytest --hypothesis-profile thorough` tries new examples.
settings.register_profile("quick", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=2000, derandomize=False)
settings.load_profile("quick")

LONG_S = 200  # a test that may take this long begins early, or it would hold up the end of the run
_folders = count()
_private_folder = pytest.StashKey[str]()
_shared: set[str] = set()  # names of this project's fixtures that several tests share


def pytest_configure(config: pytest.Config) -> None:
    """Prepare this process, which is one worker of several under pytest-xdist, to be watched alone."""
    # A shell starts background jobs with SIGINT ignored, and every process that a test starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it
    traces.note_starts()
    if hasattr(config, "workerinput"):
        traces.separate_mounts()
    uvloop.new_event_loop().close()  # opens the pipe for signals, which stays open for the life of the process
    # pytest keeps the folders of its last runs where it always does, outside the private one.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    folder = tempfile.mkdtemp(prefix="tests-")
    config.stash[_private_folder] = folder
    os.environ["TMPDIR"] = tempfile.tempdir = folder


def pytest_report_header() -> str:
    """Name the sandbox that functions run in."""
    return f"functions run in: {sandboxes.SANDBOX}"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the modules without a test that `-m` selects."""
    if not collection_path.match("test_*.py"):
        return None
    return None if may_hold(collection_path.read_text("utf-8"), config.getoption("markexpr")) else True


@pytest.hookimpl(trylast=True)  # when the tests that `-m` does not select are gone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules of tests that may take long."""
    long = {item.path for item in items if _seconds(item) >= LONG_S}
    items[:] = begin_with(items, lambda item: item.path if item.path in long else None, _workers())


def _seconds(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker else 0.0


def _workers() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what bubblewrap's user namespaces are needed for where there are none; pytest reports it in one line."""
    if sandboxes.NO_BUBBLEWRAP and _needs_namespaces(item):
        pytest.skip(sandboxes.NO_BUBBLEWRAP)


def _needs_namespaces(item: pytest.Item) -> bool:
    if item.get_closest_marker("bubblewrap"):
        return True
    if "bubblewrap" in getattr(getattr(item, "callspec", None), "params", {}).values():
        return True
    return os.geteuid() == 0 and "user" in getattr(item, "fixturenames", ())  # who is shown folders of root's


def pytest_unconfigure(config: pytest.Config) -> None:
    """Delete the private folder."""
    shutil.rmtree(config.stash[_private_folder])


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Note this project's fixtures that outlive a test."""
    if fixturedef.scope != "function" and fixturedef.baseid and not fixturedef.argname.startswith("leaves_nothing"):
        _shared.add(fixturedef.argname)


@pytest.fixture(scope="module", autouse=True)
def leaves_nothing_as_a_module() -> Iterator[None]:
    """Check that what the tests of a module share is gone after the last of them."""
    with traces.watched():
        yield


@pytest.fixture(autouse=True)
def leaves_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check a test that shares nothing by itself; the module is checked as a whole for the others."""
    if _shared.isdisjoint(request.fixturenames):
        with traces.watched():
            yield
    else:
        yield


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the test's own. pytest would look at those of all tests before, to find a number that is free."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    path = tmp_path_factory.getbasetemp() / f"{name}{next(_folders)}"
    path.mkdir(0o700)
    return path


@pytest.fixture
def user() -> Iterator[User]:
    """An ordinary user with a folder of their own, below folders that every user may pass."""
    folder = Path(tempfile.mkdtemp(prefix="bootjack-", dir="/tmp"))
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    try:
        yield ordinary_user(home)
    finally:
        shutil.rmtree(folder)
