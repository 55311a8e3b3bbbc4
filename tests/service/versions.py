"""Records and snapshots of functions for tests."""

from __future__ import annotations

from typing import Any

from runtime_api.protocol.events import Invocation
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.service.records import CodeRef, FunctionSpec
from runtime_api.service.resolving import resolved_version
from runtime_api.service.seams.catalog import FunctionRecord, ResolvedVersion

__all__ = ["a_record", "a_version", "an_invocation"]


def a_record(name: str = "f", *, code: str = "code", concurrency: int = 1, **fields: Any) -> FunctionRecord:
    """A function; `fields` are the record's own."""
    return FunctionRecord(FunctionSpec(name), CodeRef(code), FunctionSettings(name), concurrency, **fields)


def a_version(name: str = "f", **fields: Any) -> ResolvedVersion:
    """The snapshot of a record."""
    return resolved_version(a_record(name, **fields))


def an_invocation(request_id: str, payload: bytes = b"{}") -> Invocation:
    """An invocation that nothing else depends on."""
    return Invocation(request_id, f"delivery of {request_id}", "arn", payload, "Root=1-0-0;Sampled=0")
