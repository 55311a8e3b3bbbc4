"""A streaming handler for our Python bootstrap: takes the steps that its event names."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootjack_bootstrap import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterator


def handler(event: Any, _context: Any) -> Iterator[Any]:
    """Stream what the steps say; a request to a function URL has them in its query, as JSON in base64."""
    for step in steps_of(event):
        for word, value in step.items():
            yield from globals()["do_" + word](value)
    print("all steps are taken", flush=True)


def steps_of(event: Any) -> Any:
    if "steps" in event:
        return event["steps"]
    import base64
    import json

    return json.loads(base64.urlsafe_b64decode(event["queryStringParameters"]["steps"]))


def plain(event: Any, _context: Any) -> Any:
    """Return the event, or fail as it says."""
    if isinstance(event, dict) and "fail" in event:
        raise ValueError(event["fail"])
    return event


def do_say(text: str) -> Iterator[str]:
    yield text


def do_http(head: Any) -> Iterator[HttpResponse]:
    yield HttpResponse(**head)


def do_wait(gate: str) -> Iterator[str]:
    """Wait until the other end of this named pipe is opened and closed."""
    Path(gate).read_bytes()
    yield ""


def do_megabytes(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * 1_000_000


def do_print(line: str) -> Iterator[str]:
    print(line, flush=True)
    yield ""


def do_fail(message: str) -> Iterator[str]:
    yield ""
    raise ValueError(message)


def do_exit(code: int) -> Iterator[str]:
    yield ""
    os._exit(code)


def do_sleep(seconds: float) -> Iterator[str]:
    time.sleep(seconds)
    yield ""
