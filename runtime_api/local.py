"""The assembly: the one place that knows every part, and the one that may read this process's environment."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.engine.closing import close_in_turn, close_together
from runtime_api.engine.environment import ExecutionEnvironment
from runtime_api.engine.ids import log_stream_name
from runtime_api.engine.invoker import REQUEST_RESPONSE, Invoker, InvokeRequest
from runtime_api.engine.pool import Pool
from runtime_api.protocol.environment import RUNTIME
from runtime_api.protocol.limits import CURRENT, Limits
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.protocol.wire import host_port
from runtime_api.sandbox import Launch
from runtime_api.sandbox.choice import NOT_ISOLATED, Kind, choose
from runtime_api.sandbox.entrypoint import Program, bootstrap_program, find_bootstrap, find_libraries
from runtime_api.sandbox.external_runtime import ExternalRuntime
from runtime_api.sandbox.process import PlainSandbox
from runtime_api.sandbox.trees import Trees
from runtime_api.service.records import FunctionConfiguration
from runtime_api.service.variables import Places, environment_variables, library_variables
from runtime_api.sinks.logs import LabelledLog, LogSink
from runtime_api.web.http1 import HttpServer
from runtime_api.web.outbox import Outbox
from runtime_api.web.runtime import RuntimeApi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from runtime_api.engine.environment import InvokeResult, Log
    from runtime_api.sandbox import Sandbox
    from runtime_api.sandbox.cgroup import Hierarchy
    from runtime_api.sandbox.trees import Lease
    from runtime_api.web.public import PublicPort

__all__ = ["Address", "LocalFunction", "LocalLambda"]

Address = tuple[str, int]
LOOPBACK = "127.0.0.1"
IDLE_TIMEOUT_S = 300.0
FREEZE_AFTER_S = 0.1
NO_CPU_SHARE = "no control groups of the processors may be made here, so functions share them as they like"
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
    concurrency: int = CURRENT.concurrency  # as many environments at most
    max_queued: int = 0  # as many invocations may wait when all of them are busy; the next one is throttled
    external_runtime: bool = False  # the runtime is started by somebody else
    own_network: bool = False  # in bubblewrap: it reaches nothing but the Runtime API
    leases: tuple[Lease, ...] = ()  # of trees that the code and layers are: LocalLambda takes leases of its own

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
        concurrency: int = CURRENT.concurrency,
        mounts: Sequence[Path] = (),
    ) -> Self:
        """The function whose bootstrap is in the directory `code`, or in the last of `layers` that has one.

        `mounts` are shown in its sandbox too, read-only at their own paths. NotADirectoryError for a layer that is no
        directory: archives are unpacked by whoever names them.
        """
        for layer in layers:
            if not layer.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "a layer is a directory here", str(layer))
        configuration = FunctionConfiguration(
            name, handler=handler, timeout_ms=timeout_s * 1000, memory_mb=memory_mb, variables=variables or {}
        )
        program = bootstrap_program(code.resolve(), tuple(layer.resolve() for layer in layers))
        program = program._replace(mounts=tuple(path.absolute() for path in mounts))
        return cls(configuration, program, concurrency=concurrency)


class LocalLambda:
    """Runs functions on this machine; an async context manager that leaves nothing behind.

    `log` is the descriptor that gets the platform's lines and what the functions write, stderr by default; with
    `label_log` each line begins with its function's name. An environment that nobody has used for `idle_timeout_s` is
    ended; None means never. `sandbox`: what functions run in; SandboxUnavailableError where "bubblewrap" is missing,
    with "auto" they are plain processes then, and a line of the log says so. In bubblewrap an environment that has
    nothing to do stands still unless `freeze` is False, and with `cpu_share` it has no more of the processors than
    its memory pays for. `trees`: where layers are merged for it; in a temporary directory of its own by default.
    """

    def __init__(
        self,
        log: int | None = None,
        *,
        label_log: bool = False,
        idle_timeout_s: float | None = IDLE_TIMEOUT_S,
        limits: Limits = CURRENT,
        sandbox: str = Kind.PROCESS,
        freeze: bool = True,
        cpu_share: bool = False,
        trees: Trees | None = None,
    ) -> None:
        self._kind = Kind(sandbox)
        self._freeze = freeze
        self._cpu_share = cpu_share
        self._hierarchies: Sequence[Hierarchy] = ()
        self._log_descriptor = STDERR if log is None else log
        self._label_log = label_log
        self._idle_timeout_s = idle_timeout_s
        self._limits = limits
        self._invoker = Invoker(limits)
        self._pools: dict[str, Pool] = {}
        self._fronts: list[PublicPort] = []
        self._log: LogSink | None = None
        self._outbox = Outbox()
        self._one_start = asyncio.Lock()
        self._own_trees = Trees()
        self._trees = trees or self._own_trees
        self._leases: dict[str, tuple[Lease, ...]] = {}  # of the functions that are known
        self._given_back: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> Self:
        self._kind, reason = await choose(self._kind)
        self._log = LogSink(self._log_descriptor)
        try:
            self._announce(self._log, reason)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def _announce(self, log: LogSink, reason: str) -> None:
        """Find out what functions can be kept in, and say in the log what is missing."""
        if reason:
            log.write(f"bootjack: {NOT_ISOLATED}, since {reason}\n".encode())
        if self._kind is Kind.BUBBLEWRAP:
            from runtime_api.sandbox.cgroup import find_hierarchies

            self._hierarchies = find_hierarchies()
            if self._cpu_share and not any("cpu" in found.controllers for found in self._hierarchies):
                log.write(f"bootjack: {NO_CPU_SHARE}\n".encode())

    async def _close(self) -> None:
        """Close every part, whatever the others do; raise the first error at the end."""
        await close_in_turn(
            *(front.stop_listening for front in self._fronts),
            lambda: close_together(pool.close() for pool in self._pools.values()),
            lambda: asyncio.sleep(0),  # environments have told every caller how its invocation did: let it be written
            lambda: close_together(front.close(FAREWELL_S) for front in self._fronts),
            self._give_back_everything,
            self._own_trees.close,
            self._opened_log().close,
        )
        self._log = None

    def add_function(self, function: LocalFunction) -> None:
        """Make a function known; nothing of it is started before it is invoked.

        One that is known by this name already is replaced: what runs may finish on the old code.
        """
        configuration = function.configuration
        sink = self._opened_log()
        log = LabelledLog(sink, configuration.name) if self._label_log else sink
        builder = _Builder(function, self._limits, log, self._outbox, self._one_start, self._isolation())
        pool = self._pools.get(configuration.name)
        if pool is None:
            pool = self._pools[configuration.name] = Pool(builder, function.concurrency, log, self._idle_timeout_s)
        else:
            pool.replace(builder, function.concurrency)
        self._invoker.serve(configuration, pool, function.max_queued, function.also_known_as)
        self._give_back(configuration.name)
        self._leases[configuration.name] = tuple(lease.share() for lease in function.leases)

    async def open_environment(self, name: str) -> str:
        """Start an environment of this function before it is invoked; gives host:port of its Runtime API.

        OSError when the address cannot be had, ValueError when there are as many as there may be.
        """
        environment = await self._pools[name].provision()
        if environment is None:
            raise ValueError(f"{name} has as many execution environments as it may have")
        return environment.runtime_api

    async def invoke(
        self,
        function: str,
        payload: bytes = b"{}",
        *,
        qualifier: str | None = None,
        log_type: str = "None",
        client_context: str | None = None,
        trace: str | None = None,
        tenant_id: str | None = None,
    ) -> InvokeResult:
        """Invoke a function by name or ARN and wait for its answer.

        `payload` is JSON; `log_type="Tail"` asks for the end of the log, `client_context` is base64 as on the wire. A
        ServiceError says why the function could not be run at all.
        """
        self._opened_log()
        request = InvokeRequest(
            function, payload, qualifier, REQUEST_RESPONSE, log_type, client_context, trace, tenant_id
        )
        # Whoever waits may give up; the invocation goes on, as on Lambda.
        return await asyncio.shield(self._invoker.submit(self._invoker.check(request)))

    async def listen(self, host: str, port: int, allowed_hosts: frozenset[str] = frozenset()) -> str:
        """Open the public port; gives its URL. OSError when the address cannot be had."""
        from runtime_api.web.public import PublicPort  # a single invocation starts sooner without it

        self._opened_log()
        front = PublicPort(self._invoker, self._limits, self._outbox, host, allowed_hosts)
        bound = await front.listen(port)
        self._fronts.append(front)
        return f"http://{host_port(bound)}"

    async def finish(self) -> None:
        """Take no more invocations, and wait until those that were taken have their outcome."""
        for front in self._fronts:
            front.stop_listening()
        for pool in self._pools.values():
            pool.refuse()
        await asyncio.gather(*(pool.finished() for pool in self._pools.values()))

    def _give_back(self, name: str) -> None:
        """What a function's code and layers were unpacked to; to remove it may take a while."""
        self._given_back = [future for future in self._given_back if not future.done()]
        for lease in self._leases.pop(name, ()):
            self._given_back.append(asyncio.get_running_loop().run_in_executor(None, lease.release))

    async def _give_back_everything(self) -> None:
        for name in tuple(self._leases):
            self._give_back(name)
        await close_together(self._given_back)

    def _isolation(self) -> _Isolation | None:
        if self._kind is Kind.PROCESS:
            return None
        return _Isolation(FREEZE_AFTER_S if self._freeze else None, self._cpu_share, self._hierarchies, self._trees)

    def _opened_log(self) -> LogSink:
        if self._log is None:
            raise RuntimeError("LocalLambda is used inside `async with`")
        return self._log


