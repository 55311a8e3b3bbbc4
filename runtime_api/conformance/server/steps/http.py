"""Steps that send any request, and read any answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.server.case_run import ANYTHING

if TYPE_CHECKING:
    from runtime_api.conformance.server.case_run import CaseRun
    from runtime_api.conformance.server.expect import Table

__all__ = ["answer", "call", "hang_up", "interim", "race", "raw", "send"]


def send(run: CaseRun, *, on: str = "call", **request: Any) -> None:
    """Send a request to the Runtime API and leave it open."""
    run.send(on, *run.server.api, request, "runtime")


def call(run: CaseRun, *, on: str = "call", want: Table = ANYTHING, **request: Any) -> None:
    """Send a request to the Runtime API and read its answer."""
    send(run, on=on, **request)
    run.expect_answer(on, run.timeout_s, want)


def raw(run: CaseRun, *, text: str, on: str = "call") -> None:
    """Send characters that need not be HTTP, on the connection of that name or on a new one."""
    address, prefix = run.server.api
    text = re.sub(r"(?m)^([A-Z]+ )/20", rf"\1{prefix}/20", text)
    head, end, body = text.partition("\r\n\r\n")
    line, _, headers = head.partition("\r\n")
    if end:
        run.recorder.note("runtime", "api", line, headers, body.encode("latin-1"))
    else:
        run.recorder.note("runtime", "api", "characters", body=text.encode("latin-1"))
    run.send_characters(on, address, text)


def answer(run: CaseRun, *, on: str = "caller", within: float | None = None, want: Table = ANYTHING) -> None:
    """Read the answer on a connection."""
    run.expect_answer(on, within or run.timeout_s, want)


def interim(run: CaseRun, *, on: str = "call", want: int) -> None:
    """Read an informational answer, while the rest of the request has not been sent."""
    run.judge(want, run.interim(on), "the status")


def race(run: CaseRun, *, on: list[str]) -> None:
    """Wait for the first answer to two open requests, and rename their connections to `winner` and `loser`."""
    run.race(on)


def hang_up(run: CaseRun, *, on: str = "call", how: str = "close") -> None:
    """Close a connection: `close`, `reset`, or `half` for the sending direction only."""
    run.hang_up(on, how)
