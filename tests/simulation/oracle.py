"""What the Runtime API must answer, spelled a second time from the specification (3.2), not from the code.

The oracle follows one environment from outside: it sees which process runs, which calls were answered how, and says
what the next call has to get. A table entry that is missing is a refusal with 403.
"""

from __future__ import annotations

# state -> call -> state after it
ALLOWED = {
    "Started": {"next": "Ready", "init/error": "InitError"},
    "InitError": {},
    "Ready": {"next": "Ready"},
    "Running": {"next": "Running", "response": "InvocationResponse", "error": "InvocationErrorResponse"},
    "InvocationResponse": {},
    "InvocationErrorResponse": {},
    "RuntimeResponseSentState": {"next": "Ready"},
    "Stopping": {},
    "Absent": {},
}

TARGETS = {
    "next": "Ready",
    "init/error": "InitError",
    "response": "InvocationResponse",
    "error": "InvocationErrorResponse",
}


class Oracle:
    """The runtime's state as the specification has it, and the invocation an answer must be for."""

    def __init__(self) -> None:
        self.state = "Absent"
        self.request_id: str | None = None
        self.invocation_id: str | None = None

    def expected(self, call: str, request_id: str | None = None, invocation_id: str | None = None) -> tuple[int, str]:
        """Status and error type that this call has to get; 200 and 202 for what is accepted."""
        if call in ("response", "error"):
            if request_id != self.request_id or request_id is None:
                return 400, "InvalidRequestID"
            if invocation_id is not None and invocation_id != self.invocation_id:
                return 410, "InvokeTimeout"
        if call in ALLOWED[self.state]:
            return (200 if call == "next" else 202), ""
        return 403, "InvalidStateTransition"

    def refusal_text(self, call: str) -> str:
        """The message of a refusal by state."""
        return (
            f"State transition from {self.state} to {TARGETS[call]} failed for runtime. "
            "Error: State transition is not allowed"
        )

    def accept(self, call: str) -> None:
        """The call was accepted: move as the table says."""
        if call == "next" and self.state == "RuntimeResponseSentState":
            self.request_id = self.invocation_id = None
        self.state = ALLOWED[self.state][call]