class _Isolation(NamedTuple):
    """How functions are kept in bubblewrap, all of them alike."""

    freeze_after_s: float | None
    cpu_share: bool
    hierarchies: Sequence[Hierarchy]
    trees: Trees


class _Builder:
    """Makes the environments of one function; in plain processes where there is no `isolation`."""

    def __init__(
        self,
        function: LocalFunction,
        limits: Limits,
        log: Log,
        outbox: Outbox,
        one_start: asyncio.Lock,
        isolation: _Isolation | None,
    ) -> None:
        self._function = function
        self._limits = limits
        self._log = log
        self._outbox = outbox
        self._one_start = one_start
        self._isolation = isolation

    def build(self, available: Callable[[ExecutionEnvironment], None]) -> ExecutionEnvironment:
        function, isolation = self._function, self._isolation
        if function.external_runtime:
            return ExecutionEnvironment(self._plan(), ExternalRuntime(), self._log, available)
        sandbox = PlainSandbox(self._limits) if isolation is None else self._isolated(isolation)
        return ExecutionEnvironment(
            self._plan(),
            sandbox,
            self._log,
            available,
            freeze_after_s=isolation and isolation.freeze_after_s,
            leases=[lease.share() for lease in function.leases],
        )

    def _isolated(self, isolation: _Isolation) -> Sandbox:
        from runtime_api.sandbox.bubblewrap import BubblewrapSandbox, Confinement

        configuration, limits = self._function.configuration, self._limits
        cpus = configuration.memory_mb / limits.memory_mb_per_cpu if isolation.cpu_share else None
        confinement = Confinement(
            configuration.memory_mb, configuration.ephemeral_mb, self._function.own_network, cpus
        )
        return BubblewrapSandbox(self._function.program, confinement, isolation.trees, limits, isolation.hierarchies)

    async def open(self, environment: ExecutionEnvironment) -> None:
        function = self._function
        api = RuntimeApi(environment.post, self._limits)
        stream = log_stream_name(function.configuration.version)
        launch = partial(_launch, function, stream, environment.sandbox)
        async with self._one_start:  # the others wait: between two starts, those who are served have their turn
            await environment.open(api, HttpServer(api, self._outbox), function.runtime_api, launch)

    def _plan(self) -> FunctionSettings:
        function, configuration = self._function, self._function.configuration
        return FunctionSettings(
            configuration.name,
            configuration.version,
            configuration.memory_mb,
            configuration.timeout_ms,
            function.init_ms,
            self._limits,
            external_runtime=function.external_runtime,
        )


def _launch(function: LocalFunction, log_stream: str, sandbox: Sandbox, runtime_api: str) -> Launch:
    """How the runtime is started now: the bootstrap is looked for anew, since a user may just have mended it."""
    program, inside = sandbox.arranged(function.program), sandbox.inside
    root = inside(program.task_root)
    places = Places(root, tuple(inside(layer) for layer in program.layers), runtime_api, log_stream)
    libraries = library_variables([find_libraries(layer, inside) for layer in program.layers])
    variables = environment_variables(function.configuration, places, libraries)
    if program.command:
        argv = (inside(program.command[0]), *program.command[1:])
        return Launch(RUNTIME, argv, Path(root), variables)
    bootstrap = find_bootstrap(program.places)
    if bootstrap is None:
        looked_for = tuple(inside(place) for place in program.places)
        return Launch(RUNTIME, (), Path(root), variables, looked_for)
    return Launch(RUNTIME, (inside(bootstrap),), Path(root), variables)
