"""The CloudWatch Logs API on the wire: JSON 1.1, one address for all operations, which a header names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from runtime_api.service.logs.errors import LogsError, SerializationException, UnknownOperationException

from . import replies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.engine.log_service import LogService
    from runtime_api.service.owners import Owner

    from .replies import PlainReply

__all__ = ["MOST_BYTES", "answer", "operation_in"]

TARGET = b"x-amz-target"
PREFIX = b"Logs_20140328."
MOST_BYTES = 1_048_576  # of a request; the largest that is served names a hundred streams


def operation_in(path: str, headers: Mapping[bytes, bytes]) -> str | None:
    """Return the operation that a request asks for; None when it asks for nothing of this API."""
    target = headers.get(TARGET, b"")
    return target.removeprefix(PREFIX).decode("latin-1") if path == "/" and target.startswith(PREFIX) else None


async def answer(service: LogService | None, operation: str, body: bytes | None, owner: Owner | None) -> PlainReply:
    """Answer a request; `service` is None where no logs are kept, `body` for one that is too large,
    `owner` for a caller who does not sign."""
    try:
        if service is None:
            raise UnknownOperationException("This server keeps no logs: start it with --log-storage")
        if body is None:
            raise SerializationException(f"The request has more than {MOST_BYTES} bytes")
        result = await service.perform(operation, body, owner)
    except LogsError as error:
        return replies.logs_refusal(error.code, error.message, error.fault)
    return replies.PlainReply(replies.OK, replies.LOGS_JSON, orjson.dumps(result))
