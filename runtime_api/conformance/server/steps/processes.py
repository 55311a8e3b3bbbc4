"""Steps about processes: the puppets that the server starts, the server itself, and its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime_api.conformance.matching import filled, shown
from runtime_api.conformance.server.case_run import ANYTHING, GLANCE_S, Mismatch
from runtime_api.conformance.server.expect import first_missing, log_differences
from runtime_api.conformance.words import wanted

if TYPE_CHECKING:
    from runtime_api.conformance.server.case_run import CaseRun
    from runtime_api.conformance.server.expect import Table

__all__ = ["child_gone", "gone", "keep", "log", "message", "puppet", "send_signal", "server_ends", "tell"]

RUNTIME = "bootstrap"


def puppet(
    run: CaseRun, *, name: str = RUNTIME, new: bool = False, within: float | None = None, started: bool = True
) -> None:
    """Wait for a running process, with `new` for one started from now on; or see that none is started."""
    if run.server.remote:
        return
    found = run.server.puppet(name, (within or run.timeout_s) if started else GLANCE_S, new=new)
    if (found is not None) != started:
        happened = f"process {name} was started" if found else f"no process {name} was started"
        raise Mismatch(f"process {name} is {'started' if started else 'not started'}", happened)
    if found is not None and new and name == RUNTIME:
        run.polling = False


def tell(run: CaseRun, *, name: str = RUNTIME, want: Table = ANYTHING, **order: Any) -> None:
    """Give a process an order, and judge its result."""
    ordered = run.puppet(name)
    run.recorder.note("kit", name, " ".join(shown(value) for value in order.values()))
    if "{api}" in str(want):
        (host, port), prefix = run.server.api
        want = filled(want, {"api": f"{host}:{port}{prefix}"})
    run.judge(want, ordered.tell(order), f"process {name}")
    if order["order"] in ("exit", "die") and name == RUNTIME:
        run.polling = False


def child_gone(run: CaseRun) -> None:
    """Wait for the end of the child that the runtime left behind."""
    if not run.server.last_puppet(RUNTIME).children_ended(run.timeout_s):
        raise Mismatch("the child that the runtime left behind ends, too", "it keeps running")


def gone(run: CaseRun, *, name: str = RUNTIME, gone: bool = True, messages: Any = ()) -> None:
    """Wait for the end of a process, which has sent exactly these messages; or see that it keeps running."""
    last = run.server.last_puppet(name).last_messages(run.timeout_s if gone else GLANCE_S)
    if (last is not None) != gone:
        expected, happened = ("ends", "keeps running") if gone else ("keeps running", "ended")
        raise Mismatch(f"process {name} {expected}", f"it {happened}")
    run.judge(list(messages), last or [], f"what process {name} reported before its end")


def message(run: CaseRun, *, name: str = RUNTIME, want: Table) -> None:
    """Wait for a message that a process sends without an order: that it received a signal."""
    run.judge(want, run.server.last_puppet(name).message(run.timeout_s), f"the message of process {name}")


def keep(run: CaseRun, *, value: str, called: str) -> None:
    """Keep a value, for `{name}` in later steps."""
    run.values[called] = value


def log(run: CaseRun, *, within: float | None = None, want: Table) -> None:
    """Wait until the server's log has a line for each of `lines`, in this order, and none that matches `absent`."""
    lines = want.get("lines", [])
    text = run.server.log.until(lambda text: not first_missing(lines, text), within or run.timeout_s)
    if wrong := log_differences(want, text):
        raise Mismatch(f"a log with {wanted(want)}", wrong)


def send_signal(run: CaseRun, *, signal: str) -> None:
    """Send a signal to the server itself."""
    run.server.signal(signal)


def server_ends(run: CaseRun) -> None:
    """Wait for the end of the server itself."""
    run.polling = False
    if not run.server.ends(run.timeout_s):
        raise Mismatch("the server ends", "it keeps running")
