"""What must hold for every input, from what was sent and what came back."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from botocore.eventstream import EventStreamBuffer

from runtime_api.protocol import wire
from runtime_api.protocol.streaming import EVENT_STREAM
from tests.fuzz.inputs import Ending, Port
from tests.fuzz.strict import read
from tests.web.answers import Malformed, final, received
from tests.web.ways import INVOKE, STREAMED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fuzz.inputs import Input
    from tests.fuzz.strict import Reading, Request
    from tests.web.answers import Received

__all__ = ["desynchronised", "wrong"]

_SCHEME = b"://"
_PREFIXES = tuple(path.partition("/f/")[0].encode() for path in (INVOKE, STREAMED))


def wrong(given: Input, answer: bytes, ended: bool) -> str | None:
    """Say what is wrong with the answers to an input; None when they are right.

    `ended`: the server has ended the connection before its peer did.
    """
    reading = read(given.data)
    try:
        answers = _read(reading, answer)
    except Malformed as error:
        return f"malformed answer: {error}"
    requests = reading.requests
    for request, each in zip(requests, answers, strict=False):
        if each.status >= 400:
            continue
        complaint = _not_its_own(given.port, request, each)
        if complaint:
            return complaint
    if len(answers) > len(requests):
        return _too_many(reading, answers, ended)
    if given.ending is Ending.VANISH or (ended and _may_end(given, reading, answers)):
        return None
    return _too_few(reading, answers)


def _read(reading: Reading, answer: bytes) -> list[Received]:
    """The final answers.

    Those to HEAD have no body, except a refusal by a server that could not read the request: it ends the connection.
    """
    methods = [request.method for request in reading.requests] + [reading.method]
    heads = [at for at, method in enumerate(methods) if method == b"HEAD"]
    for known in range(len(heads), 0, -1):
        with contextlib.suppress(Malformed):
            return final(received(answer, frozenset(heads[:known])))
    return final(received(answer))


def _not_its_own(port: Port, request: Request, answer: Received) -> str | None:
    """A function answers with its event, so its body shows which request was answered."""
    if port is Port.RUNTIME or answer.status != 200 or b"x-amz-executed-version" not in answer.headers:
        return None
    body = answer.body
    if answer.headers.get(b"content-type") == EVENT_STREAM.encode():
        body = _streamed(body)
    if _is_invoke(request) and body == (request.body or b"{}"):
        return None
    return f"{request!r} was answered with {answer.body[:200]!r}"


def _streamed(data: bytes) -> bytes:
    """What the messages of an event stream carry; botocore checks their lengths and checksums."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return b"".join(each.payload for each in buffer if each.headers[":event-type"] == "PayloadChunk")


def _too_many(reading: Reading, answers: Sequence[Received], ended: bool) -> str | None:
    """One more is right for what is no request; it is a refusal, and the last of the connection."""
    more = answers[len(reading.requests) :]
    if reading.rest in ("nothing", "ignored"):
        return f"{len(more)} answers to no request, the first {more[0].status}"
    if len(more) > 1:
        return f"{len(more)} answers to one malformed request: {[each.status for each in more]}"
    if more[0].status < 400:
        return f"a malformed request was answered with {more[0].status}"
    if not ended and not reading.method:
        return f"the connection goes on behind a malformed request, answered with {more[0].status}"
    return None


def _may_end(given: Input, reading: Reading, answers: Sequence[Received]) -> bool:
    """Whether a connection may end before all good requests have an answer.

    A poll may be dropped. A connection of the public port must have said that it ends.
    """
    if given.port is Port.RUNTIME or not reading.requests:
        return True
    return bool(answers) and answers[-1].headers.get(b"connection", b"").lower() == b"close"


def _too_few(reading: Reading, answers: Sequence[Received]) -> str | None:
    """Nothing may be left unanswered on a connection that goes on, but for a poll."""
    unanswered = reading.requests[len(answers) :]
    if not unanswered or unanswered[0].target.partition(b"?")[0].endswith(wire.NEXT.encode()):
        return None
    return f"a good request has no answer, though the server is at rest: {unanswered[0]!r}"


def desynchronised(given: Input, bodies: Sequence[bytes]) -> str | None:
    """Say if something was run that no request of this input holds; `bodies` are payloads or responses, in order."""
    empty = b"{}" if given.port is Port.PUBLIC else b""
    left = iter([request.body or empty for request in read(given.data).requests])
    for body in bodies:
        if body not in left:  # consumes what comes before it
            return f"{body[:200]!r} was run, which is no body of a request, or not in its turn"
    return None


def _is_invoke(request: Request) -> bool:
    return request.method == b"POST" and _path(request).startswith(_PREFIXES)


def _path(request: Request) -> bytes:
    path = request.target.partition(b"?")[0]
    return path if path.startswith(b"/") else b"/" + path.partition(_SCHEME)[2].partition(b"/")[2]
