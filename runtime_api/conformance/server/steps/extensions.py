"""Steps of extensions: register, ask for events, and receive telemetry."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.server.case_run import ANYTHING, Mismatch, described
from runtime_api.conformance.server.expect import Observed
from runtime_api.conformance.server.telemetry import TelemetryListener

from .runtime import wait_until_read

if TYPE_CHECKING:
    from runtime_api.conformance.server.case_run import CaseRun
    from runtime_api.conformance.server.expect import Table

__all__ = ["extension_next", "listen", "register", "telemetry"]

EXTENSIONS = "/2020-01-01/extension"


def register(
    run: CaseRun, *, name: str = "kit", events: Any = ("INVOKE",), want: Table = ANYTHING, **more: Any
) -> None:
    """Register an extension; later steps know its identifier by its name."""
    headers = {"Lambda-Extension-Name": name, **more.pop("headers", {})}
    request = {"method": "POST", "body": {"json": {"events": list(events)}}, "headers": headers, **more}
    run.send(f"register {name}", *run.server.api, {"path": f"{EXTENSIONS}/register", **request}, f"extension {name}")
    observed = run.expect_answer(f"register {name}", run.timeout_s, {"status": 200, **want})
    if isinstance(observed, Observed):
        run.values[name] = observed.answer.header("Lambda-Extension-Identifier") or "none"


def extension_next(run: CaseRun, *, name: str = "kit", on: str | None = None) -> None:
    """Ask for an extension's event and leave the request open, on a connection with the extension's name."""
    headers = {"Lambda-Extension-Identifier": run.values.get(name, name)}
    request = {"path": f"{EXTENSIONS}/event/next", "headers": headers}
    run.send(on or name, *run.server.api, request, f"extension {name}")
    wait_until_read(run)


def listen(run: CaseRun, *, protocol: str = "HTTP") -> None:
    """Listen for telemetry, on the port `{listener}`, in the network of the server's processes."""
    run.telemetry = TelemetryListener(protocol, run.recorder, run.server.listening() or _here())
    run.values["listener"] = str(run.telemetry.port)


def _here() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def telemetry(run: CaseRun, *, event: Table) -> None:
    """Wait for a telemetry event that matches."""
    assert run.telemetry is not None, "a case listens before it expects telemetry"
    if wrong := run.telemetry.missing(event, run.timeout_s):
        raise Mismatch(f"an event with {described(event)}", wrong)
