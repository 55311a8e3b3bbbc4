"""What it takes to run a version, from what its owner has configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from runtime_api.protocol.settings import FunctionSettings

from .function_record import has_snapshot
from .managed_instances import max_concurrency
from .records import CodeRef, FunctionSpec, Logging
from .runtime_versions import runtime_version, runtime_version_arn
from .seams.catalog import Runnable
from .tenancy import Tenancy

if TYPE_CHECKING:
    from runtime_api.protocol.limits import Limits

    from .function_record import Function, Version
    from .seams.catalog import ResolvedVersion

__all__ = ["code_of", "like", "provisioned_version", "runnable"]


def code_of(version: Version) -> CodeRef | None:
    """Return the reference to a version's package or directory; None for code of the command line."""
    if not version.code.reference:
        return None
    configuration = version.configuration
    layers = tuple(use.code.reference for use in configuration.layers)
    runtime = configuration.runtime or configuration.package_type
    return CodeRef(version.code.reference, runtime, configuration.handler, layers)


def runnable(function: Function, version: Version, code: CodeRef, limits: Limits) -> Runnable:
    """Return what it takes to run a version whose code is installed as `code`."""
    configuration = version.configuration
    spec = FunctionSpec(
        function.name,
        handler=configuration.handler,
        timeout_ms=configuration.timeout * 1000,
        memory_mb=configuration.memory_size,
        ephemeral_mb=configuration.ephemeral_storage["Size"],
        variables=(configuration.environment or {}).get("Variables", {}),
        version=version.number,
        runtime=configuration.runtime,
        region=function.region,
        account=function.account,
        logging=_logging(configuration.logging_config),
    )
    settings = FunctionSettings(
        spec.name,
        spec.version,
        spec.memory_mb,
        spec.timeout_ms,
        limits.init_ms,
        limits,
        max_concurrency=max_concurrency(configuration),
        snap_start=has_snapshot(version),
        runtime_version=runtime_version(configuration.runtime) if configuration.runtime else "",
        runtime_version_arn=runtime_version_arn(function.region, configuration.runtime),
    )
    tenancy = Tenancy.FORBIDDEN if configuration.tenancy_config is None else Tenancy.REQUIRED
    return Runnable(spec, code, settings, limits.concurrency, tenancy=tenancy)


def like(fresh: Runnable, model: Runnable) -> Runnable:
    """Return `fresh` run in the way of `model`, as far as its owner's configuration does not say how."""
    has_version = bool(model.settings.runtime_version)  # a function of the command line has none
    at_once = fresh.settings.max_concurrency or model.settings.max_concurrency
    settings = model.settings._replace(
        function_version=fresh.settings.function_version,
        memory_mb=fresh.settings.memory_mb,
        timeout_ms=fresh.settings.timeout_ms,
        max_concurrency=at_once,
        runtime_version=fresh.settings.runtime_version if has_version else "",
        runtime_version_arn=fresh.settings.runtime_version_arn,
        snap_start=not at_once and (fresh.settings.snap_start or model.settings.snap_start),
    )
    return structs.replace(
        fresh,
        settings=settings,
        concurrency=model.concurrency,
        max_queued=model.max_queued,
        tenancy=model.tenancy,
    )


def provisioned_version(version: ResolvedVersion) -> ResolvedVersion:
    """Return a version as its provisioned environments run it."""
    return structs.replace(version, settings=version.settings._replace(provisioned=True))


def _logging(given: dict[str, str]) -> Logging:
    return Logging(
        given.get("LogGroup"),
        given.get("LogFormat") == "JSON",
        given.get("ApplicationLogLevel", "INFO"),
        given.get("SystemLogLevel", "INFO"),
    )
