"""Serves the part of the CloudWatch Logs API that shows what functions have written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from runtime_api.service.logs.errors import (
    SerializationException,
    ServiceUnavailableException,
    UnknownOperationException,
)
from runtime_api.service.logs.parameters import checked
from runtime_api.store.sqlite.database import StoreError

from .log_operations import CHANGES, QUERIES, Asked

if TYPE_CHECKING:
    from runtime_api.service.rules import Owner
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
        asked = Asked(checked(operation, _document(body)), *(owner or self._home), time.time_ns() // 1_000_000)
        await self._kept.flush()
        try:
            if operation in QUERIES:
                return await self._store.read(lambda connection: QUERIES[operation](connection, asked))
            return await self._store.change(lambda connection: CHANGES[operation](connection, asked))
        except StoreError as error:
            raise ServiceUnavailableException(str(error)) from error


def _document(body: bytes) -> Any:
    try:
        return orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise SerializationException(f"The request is no JSON: {error}") from None
