"""Records and snapshots of functions for tests."""

from __future__ import annotations

from typing import Any

from runtime_api.protocol.events import Invocation
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.service.arns import LATEST
from runtime_api.service.function_record import Code, Configuration, Function, Version
from runtime_api.service.records import CodeRef, FunctionSpec
from runtime_api.service.resolving import resolved_version
from runtime_api.service.seams.catalog import FunctionRecord, ResolvedVersion, Runnable

__all__ = ["a_function", "a_record", "a_version", "an_invocation"]


def a_function(name: str = "f", **fields: Any) -> Function:
    """What the owner of a function sees of it."""
    configuration = Configuration("provided.al2023", "h", "arn:aws:iam::123456789012:role/r")
    latest = Version(LATEST, configuration, Code("00" * 32, 0), "revision", "2026-01-02T03:04:05.006+0000")
    return Function(name, "123456789012", "us-east-1", latest, **fields)


def a_record(
    name: str = "f", *, code: str = "code", concurrency: int = 1, max_queued: int = 0, **fields: Any
) -> FunctionRecord:
    """A function; `fields` are the record's own."""
    latest = Runnable(FunctionSpec(name), CodeRef(code), FunctionSettings(name), concurrency, max_queued)
    return FunctionRecord(a_function(name), {LATEST: latest}, **fields)


def a_version(name: str = "f", **fields: Any) -> ResolvedVersion:
    """The snapshot of a record."""
    return resolved_version(a_record(name, **fields))


def an_invocation(request_id: str, payload: bytes = b"{}") -> Invocation:
    """An invocation that nothing else depends on."""
    return Invocation(request_id, f"delivery of {request_id}", "arn", payload, "Root=1-0-0;Sampled=0")
