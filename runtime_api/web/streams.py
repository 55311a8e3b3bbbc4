"""Replies whose body comes piece by piece: InvokeWithResponseStream, and function URLs that stream."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from runtime_api.protocol.streaming import EVENT_STREAM, invoke_complete, payload_chunks
from runtime_api.service.seams.dispatch import InvokeResult

from . import replies

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from runtime_api.engine.invoker import Accepted
    from runtime_api.service.seams.dispatch import BodyStream, Pending

    from .http1.exchange import Exchange

__all__ = ["StreamedReply", "body_of", "event_stream", "send", "settled"]

T = TypeVar("T")

UNHANDLED = "Unhandled"


class BrokenOffError(Exception):
    """The function has failed after its first byte, and HTTP has no other word for that than to end too early."""


class StreamedReply(Struct, frozen=True):
    """A reply whose head is known; `stream` is what its pieces are read from."""

    status: int
    headers: str
    pieces: AsyncGenerator[bytes]
    stream: BodyStream | None


def event_stream(accepted: Accepted, result: InvokeResult) -> StreamedReply:
    """Return the answer to InvokeWithResponseStream: a function that does not stream is one piece, or an error."""
    headers = (
        f"Content-Type: {EVENT_STREAM}\r\n"
        f"X-Amz-Executed-Version: {accepted.version.spec.version}\r\n"
        f"x-amzn-RequestId: {result.request_id}\r\n"
    )
    return StreamedReply(replies.OK, headers, _messages(result), result.stream)


async def body_of(stream: BodyStream, begun: bytes) -> AsyncGenerator[bytes]:
    """Yield the body of a stream as it is, after what of it has been read; BrokenOffError if the function fails."""
    yield begun  # even if it is empty: the head goes out with it
    while data := await stream.read():
        yield data
    if stream.result is not None and stream.result.function_error is not None:
        raise BrokenOffError


async def _messages(result: InvokeResult) -> AsyncGenerator[bytes]:
    stream = result.stream
    if stream is None:
        # In one piece, by which a reader can tell that nothing was streamed.
        pieces = payload_chunks(result.payload) if result.function_error is None else ()
        yield b"".join((*pieces, _last_message(result)))
        return
    yield b""  # the head goes out
    while data := await stream.read():
        yield b"".join(payload_chunks(data))
    assert stream.result is not None  # at the end
    yield _last_message(stream.result)


def _last_message(result: InvokeResult) -> bytes:
    if result.function_error is None:
        return invoke_complete(None, "", result.log_tail)
    return invoke_complete(result.error_type or UNHANDLED, result.payload.decode(errors="replace"), result.log_tail)


async def settled(pending: Pending[T]) -> T | None:
    """Return the result of an invocation; None for a defect, which `pending` raises.

    When the caller disconnects, this is cancelled and the invocation continues. Nobody reads its stream then.
    """
    try:
        with suppress(Exception):
            return await asyncio.shield(pending)
    except asyncio.CancelledError:
        pending.add_done_callback(_leave)
        raise
    return None


def _leave(pending: Pending[object]) -> None:
    with suppress(Exception):
        result = pending.result()
        if isinstance(result, InvokeResult) and result.stream is not None:
            result.stream.leave()


async def send(exchange: Exchange, reply: StreamedReply) -> None:
    """Send a reply as its pieces come. When the client has gone, the function goes on and nobody reads."""
    try:
        if reply.status in replies.BODILESS:
            exchange.reply(reply.status, reply.headers)
            return
        exchange.begin(reply.status, reply.headers, await anext(reply.pieces))
        if exchange.method != b"HEAD":
            async for piece in reply.pieces:
                await exchange.connection.drained()
                exchange.write(piece)
        exchange.end()
    except BrokenOffError:
        exchange.break_off()
    except ConnectionError:
        pass
    finally:
        if reply.stream is not None:
            reply.stream.leave()
        await reply.pieces.aclose()
