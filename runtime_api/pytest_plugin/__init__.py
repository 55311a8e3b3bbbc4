"""The pytest plugin: a live Runtime API in a test, and the conformance cases as tests.

    runtime_api                  fixture: a Runtime API that listens, and a client that invokes what connects to it
    local_lambda                 fixture: functions that run on this machine
    pytest --bootstrap COMMAND   each conformance case for bootstraps is a test

Every pytest run loads this plugin where bootjack is installed, so anything else is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .fixtures import LiveRuntimeApi, LocalFunctionClient, local_lambda, runtime_api

if TYPE_CHECKING:
    import pytest

__all__ = ["LiveRuntimeApi", "LocalFunctionClient", "local_lambda", "runtime_api"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--bootstrap` and the options that go with it."""
    group = parser.getgroup("bootjack")
    group.addoption(
        "--bootstrap", metavar="COMMAND", help="check this bootstrap: each conformance case becomes a test"
    )
    group.addoption(
        "--bootstrap-level",
        default="wire",
        choices=("wire", "echo", "contract"),
        help="what the handler can do: anything (wire, the default), return its event (echo), or all that "
        "docs/conformance-handler.md asks for (contract)",
    )
    group.addoption(
        "--bootstrap-handler",
        default="function.handler",
        metavar="HANDLER",
        help="value of _HANDLER (default: function.handler)",
    )
    group.addoption(
        "--bootstrap-directory",
        default=".",
        metavar="DIR",
        help="directory to run the command in (default: the current one)",
    )


def pytest_collection(session: pytest.Session) -> None:
    """Collect the conformance cases beside the session's files when `--bootstrap` asks for them."""
    if session.config.getoption("--bootstrap"):
        from .cases import ConformanceCases

        session.config.pluginmanager.register(ConformanceCases(), "bootjack-cases")
