"""What the Runtime API must answer, spelled a second time from the specification (3.2 and 5), not from the code.

The oracle follows one environment from outside: it sees which process runs and which calls were answered how, and
says what the next call must get. A table entry that is missing is a refusal with 403.
"""

from __future__ import annotations

__all__ = ["Oracle"]

# state -> call -> state after it
CLASSIC = {
    "Started": {"next": "Ready", "init/error": "InitError"},
    "InitError": {},
    "Ready": {"next": "Ready"},
    "Running": {"next": "Running", "response": "InvocationResponse", "error": "InvocationErrorResponse"},
    "InvocationResponse": {},
    "InvocationErrorResponse": {},
    "RuntimeResponseSentState": {"next": "Ready"},
    "Stopping": {"next": "Stopping"},
    "Absent": {},
}
CONCURRENT = {
    "Started": {"next": "Ready", "init/error": "InitError"},
    "InitError": {},
    "Ready": {"next": "Ready"},
    "Stopping": {"next": "Stopping"},
    "Absent": {},
}

SNAPSTART = {
    **CLASSIC,
    "Started": {"next": "Ready", "init/error": "InitError", "restore/next": "RestoreReady"},
    "RestoreReady": {},
    "Restoring": {
        "next": "Ready",
        "restore/error": "RuntimeRestoreErrorState",
        "init/error": "RuntimeRestoreErrorState",
    },
    "RuntimeRestoreErrorState": {},
}
TABLES = {"classic": CLASSIC, "concurrent": CONCURRENT, "snapstart": SNAPSTART}
SUCCESS = {"next": 200, "restore/next": 200, "init/error": 202, "restore/error": 202}

TARGETS = {
    "next": "Ready",
    "init/error": "InitError",
    "restore/next": "RestoreReady",
    "restore/error": "RuntimeRestoreErrorState",
    "response": "InvocationResponse",
    "error": "InvocationErrorResponse",
}


class Oracle:
    """The runtime's state as the specification has it, and the invocations that an answer may be for."""

    def __init__(self, mode: str) -> None:
        self.concurrent = mode == "concurrent"
        self.state = "Absent"
        self.invocation_ids: dict[str, str] = {}  # of the invocations that have begun and are not over
        self.conversations: dict[str, str] = {}  # concurrent mode: how far each has come
        self.late: set[str] = set()  # concurrent mode: timed out, and no late answer has come
        self._allowed = TABLES[mode]

    def leave(self, state: str) -> None:
        """The process is dying, dead or a new one: late answers of the old one are nothing to it."""
        self.state = state
        self.late.clear()

    @property
    def stuck(self) -> bool:
        """Whether the runtime can only exit, unless a body is on its way."""
        return self.state in (
            "InitError",
            "InvocationResponse",
            "InvocationErrorResponse",
            "RuntimeRestoreErrorState",
        )

    def begin(self, request_id: str, invocation_id: str) -> None:
        """An invocation has begun."""
        self.invocation_ids[request_id] = invocation_id
        self.conversations[request_id] = "begun"

    def deliver(self, request_id: str) -> bool:
        """An event has been handed out; whether it may be."""
        if self.concurrent:
            fits = self.state == "Ready" and self.conversations.get(request_id) == "begun"
        else:
            fits = self.state in ("Ready", "Running") and request_id in self.invocation_ids
            self.state = "Running"
        self.conversations[request_id] = "Running"
        return fits

    def state_of(self, request_id: str) -> str:
        """How far the answer to this invocation has come."""
        return self.conversations[request_id] if self.concurrent else self.state

    def expected(self, call: str, request_id: str = "", invocation_id: str | None = None) -> tuple[int, str]:
        """Status and error type that this call must get; 200 and 202 for what is accepted."""
        if call in SUCCESS:
            return (SUCCESS[call], "") if call in self._allowed[self.state] else FORBIDDEN
        if request_id not in self.invocation_ids:
            return (410, "InvokeTimeout") if request_id in self.late else (400, "InvalidRequestID")
        if invocation_id is not None and invocation_id != self.invocation_ids[request_id]:
            return 410, "InvokeTimeout"
        if self.concurrent:
            state = self.conversations[request_id]
            fits = state == "Running" or (state == "InvocationResponse" and call == "error")
            return (202, "") if fits else (400, "InvalidRequestID")
        return (202, "") if call in self._allowed[self.state] else FORBIDDEN

    def refusal_text(self, call: str) -> str:
        """The message of a refusal by state."""
        return (
            f"State transition from {self.state} to {TARGETS[call]} failed for runtime. "
            "Error: State transition is not allowed"
        )

    def accept(self, call: str, request_id: str = "") -> None:
        """The call was accepted: move as the table says."""
        if call in SUCCESS or not self.concurrent:
            self.state = self._allowed[self.state][call]
        if request_id:
            self.conversations[request_id] = TARGETS[call]

    def answered(self) -> None:
        """A body has ended well, or was too large: the runtime is expected back in /next."""
        if not self.concurrent:
            self.state = "RuntimeResponseSentState"

    def over(self, request_id: str) -> None:
        """An invocation is over."""
        del self.invocation_ids[request_id], self.conversations[request_id]


FORBIDDEN = (403, "InvalidStateTransition")
