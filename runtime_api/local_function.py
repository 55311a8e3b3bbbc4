"""A function for `LocalLambda`, as its users describe it."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.engine.installations import Address, Installation
from runtime_api.engine.python_handlers import program_in
from runtime_api.protocol.limits import CURRENT
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.sandbox.network import Network
from runtime_api.service.arns import LATEST
from runtime_api.service.function_record import Code, Configuration, Function, LastUpdate, State, Version
from runtime_api.service.records import CodeRef, FunctionSpec
from runtime_api.service.seams.catalog import FunctionRecord, Runnable
from runtime_api.service.tenancy import Tenancy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from runtime_api.protocol.limits import Limits
    from runtime_api.sandbox.entrypoint import Program
    from runtime_api.service.function_url_record import FunctionUrl
    from runtime_api.service.records import Logging
    from runtime_api.service.seams.archives import Lease

__all__ = ["LocalFunction"]

ANY_PORT: Address = ("127.0.0.1", 0)
NO_PACKAGE = Code("", 0)
NO_URLS: Mapping[str, FunctionUrl] = {}


@dataclass(frozen=True, slots=True)
class LocalFunction:
    """A function that runs on this machine: what Lambda knows of it, where its code is, and how it is run here."""

    configuration: FunctionSpec
    program: Program
    init_ms: float | None = CURRENT.init_ms  # None: init is part of the first invocation, as in RIE
    runtime_api: Address = ANY_PORT  # in the host's network; a network of its own has it at 127.0.0.1:9001
    also_known_as: frozenset[str] = field(default_factory=frozenset)
    concurrency: int = CURRENT.concurrency  # execution environments at once
    max_queued: int = 0  # invocations that may wait while all of them are busy; the next one is throttled
    max_concurrency: int = 0  # invocations that an environment runs at once; 0: one, in classic mode
    snap_start: bool = False  # an environment is restored from a snapshot; not with `max_concurrency`
    tenancy: Tenancy = Tenancy.OPTIONAL
    external_runtime: bool = False  # somebody else starts the runtime
    function_url: bool = False  # it has one from the start, which everybody may use
    invoke_mode: str | None = None  # of that URL: BUFFERED, as is the default, or RESPONSE_STREAM
    network: str | None = None  # "own", "host" or "none"; None: its own in bubblewrap, the host's in plain processes
    loopback_ports: tuple[int, ...] = ()  # of this machine, which a network of its own reaches at the same ports
    leases: tuple[
        Lease, ...
    ] = ()  # of the directories that hold code and layers; LocalLambda takes leases of its own

    @classmethod
    def at(
        cls,
        code: Path | str,
        name: str = "function",
        *,
        handler: str = "function.handler",
        timeout_s: float = 3,
        memory_mb: int = 128,
        variables: Mapping[str, str] | None = None,
        layers: Sequence[Path | str] = (),
        concurrency: int = CURRENT.concurrency,
        mounts: Sequence[Path | str] = (),
        network: str | None = None,
        loopback_ports: Sequence[int] = (),
    ) -> Self:
        """Describe the function whose bootstrap is in the directory `code`, or in the last of `layers` that has one.

        Where there is none, `handler` is a Python handler, `module.function` of a module in `code`, and runs on the
        bootstrap that comes with bootjack. `mounts` are visible in its sandbox too, read-only at their own paths.
        Raises NotADirectoryError for code or a layer that is not a directory: unpack archives first.
        """
        root, layer_roots = _directory(code, "the code"), tuple(_directory(layer, "a layer") for layer in layers)
        configuration = FunctionSpec(
            name, handler=handler, timeout_ms=timeout_s * 1000, memory_mb=memory_mb, variables=variables or {}
        )
        program = program_in(root, layer_roots, handler)
        program = program._replace(mounts=(*program.mounts, *(Path(path).absolute() for path in mounts)))
        return cls(
            configuration, program, concurrency=concurrency, network=network, loopback_ports=tuple(loopback_ports)
        )

    def __post_init__(self) -> None:
        if self.max_concurrency and self.snap_start:
            raise ValueError("an environment that is restored from a snapshot runs one invocation at a time")

    def settings(self, limits: Limits) -> FunctionSettings:
        """Return what its environments must know of it."""
        spec = self.configuration
        return FunctionSettings(
            spec.name,
            spec.version,
            spec.memory_mb,
            spec.timeout_ms,
            self.init_ms,
            limits,
            external_runtime=self.external_runtime,
            max_concurrency=self.max_concurrency,
            snap_start=self.snap_start,
        )

    def installation(self) -> Installation:
        """Return the part that only this machine knows."""
        network = None if self.network is None else Network(self.network)
        return Installation(self.program, self.runtime_api, network, self.loopback_ports, self.leases)

    def record(
        self, code: CodeRef, limits: Limits, revision_id: str, now: str, urls: Mapping[str, FunctionUrl] = NO_URLS
    ) -> FunctionRecord:
        """Return the part that a catalog keeps, for code that is installed as `code`."""
        spec = self.configuration
        latest = Version(
            LATEST, _configuration(spec), NO_PACKAGE, revision_id, now, State.ACTIVE, LastUpdate.SUCCESSFUL
        )
        function = Function(spec.name, spec.account, spec.region, latest, urls=dict(urls))
        runnable = Runnable(
            spec, code, self.settings(limits), self.concurrency, self.max_queued, tenancy=self.tenancy
        )
        return FunctionRecord(function, {LATEST: runnable}, self.also_known_as, everybodys=True)


def _directory(given: Path | str, what: str) -> Path:
    path = Path(given)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{what} of a function is a directory here", str(given))
    return path.resolve()


def _configuration(spec: FunctionSpec) -> Configuration:
    """What the management API shows of a function whose code is no package."""
    return Configuration(
        spec.runtime,
        spec.handler,
        f"arn:aws:iam::{spec.account}:role/local",
        timeout=ceil(spec.timeout_ms / 1000),
        memory_size=spec.memory_mb,
        environment={"Variables": dict(spec.variables)} if spec.variables else None,
        ephemeral_storage={"Size": spec.ephemeral_mb},
        logging_config=_logging_config(spec.logging),
    )


def _logging_config(logging: Logging) -> dict[str, str]:
    if not logging.is_json:
        return {}
    levels = {"ApplicationLogLevel": logging.application_level, "SystemLogLevel": logging.system_level}
    return {"LogFormat": "JSON", **levels}
