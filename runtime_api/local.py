"""LocalLambda: the local Lambda service, wired up. The only module that knows every part."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.engine.closing import close_in_turn, close_together
from runtime_api.engine.code_sources import CodeSources
from runtime_api.engine.dispatch import LocalDispatch
from runtime_api.engine.environment_factory import LocalEnvironmentFactory
from runtime_api.engine.events import Events, EventSettings
from runtime_api.engine.ids import uuid4
from runtime_api.engine.installations import Address, Installations
from runtime_api.engine.installer import Installer
from runtime_api.engine.invoker import REQUEST_RESPONSE, Invoker, InvokeRequest
from runtime_api.engine.log_service import LogService
from runtime_api.engine.management import Management, now
from runtime_api.engine.payloads import need_bytes
from runtime_api.engine.provisioner import Provisioner
from runtime_api.engine.sandboxes import Sandboxes
from runtime_api.engine.url_ids import open_url
from runtime_api.local_function import LocalFunction
from runtime_api.protocol.limits import CURRENT, Limits
from runtime_api.protocol.wire import host_port
from runtime_api.sandbox.choice import Kind
from runtime_api.service.function_url_record import function_url
from runtime_api.service.owners import DEFAULT_OWNER, Owner
from runtime_api.service.profiles import Profile
from runtime_api.service.refusals import refusal
from runtime_api.service.resolving import resolved_version
from runtime_api.service.runtimes import TODAY, RuntimeRules
from runtime_api.service.seams.dispatch import InvokeResult, Throttled, Unavailable
from runtime_api.sinks.kept_logs import KeptLogs
from runtime_api.sinks.logs import PLAIN, FunctionLog, LogSink
from runtime_api.store.memory_catalog import MemoryCatalog
from runtime_api.store.sqlite.functions import StoredFunctions
from runtime_api.store.trees import Trees
from runtime_api.web.edge import RuntimeApiEdge
from runtime_api.web.http1.outbox import Outbox
from runtime_api.web.http1.patience import CLIENT_TIMEOUT_S, Patience
from runtime_api.web.http1.roster import PUBLIC, RUNTIME_API, Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Self

    from runtime_api.engine.environment import ExecutionEnvironment
    from runtime_api.protocol.standing import Standing
    from runtime_api.sinks.look import Look
    from runtime_api.store.sqlite.directory import DataDirectory
    from runtime_api.store.sqlite.logs import LogStore
    from runtime_api.web.public import PublicPort

__all__ = ["Address", "LocalFunction", "LocalLambda"]

IDLE_TIMEOUT_S = 300.0
DEFAULT_EVENTS = EventSettings()
STDERR = 2
FAREWELL_S = 1.0  # for callers to read their last answer


class _Parts(NamedTuple):
    """What a LocalLambda is made of while it is open."""

    log: LogSink
    catalog: MemoryCatalog
    installations: Installations
    dispatch: LocalDispatch
    events: Events
    invoker: Invoker
    management: Management
    provisioner: Provisioner
    outbox: Outbox
    fronts: list[PublicPort]
    kept_logs: KeptLogs | None
    log_service: LogService | None

    def note(self, line: str) -> None:
        """Write a line of our own to the log."""
        self.log.write(f"bootjack: {line}\n".encode())


class LocalLambda:
    """Runs functions on this machine; an async context manager that leaves nothing behind.

    `log` is the descriptor for the platform's lines and the output of functions, stderr by default; with `label_log`
    each line begins with its function's name. An environment that is idle for `idle_timeout_s` is stopped; None means
    never. `sandbox` is what functions run in: with "bubblewrap" SandboxUnavailableError is raised where it does not
    work, with "auto" they are plain processes then, and a line of the log says so. In bubblewrap an idle environment
    is frozen unless `freeze` is False, and with `cpu_share` it gets the share of a processor that its memory pays
    for. With `seccomp` the kernel refuses system calls that functions do without. `trees` is where its layers are
    merged, a temporary directory of its own by default. Ports accept `allowed_hosts` as Host names although a DNS
    answer could forge them. A client gets `client_timeout_s` for a request's head, and must keep its body coming;
    each port has `max_connections` at once, None for a share of the descriptors that this process may have.
    What callers create belongs to the account and region that they sign for, or else to `owner`, and is kept in
    `data`; without it it goes with this object. `events` says how events are run. What functions write is kept in
    `logs`. `runtimes` says which runtimes callers may use. Callers must sign with one of `keys`, secrets by their
    ids; None: signatures are not looked at. Code from S3 comes from `s3_endpoint`; with `hot_reload` callers may
    have directories of this machine run as they are. With `enforce_policies` other accounts, and services, invoke
    only what a function's policy allows. A response is streamed at `stream_rate` bytes a second after its first 6
    MB; None is as fast as it goes. `look` says what the log shows, and how.
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
        seccomp: bool = True,
        trees: Trees | None = None,
        allowed_hosts: Collection[str] = (),
        client_timeout_s: float = CLIENT_TIMEOUT_S,
        max_connections: int | None = None,
        owner: Owner = DEFAULT_OWNER,
        data: DataDirectory | None = None,
        runtimes: RuntimeRules = TODAY,
        keys: Mapping[str, str] | None = None,
        s3_endpoint: str | None = None,
        hot_reload: bool = True,
        enforce_policies: bool = False,
        logs: LogStore | None = None,
        events: EventSettings = DEFAULT_EVENTS,
        stream_rate: float | None = None,
        look: Look = PLAIN,
    ) -> None:
        self._look = look
        self._stream_rate = stream_rate
        self._events = events
        self._logs = logs
        self._runtimes = runtimes
        self._enforce_policies = enforce_policies
        self._keys = keys
        self._code_sources = CodeSources(limits, s3_endpoint, hot_reload=hot_reload)
        self._owner = owner
        self._data = data
        self._allowed_hosts = frozenset(allowed_hosts)
        self._public = Bounds(Patience(client_timeout_s), PUBLIC, max_connections)
        self._runtime_api = Bounds(Patience(client_timeout_s, ends_idle=False), RUNTIME_API, max_connections)
        self._log_descriptor = STDERR if log is None else log
        self._label_log = label_log
        self._idle_timeout_s = idle_timeout_s
        self._limits = limits
        self._own_trees = Trees()
        self._sandboxes = Sandboxes(
            Kind(sandbox), trees or self._own_trees, freeze=freeze, cpu_share=cpu_share, seccomp=seccomp
        )
        self._open: _Parts | None = None
        self._ahead: dict[str, ExecutionEnvironment] = {}  # that were opened before they were needed, by function

    async def __aenter__(self) -> Self:
        notes = await self._sandboxes.prepare()
        log = LogSink(self._log_descriptor, self._look)
        try:
            for note in notes:
                log.write(f"bootjack: {note}\n".encode())
            self._open = self._assemble(log)
        except BaseException:
            log.close()
            raise
        self._open.management.restore()
        self._open.events.start(self._open.management.processed)
        return self

    async def __aexit__(self, *_: object) -> None:
        parts, self._open = self._parts(), None
        await close_in_turn(
            *(front.stop_listening for front in parts.fronts),
            parts.invoker.close,
            parts.events.close,
            parts.management.close,
            parts.dispatch.close,
            lambda: asyncio.sleep(0),  # every caller has its result now: let the answers be written
            lambda: close_together(front.close(FAREWELL_S) for front in parts.fronts),
            parts.installations.close,
            self._own_trees.close,
            self._sandboxes.close,
            lambda: None if parts.kept_logs is None else parts.kept_logs.close(),
            parts.log.close,
        )

    def add_function(self, function: LocalFunction) -> None:
        """Add a function, or replace the one of this name: running invocations may finish on the old code.

        Its published versions, aliases and whatever else callers have configured stay as they are.
        No environment is started before the function is invoked. Raises ValueError if the function cannot have the
        network or the loopback ports that it asks for.
        """
        parts = self._parts()
        installation = function.installation()
        note = self._sandboxes.check(function.configuration, installation)
        if note:
            parts.log.write(f"bootjack: {note}\n".encode())
        spec = function.configuration
        before = parts.catalog.get(spec.name, Owner(spec.account, spec.region))
        urls = open_url(function.invoke_mode) if function.function_url else {}
        code = parts.installations.add(installation)
        record = function.record(code, self._limits, uuid4(), now(), urls)
        parts.catalog.set(record if before is None else record.in_place_of(before))
        parts.dispatch.prepare(parts.catalog.resolve(function.configuration.name))
        if before is not None:
            parts.installations.remove(before.latest.code)

    def remove_function(self, name: str) -> None:
        """Remove a function: running invocations may finish, then its environments end.

        Raises ResourceNotFoundException when there is no such function, as each new invocation will.
        """
        parts = self._parts()
        spec = parts.catalog.resolve(name).spec
        record = parts.catalog.drop(spec.name, Owner(spec.account, spec.region))
        parts.provisioner.changed(record, None)
        for number in record.versions:
            parts.dispatch.retire(resolved_version(record, number))

    def function_url(self, name: str, server: str) -> str | None:
        """Return the URL at which a function answers on the server with this URL; None when it has none."""
        served = self._parts().invoker.url_of(name)
        return None if served is None else function_url(server, served.function.region, served.url.id)

    async def open_environment(self, name: str) -> str:
        """Start an environment of this function before it is invoked; returns host:port of its Runtime API.

        Raises OSError when the address is not available, ValueError when the function has as many environments as it
        may have.
        """
        parts = self._parts()
        environment = await parts.dispatch.start_ahead(parts.catalog.resolve(name))
        if environment is None:
            raise ValueError(f"{name} has as many execution environments as it may have")
        self._ahead[name] = environment
        return environment.runtime_api

    def runtime_standing(self, name: str) -> Standing:
        """Return how far the runtime has come in the environment that `open_environment` has started."""
        return self._ahead[name].standing_of_runtime("")

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
        streamed: bool = False,
    ) -> InvokeResult:
        """Invoke a function by name or ARN and wait for its answer.

        `payload` is JSON; `log_type="Tail"` asks for the end of the log, `client_context` is base64 as on the wire.
        If `streamed`, a function that streams is answered by a `stream` when it begins to.
        Raises ServiceError when the function could not be run at all.
        """
        need_bytes(payload)
        invoker = self._parts().invoker
        request = InvokeRequest(
            function,
            payload,
            qualifier,
            REQUEST_RESPONSE,
            log_type,
            client_context,
            trace,
            tenant_id,
            streamed=streamed,
        )
        # A caller may be cancelled; the invocation goes on, as on Lambda.
        result = await asyncio.shield(invoker.submit(invoker.check(request)))
        if isinstance(result, Throttled | Unavailable):
            raise refusal(result)
        assert isinstance(result, InvokeResult)
        return result

    async def listen(
        self, host: str, port: int, allowed_hosts: Collection[str] = (), *, allowed_origins: Collection[str] = ()
    ) -> str:
        """Open the public port; returns its URL. OSError when the address is not available.

        Web pages of `allowed_origins` (scheme://host[:port]) may use it, besides those of this machine. Requests must
        name `localhost`, an IP address or one of `allowed_hosts` as their Host; beyond loopback, the name of this
        machine or any name that is in private networks only will do, too.
        """
        # A single invocation starts sooner without these.
        import socket

        from runtime_api.web.callers import Callers
        from runtime_api.web.guard import Guard
        from runtime_api.web.hosts import is_loopback
        from runtime_api.web.public import PublicPort

        parts = self._parts()
        on_loopback = is_loopback(host)
        own_names = () if on_loopback else (socket.gethostname(),)
        guard = Guard(on_loopback, {*own_names, *self._allowed_hosts, *allowed_hosts}, allowed_origins)
        front = PublicPort(
            parts.invoker,
            parts.management,
            self._limits,
            parts.outbox,
            host,
            guard,
            Callers(self._owner, self._keys),
            self._public,
            parts.note,
            parts.log_service,
            parts.events.service,
        )
        bound = await front.listen(port)
        parts.fronts.append(front)
        return f"http://{host_port(bound)}"

    @property
    def running(self) -> int:
        """How many invocations run now."""
        return self._parts().dispatch.running

    async def finish(self) -> None:
        """Accept no more invocations, and wait until every accepted one has its outcome."""
        parts = self._parts()
        for front in parts.fronts:
            front.stop_listening()
        await parts.invoker.close()
        await parts.events.finished()
        await parts.dispatch.finished()

    def _assemble(self, log: LogSink) -> _Parts:
        limits, label_log, outbox = self._limits, self._label_log, Outbox()

        def log_of(name: str, keep: Callable[[float, bytes], None] | None = None) -> FunctionLog:
            return FunctionLog(log, name if label_log else "", keep)

        bounds, hosts, trace = self._runtime_api, self._allowed_hosts, self._look.traced
        edge = RuntimeApiEdge(limits, outbox, bounds, hosts, lambda line: parts.note(line), log_of, trace=trace)
        catalog, installations = MemoryCatalog(self._owner), Installations()
        kept_logs = None if self._logs is None else KeptLogs(self._logs.append, log.write, log.make_text)
        factory = LocalEnvironmentFactory(installations, self._sandboxes, edge, log_of, kept_logs, self._stream_rate)
        data = self._data
        installer = Installer(self._own_trees, installations, limits, None if data is None else data.packages)
        dispatch = LocalDispatch(
            factory, installations, self._idle_timeout_s, installer.install, limits.concurrency_max
        )
        events = Events(
            self._events,
            catalog,
            dispatch,
            limits,
            self._owner,
            outbox,
            log.write,
            None if data is None else data.events,
            enforces_policies=self._enforce_policies,
        )
        stored = None if data is None else StoredFunctions(data.database)
        sources, profile = self._code_sources, Profile(limits, self._runtimes)
        provisioner = Provisioner(catalog, dispatch, log.write)
        management = Management(
            catalog,
            dispatch,
            installer,
            sources,
            installations,
            self._owner,
            profile,
            provisioner,
            stored,
            events.pollers,
        )
        log_service = None
        if self._logs is not None and kept_logs is not None:
            log_service = LogService(self._logs, kept_logs, self._owner)
        parts = _Parts(
            log,
            catalog,
            installations,
            dispatch,
            events,
            events.invoker,
            management,
            provisioner,
            outbox,
            [],
            kept_logs,
            log_service,
        )
        return parts

    def _parts(self) -> _Parts:
        if self._open is None:
            raise RuntimeError("LocalLambda is used inside `async with`")
        return self._open
