"""Steps of the invoker, and steps that take an invocation through all parties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime_api.conformance.server.case_run import ANYTHING

from . import processes, runtime

if TYPE_CHECKING:
    from runtime_api.conformance.server.case_run import CaseRun
    from runtime_api.conformance.server.expect import Table

__all__ = ["deliver", "finish", "invoke"]


def invoke(run: CaseRun, *, on: str = "caller", **request: Any) -> None:
    """Send an invocation; the step `answer` reads its answer."""
    request = {"method": "POST", "path": run.server.invoke_path, "body": "{}", **request}
    run.send(on, run.server.invoke_address, "", request, "invoker")


def deliver(run: CaseRun, *, new: bool = False, want: Table = ANYTHING, **request: Any) -> None:
    """Invoke, wait for the runtime to start if necessary, and receive the event, in the waiting poll if any."""
    invoke(run, **request)
    if not run.polling or new:
        processes.puppet(run, new=new)
    if run.polling and not new:
        runtime.event(run, want=want)
    else:
        runtime.next_event(run, want=want)


def finish(run: CaseRun, *, want: Table = ANYTHING) -> None:
    """Respond, wait for the next event, and see that the caller receives the response."""
    runtime.respond(run, body='"fine"')
    runtime.park(run)
    run.expect_answer("caller", run.timeout_s, {"status": 200, "body": '"fine"', **want})
