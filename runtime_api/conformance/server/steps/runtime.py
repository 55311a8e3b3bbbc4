"""Steps of the runtime: ask for events, and post results."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.server.case_run import ANYTHING

from . import http

if TYPE_CHECKING:
    from runtime_api.conformance.server.case_run import CaseRun
    from runtime_api.conformance.server.expect import Table

__all__ = ["NEXT", "event", "fail", "fail_init", "next_event", "park", "respond", "wait_until_read"]

API = "/2018-06-01"
NEXT = f"{API}/runtime/invocation/next"
ACCEPTED: Table = MappingProxyType({"status": "2xx"})  # cases of their own judge which code it is
ERROR = '{"errorMessage":"broken","errorType":"Function.Broken"}'
INIT_ERROR = '{"errorMessage":"cannot start","errorType":"Runtime.Broken"}'


def next_event(run: CaseRun, *, on: str = "runtime", want: Table = ANYTHING, **request: Any) -> None:
    """Ask for an event and receive it."""
    http.send(run, on=on, **{"path": NEXT, **request})
    event(run, on=on, want=want)


def park(run: CaseRun, *, on: str = "poll", **request: Any) -> None:
    """Ask for an event and leave the request open, once the server has read it."""
    http.send(run, on=on, **{"path": NEXT, **request})
    wait_until_read(run)
    run.polling = run.polling or on == "poll"


def event(run: CaseRun, *, on: str = "poll", within: float | None = None, want: Table = ANYTHING) -> None:
    """Receive the event for an open request."""
    run.polling = run.polling and on != "poll"
    run.expect_answer(on, within or run.timeout_s, {"status": 200, **want})


def respond(run: CaseRun, **request: Any) -> None:
    """Post a response to the last invocation received."""
    _post(run, f"{API}/runtime/invocation/{{id}}/response", {"body": '"done"', **request})


def fail(run: CaseRun, **request: Any) -> None:
    """Post an error for the last invocation received."""
    _post(run, f"{API}/runtime/invocation/{{id}}/error", {"body": ERROR, **request})


def fail_init(run: CaseRun, **request: Any) -> None:
    """Post an init error."""
    _post(run, f"{API}/runtime/init/error", {"body": INIT_ERROR, **request})


def wait_until_read(run: CaseRun) -> None:
    """Wait for the answer to a request that changes nothing: then the server has read the requests before it."""
    http.send(run, on="behind", method="POST", path=f"{API}/runtime/invocation/none/response", body="")
    run.observe("behind", run.timeout_s)


def _post(run: CaseRun, path: str, request: dict[str, Any]) -> None:
    on, want = request.pop("on", "post"), request.pop("want", ACCEPTED)
    path = path.replace("{id}", request.pop("id", run.values["id"]))
    http.send(run, on=on, **{"method": "POST", "path": path, **request})
    run.expect_answer(on, run.timeout_s, want)
