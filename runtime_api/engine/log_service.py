"""Serves the part of the CloudWatch Logs API that shows what functions have written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from runtime_api.service.logs.errors import (
    ResourceNotFoundException,
    SerializationException,
    ServiceUnavailableException,
    UnknownOperationException,
)
from runtime_api.service.logs.parameters import checked
from runtime_api.store.sqlite.database import StoreError

from .log_operations import CHANGES, QUERIES, Asked

if TYPE_CHECKING:
    from runtime_api.service.owners import Owner
    from runtime_api.sinks.kept_logs import KeptLogs
    from runtime_api.store.sqlite.logs import LogStore

__all__ = ["LogService"]


class LogService:
    """Serves what `store` holds, and what `kept` is about to put into it; `home` is whose logs callers mean."""

    def __init__(self, store: LogStore, kept: KeptLogs, home: Owner) -> None:
        self._store = store
        self._kept = kept
        self._home = home

    async def perform(self, operation: str, body: bytes, owner: Owner | None = None) -> dict[str, Any]:
        """Perform an operation by its name; raise the LogsError with which CloudWatch Logs refuses it."""
        if operation not in QUERIES and operation not in CHANGES:
            raise UnknownOperationException(f"{operation} is not supported by bootjack")
        parameters = checked(operation, _document(body))
        asked = Asked(parameters, *(owner or self._home), time.time_ns() // 1_000_000)
        await self._kept.flush()
        try:
            if operation in CHANGES:
                return await self._store.change(lambda connection: CHANGES[operation](connection, asked))
            try:
                return await self._query(operation, asked)
            except ResourceNotFoundException:
                # Functions of the command line answer every owner, but they write for one.
                home = Asked(parameters, *self._home, asked.now_ms)
                return await self._query(operation, home)
        except StoreError as error:
            raise ServiceUnavailableException(str(error)) from error

    async def _query(self, operation: str, asked: Asked) -> dict[str, Any]:
        return await self._store.read(lambda connection: QUERIES[operation](connection, asked))


def _document(body: bytes) -> Any:
    try:
        return orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise SerializationException(f"The request is no JSON: {error}") from None
