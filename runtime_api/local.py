"""The assembly: the one place that knows every part, and the one that may read this process's environment."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from runtime_api.engine.environment import ExecutionEnvironment, InvokeResult
from runtime_api.engine.ids import log_stream_name
from runtime_api.engine.invoker import Invoker, InvokeRequest
from runtime_api.engine.pool import Pool
from runtime_api.protocol.attempts import Plan
from runtime_api.protocol.lifecycle import RUNTIME
from runtime_api.protocol.limits import CURRENT, Limits
from runtime_api.sandbox import Launch
from runtime_api.sandbox.entrypoint import Program, bootstrap_program, find_bootstrap, find_libraries
from runtime_api.sandbox.process import PlainSandbox
from runtime_api.service.records import FunctionConfiguration
from runtime_api.service.variables import Places, environment_variables, library_variables
from runtime_api.sinks.logs import LogSink
from runtime_api.web.http1 import HttpServer
from runtime_api.web.runtime import RuntimeApi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

__all__ = ["Address", "LocalFunction", "LocalLambda"]

Address = tuple[str, int]
LOOPBACK = "127.0.0.1"
STDERR = 2
FAREWELL_S = 1.0  # for callers to read their last answer


@dataclass(frozen=True, slots=True)
class LocalFunction:
    """A function that runs here: what Lambda would know of it, and where its code is."""

    configuration: FunctionConfiguration
    program: Program
    init_ms: float | None = CURRENT.init_ms  # None: init is part of the first invocation, as in RIE
    runtime_api: Address = (LOOPBACK, 0)
    also_known_as: frozenset[str] = field(default_factory=frozenset)
    limits: Limits = CURRENT

    @classmethod
    def at(
        cls,
        code: Path,
        name: str = "function",
        *,
        handler: str = "function.handler",
        timeout_s: float = 3,
        memory_mb: int = 128,
        variables: Mapping[str, str] | None = None,
        layers: Sequence[Path] = (),
    ) -> Self:
        """The function whose bootstrap is in the directory `code`, or in the last of `layers` that has one."""
        configuration = FunctionConfiguration(
            name, handler=handler, timeout_ms=timeout_s * 1000, memory_mb=memory_mb, variables=variables or {}
        )
        return cls(configuration, bootstrap_program(code.resolve(), tuple(layer.resolve() for layer in layers)))


class LocalLambda:
    """Runs one function in one execution environment; an async context manager that leaves nothing behind.

    `log` is the descriptor that gets the platform's lines and what the function writes; by default that is stderr.
    """

    def __init__(self, function: LocalFunction, log: int | None = None) -> None:
        self._function = function
        self._log_descriptor = STDERR if log is None else log
        self._stack = AsyncExitStack()
        self._fronts: list[HttpServer] = []
        self._invoker: Invoker | None = None
        self.runtime_api = ""  # host:port of the environment's Runtime API, once open

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._invoker = await self._open(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._fronts:
            server.stop_listening()
        await self._stack.__aexit__(kind, error, trace)

    async def _close_fronts(self) -> None:
        """After the environment has ended, and so told every caller how its invocation did."""
        await asyncio.sleep(0)
        for server in self._fronts:
            await server.close(FAREWELL_S)

    async def invoke(self, request: InvokeRequest) -> InvokeResult:
        """Invoke the function and wait for its answer. A ServiceError says why it could not be run at all."""
        invoker = self._opened()
        # Whoever waits may give up; the invocation goes on, as on Lambda.
        return await asyncio.shield(invoker.submit(request, invoker.check(request)))

    async def listen(self, host: str, port: int, allowed_hosts: frozenset[str] = frozenset()) -> str:
        """Open the public port for Invoke; gives its URL. OSError when the address cannot be had."""
        from runtime_api.web.front import Front, is_loopback  # a single invocation starts sooner without them

        invoker = self._opened()
        front = Front(invoker, self._function.limits.request_bytes, is_loopback(host), allowed_hosts)
        server = HttpServer(front)
        bound = await server.listen(host, port)
        self._fronts.append(server)
        return f"http://{_host_port(bound)}"

    def _opened(self) -> Invoker:
        if self._invoker is None:
            raise RuntimeError("LocalLambda is used inside `async with`")
        return self._invoker

    async def _open(self, stack: AsyncExitStack) -> Invoker:
        function = self._function
        log = LogSink(self._log_descriptor)
        stack.callback(log.close)
        environment = ExecutionEnvironment(_plan(function), PlainSandbox(function.limits), log)
        api = RuntimeApi(environment.post, function.limits)
        door = HttpServer(api)
        self.runtime_api = _host_port(await door.listen(*function.runtime_api))
        pool = Pool(environment, function.limits)
        stack.push_async_callback(self._close_fronts)
        stack.push_async_callback(pool.close)
        stream = log_stream_name(function.configuration.version)
        await environment.open(api, door, partial(_launch, function, self.runtime_api, stream))
        return Invoker(function.configuration, pool, function.limits, function.also_known_as)


def _plan(function: LocalFunction) -> Plan:
    configuration = function.configuration
    return Plan(
        configuration.name,
        configuration.version,
        configuration.memory_mb,
        configuration.timeout_ms,
        function.init_ms,
        function.limits,
    )


def _launch(function: LocalFunction, runtime_api: str, log_stream: str) -> Launch:
    """How the runtime is started now: the bootstrap is looked for anew, since a user may just have mended it."""
    program = function.program
    layers = tuple(str(layer) for layer in program.layers)
    places = Places(str(program.task_root), layers, runtime_api, log_stream)
    libraries = library_variables([find_libraries(layer) for layer in program.layers])
    variables = environment_variables(function.configuration, places, libraries)
    if program.command:
        return Launch(RUNTIME, program.command, program.task_root, variables)
    bootstrap = find_bootstrap(program.places)
    if bootstrap is None:
        looked_for = tuple(str(place) for place in program.places)
        return Launch(RUNTIME, (), program.task_root, variables, looked_for)
    return Launch(RUNTIME, (str(bootstrap),), program.task_root, variables)


def _host_port(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
