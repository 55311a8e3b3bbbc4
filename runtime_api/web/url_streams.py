"""The answer of a function URL that streams: its head, and the stream that its body comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runtime_api.protocol.streaming import HTTP_RESPONSE, OCTETS, PRELUDE_BYTES, split_prelude
from runtime_api.service.proxies.messages import HttpAnswer
from runtime_api.service.proxies.result_2_0 import FAILED, prelude_answer

if TYPE_CHECKING:
    from runtime_api.service.seams.dispatch import BodyStream

__all__ = ["Found", "head_of"]


class Found(NamedTuple):
    """An answer; with a stream its body is what has been read of that."""

    answer: HttpAnswer
    stream: BodyStream | None = None


async def head_of(stream: BodyStream) -> Found:
    """Read as much of a stream as says how the answer begins; a function that fails before that has no answer."""
    try:
        found = await (_prelude(stream) if stream.content_type == HTTP_RESPONSE else _bytes(stream))
    except BaseException:
        stream.leave()
        raise
    if found is FAILED:
        stream.leave()
        return Found(FAILED)
    return Found(found, stream)


async def _bytes(stream: BodyStream) -> HttpAnswer:
    """The answer of a stream without a prelude, once it has begun or ended well."""
    begun = await stream.read()
    if not begun and stream.result is not None and stream.result.function_error is not None:
        return FAILED
    return HttpAnswer(200, (("Content-Type", stream.content_type or OCTETS),), begun)


async def _prelude(stream: BodyStream) -> HttpAnswer:
    begun = b""
    while len(begun) <= PRELUDE_BYTES:
        piece = await stream.read()
        if not piece:
            break  # it has ended before its body
        begun += piece
        prelude = split_prelude(begun)
        if prelude is not None:
            return prelude_answer(prelude)
    return FAILED
