"""`bootjack invoke --endpoint`: one invocation of a function of a running server."""

from __future__ import annotations

import base64
import os
import sys
from http.client import HTTPException
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

import click
import orjson
from click.core import ParameterSource

from runtime_api.protocol.event_stream import MessageReader, StreamError
from runtime_api.protocol.streaming import EVENT_STREAM

from .endpoint import Endpoint, document_of, reason_of
from .options import fail, give_up
from .output import Response
from .signing import signer_of
from .verb import command_behind_dashes

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from typing import Any

    from .event import Event

__all__ = ["invoke_at"]

PATH = "/2021-11-15/functions/{}/response-streaming-invocations"
HEADERS = {"Content-Type": "application/json", "X-Amz-Log-Type": "Tail"}
READ_BYTES = 262_144
OK = 200
LONGEST_S = 960.0  # an invocation may take 900 s and say nothing before its end
CHUNK, COMPLETE = "PayloadChunk", "InvokeComplete"
MEANT = {"target", "event", "url", "region"}  # the parameters that a function which runs elsewhere leaves a meaning


def invoke_at(url: str, name: str | None, event: Event) -> NoReturn:
    """Invoke the function of this name or ARN at the server, and exit as if it had run here."""
    context = click.get_current_context()
    _refuse_others(context)
    if not name:
        fail("--endpoint invokes a function of a running server: give its NAME in place of TARGET")
    is_given = context.get_parameter_source("region") is ParameterSource.COMMANDLINE
    endpoint = Endpoint(url, signer_of(os.environ, context.params["region"] if is_given else None))
    path = PATH.format(quote(name, safe=":"))
    with endpoint.opened("POST", path, HEADERS, event.payload, LONGEST_S) as response:
        if response.status != OK or response.headers.get_content_type() != EVENT_STREAM:
            _refused(endpoint, response)
        ending = _print(endpoint, response)
    sys.stderr.write(base64.b64decode(ending.get("LogResult", "")).decode(errors="replace"))
    sys.exit(1 if "ErrorCode" in ending else 0)


def _refuse_others(context: click.Context) -> None:
    """A usage error for options that describe a function to run here."""
    given = [
        param.opts[0]
        for param in context.command.get_params(context)
        if param.name not in MEANT and context.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
    ]
    if given or command_behind_dashes():
        what = ", ".join(given) or "COMMAND"
        fail(f"--endpoint invokes a function of a running server as it is: leave out {what}")


def _refused(endpoint: Endpoint, response: HTTPResponse) -> NoReturn:
    """Say why the server has not invoked the function."""
    document = document_of(response.read())
    message = document.get("Message") or document.get("message")
    if not message:
        give_up(f"{endpoint.url} is no server that streams responses: it has answered with status {response.status}")
    known = document.get("KnownHere")
    give_up(f"{message}; known there: {', '.join(known)}" if known else str(message))


def _print(endpoint: Endpoint, response: HTTPResponse) -> dict[str, Any]:
    """Print the response as it comes, and return how the invocation has ended."""
    reader, out = MessageReader(), Response()
    while True:
        pieces, ending = _read(endpoint, response, reader)
        if ending is not None and not out.is_streamed:
            # What is there at once was not streamed, or has come to its end.
            out.whole(pieces or str(ending.get("ErrorDetails", "")).encode())
            return ending
        if pieces:
            out.piece(pieces)
        if ending is not None:
            details = ending.get("ErrorDetails")
            out.end(None if details is None else str(details).encode())
            return ending


def _read(endpoint: Endpoint, response: HTTPResponse, reader: MessageReader) -> tuple[bytes, dict[str, Any] | None]:
    """Return the next pieces of the response, and the end if it has come."""
    try:
        data = response.read1(READ_BYTES)
        messages = reader.feed(data)
    except (OSError, HTTPException, StreamError) as error:
        give_up(f"{endpoint.url} has broken off its answer: {reason_of(error)}")
    if not data:
        give_up(f"{endpoint.url} has broken off its answer")
    ends = [orjson.loads(each.payload) for each in messages if each.event == COMPLETE]
    return b"".join(each.payload for each in messages if each.event == CHUNK), next(iter(ends), None)
