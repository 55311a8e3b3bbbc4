"""The fixtures `runtime_api` and `local_lambda`."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from runtime_api.local import LocalLambda
    from runtime_api.service.seams.dispatch import InvokeResult

    from .loop_thread import LoopThread

    Event = bytes | dict[str, Any] | list[Any]

__all__ = ["LiveRuntimeApi", "LocalFunctionClient", "local_lambda", "runtime_api"]

FUNCTION = "function"
TIMEOUT_S = 10.0
MAX_QUEUED = 100


class LiveRuntimeApi:
    """A Runtime API on a free port, for a bootstrap that the test starts itself."""

    def __init__(self, address: str, loop: LoopThread, local: LocalLambda) -> None:
        self.address = address  # host:port, the value of AWS_LAMBDA_RUNTIME_API
        self._loop = loop
        self._local = local

    def submit(self, event: Event = b"{}") -> Future[InvokeResult]:
        """Start an invocation; the event waits until the bootstrap asks for it.

        `event` is JSON as bytes, or an object or list to make JSON of.
        """
        return self._loop.submit(self._local.invoke(FUNCTION, _payload(event)))

    def invoke(self, event: Event = b"{}", timeout: float = TIMEOUT_S) -> InvokeResult:
        """Invoke and wait for the result; TimeoutError when it takes more than `timeout` seconds."""
        try:
            return self.submit(event).result(timeout)
        except TimeoutError:
            pass
        raise TimeoutError(f"{self._missing()} within {timeout:g} s")

    def _missing(self) -> str:
        """What the bootstrap has not done."""
        from runtime_api.protocol.states import RuntimeState

        state = self._local.runtime_standing(FUNCTION).state
        if state is RuntimeState.STARTED:
            return f"nothing asked for /next at {self.address}"
        if state is RuntimeState.RUNNING:
            return f"what asked for /next at {self.address} has the event, and did not answer"
        return f"what asked for /next at {self.address} did not end its answer (its state is {state.aws_name})"


class LocalFunctionClient:
    """A `LocalLambda` for tests that are not coroutines."""

    def __init__(self, loop: LoopThread, local: LocalLambda) -> None:
        self._loop = loop
        self._local = local

    def add(self, code: Path | str, name: str = FUNCTION, **settings: Any) -> None:
        """Add the function in a directory; `settings` are those of `LocalFunction.at`, `handler` for example."""
        from runtime_api import LocalFunction

        async def add() -> None:
            self._local.add_function(LocalFunction.at(code, name, **settings))

        self._loop.run(add())

    def invoke(self, name: str = FUNCTION, event: Event = b"{}") -> InvokeResult:
        """Invoke a function and wait for its result; `event` as in `LiveRuntimeApi.submit`."""
        return self._loop.run(self._local.invoke(name, _payload(event)))


@pytest.fixture
def runtime_api(tmp_path: Path) -> Iterator[LiveRuntimeApi]:
    """A live Runtime API and an invoke client; the test starts the bootstrap, with `address` in its environment."""
    from runtime_api import LocalFunction
    from runtime_api.sandbox.entrypoint import bootstrap_program
    from runtime_api.service.records import FunctionSpec

    program = bootstrap_program(tmp_path)
    function = LocalFunction(FunctionSpec(FUNCTION), program, external_runtime=True, max_queued=MAX_QUEUED)
    with _running() as (loop, local):

        async def open_environment() -> str:
            local.add_function(function)
            return await local.open_environment(FUNCTION)

        yield LiveRuntimeApi(loop.run(open_environment()), loop, local)


@pytest.fixture
def local_lambda() -> Iterator[LocalFunctionClient]:
    """Functions that run on this machine."""
    with _running() as (loop, local):
        yield LocalFunctionClient(loop, local)


def _payload(event: Event) -> bytes:
    if isinstance(event, bytes):
        return event
    if not isinstance(event, dict | list):
        raise TypeError(f"an event is bytes, a dict or a list here, not {type(event).__name__}")
    return json.dumps(event).encode()


@contextmanager
def _running() -> Iterator[tuple[LoopThread, LocalLambda]]:
    """A LocalLambda on a thread of its own. Only what was entered is left, and the thread ends in any case."""
    from runtime_api import LocalLambda

    from .loop_thread import LoopThread

    local = LocalLambda()
    with LoopThread() as loop:
        loop.run(local.__aenter__())
        try:
            yield loop, local
        finally:
            loop.run(local.__aexit__(None, None, None))
