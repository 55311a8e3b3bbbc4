"""The pytest plugin: a live Runtime API in a test, and the conformance cases as tests.

`runtime_api` is a Runtime API that listens, with a client that invokes what connects to it; `local_lambda` makes
`LocalLambda`s; `pytest --bootstrap COMMAND` turns the conformance cases for bootstraps into tests.
"""

from __future__ import annotations

import asyncio
import shlex
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from runtime_api.service.seams.dispatch import InvokeResult

__all__ = ["LiveRuntimeApi"]

FUNCTION = "function"
PATIENCE_S = 10.0
Result = TypeVar("Result")


class LiveRuntimeApi:
    """A Runtime API on a free port, for a bootstrap that the test starts itself."""

    def __init__(self, address: str, loop: _LoopThread, local: Any) -> None:
        self.address = address  # host:port, the value of AWS_LAMBDA_RUNTIME_API
        self._loop = loop
        self._local = local

    def submit(self, event: bytes = b"{}") -> Future[InvokeResult]:
        """Invoke, and go on: the event waits until the bootstrap asks for it."""
        return asyncio.run_coroutine_threadsafe(self._local.invoke(FUNCTION, event), self._loop.loop)

    def invoke(self, event: bytes = b"{}", timeout: float = PATIENCE_S) -> InvokeResult:
        """Invoke and wait for the result; TimeoutError when there is none in so many seconds."""
        return self.submit(event).result(timeout)


class _LoopThread:
    """An event loop on a thread of its own, so that tests need not be coroutines."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="runtime_api")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do the work there and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def close(self) -> None:
        """End the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture
def runtime_api(tmp_path: Path) -> Iterator[LiveRuntimeApi]:
    """A live Runtime API and an invoke client; the test starts the bootstrap, with `address` in its environment."""
    from runtime_api import LocalFunction, LocalLambda
    from runtime_api.sandbox.entrypoint import bootstrap_program
    from runtime_api.service.records import FunctionSpec

    loop = _LoopThread()
    local = LocalLambda()

    async def start() -> str:
        await local.__aenter__()
        configuration = FunctionSpec(FUNCTION)
        local.add_function(
            LocalFunction(configuration, bootstrap_program(tmp_path), external_runtime=True, max_queued=100)
        )
        return await local.open_environment(FUNCTION)

    try:
        address = loop.run(start())
        yield LiveRuntimeApi(address, loop, local)
    finally:
        loop.run(local.__aexit__(None, None, None))
        loop.close()


class LocalFunctionClient:
    """A `LocalLambda` for tests that are no coroutines."""

    def __init__(self, loop: _LoopThread, local: Any) -> None:
        self._loop = loop
        self._local = local

    def add(self, code: Path, name: str = FUNCTION, **settings: Any) -> None:
        """Make the function in a directory known; the settings are those of `LocalFunction.at`."""
        from runtime_api import LocalFunction

        async def add() -> None:
            self._local.add_function(LocalFunction.at(code, name, **settings))

        self._loop.run(add())

    def invoke(self, name: str = FUNCTION, event: bytes = b"{}") -> InvokeResult:
        """Invoke a function and wait for its result."""
        result: InvokeResult = self._loop.run(self._local.invoke(name, event))
        return result


@pytest.fixture
def local_lambda() -> Iterator[LocalFunctionClient]:
    """Functions that run on this machine."""
    from runtime_api import LocalLambda

    loop = _LoopThread()
    local = LocalLambda()
    try:
        loop.run(local.__aenter__())
        yield LocalFunctionClient(loop, local)
    finally:
        loop.run(local.__aexit__(None, None, None))
        loop.close()


# The conformance cases as tests


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `--bootstrap`."""
    group = parser.getgroup("bootjack")
    group.addoption("--bootstrap", metavar="COMMAND", help="judge this bootstrap: each conformance case is a test")
    group.addoption("--bootstrap-level", default="wire", choices=("wire", "echo", "contract"))
    group.addoption("--bootstrap-handler", default="function.handler", metavar="HANDLER")
    group.addoption("--bootstrap-directory", default=".", metavar="DIR", help="where the command runs")


class _Subject(NamedTuple):
    """The bootstrap that is judged."""

    command: tuple[str, ...]
    handler: str
    directory: Path


def pytest_collection(session: pytest.Session) -> None:
    """With `--bootstrap` the session gets a collector of cases beside its files."""
    if session.config.getoption("--bootstrap"):
        session.config.pluginmanager.register(_Cases(), "bootjack-cases")


class _Cases:
    """Adds the cases to what was collected."""

    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        from runtime_api.conformance.cases import load_cases, select

        subject = _subject(config)
        collector = _Collector.from_parent(session, name="conformance", nodeid="conformance")
        cases = select(load_cases("runtime"), level=config.getoption("--bootstrap-level"))
        items += [_CaseItem.from_parent(collector, name=case.id, case=case, subject=subject) for case in cases]


def _subject(config: pytest.Config) -> _Subject:
    import shutil
    from pathlib import Path

    command = shlex.split(config.getoption("--bootstrap"))
    found = shutil.which(command[0]) if command else None
    if found is None:
        raise pytest.UsageError(f"--bootstrap {config.getoption('--bootstrap')!r}: no such command")
    directory = Path(config.getoption("--bootstrap-directory")).resolve()
    program = (str(Path(found).absolute()), *command[1:])
    return _Subject(program, config.getoption("--bootstrap-handler"), directory)


class _Collector(pytest.Collector):
    def collect(self) -> list[pytest.Item]:
        return []


class _Deviation(Exception):
    """A case that failed; its text is the report."""


class _CaseItem(pytest.Item):
    """One case as a test."""

    def __init__(self, *, case: Any, subject: _Subject, **rest: Any) -> None:
        super().__init__(**rest)
        self._case = case
        self._subject = subject

    def runtest(self) -> None:
        from runtime_api.conformance.judge import judge
        from runtime_api.conformance.runtime.side import RuntimeSide
        from runtime_api.conformance.verdicts import Verdict
        from runtime_api.sandbox.entrypoint import Program

        async def play() -> Any:
            program = Program(self._subject.directory, command=self._subject.command)
            async with RuntimeSide(program, self._subject.handler, {}, PATIENCE_S) as side:
                return (await judge(side, [self._case]))[0]

        judgement = asyncio.run(play())
        if judgement.verdict is Verdict.UNIMPLEMENTED:
            pytest.skip(judgement.reason)
        if judgement.verdict is Verdict.FAILED:
            raise _Deviation(_text(judgement))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, _Deviation):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return "conformance", None, self._case.id


def _text(judgement: Any) -> str:
    from runtime_api.conformance.exchange import render
    from runtime_api.conformance.reports.tables import facts

    lines = [f"{name:12} {value}" for name, value in facts(judgement)]
    return "\n".join([*lines, render(judgement.exchange)])
