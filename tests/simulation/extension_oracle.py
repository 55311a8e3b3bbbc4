"""What the Extensions API must answer, spelled a second time from the specification (7), not from the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime_api.protocol import events as ev

__all__ = ["LIMIT", "Extension", "event_refusal"]

LIMIT = 3  # extensions of one environment, so that worlds meet it

# state -> call -> state after it
ALLOWED = {
    "Started": {"register": "Registered"},
    "Registered": {"event/next": "Ready", "init/error": "InitError", "exit/error": "ExitError"},
    "Ready": {"exit/error": "ExitError"},
    "Away": {"event/next": "Ready", "exit/error": "ExitError"},  # its call has been dropped: it may call again
    "Running": {"event/next": "Ready", "exit/error": "ExitError"},
    "InitError": {"init/error": "InitError"},
    "ExitError": {"exit/error": "ExitError"},
    "LaunchError": {},
    "Exited": {},
}
TARGETS = {"register": "Registered", "event/next": "Ready", "init/error": "InitError", "exit/error": "ExitError"}


class Extension:
    """One extension as the specification has it, and its process if it has one of its own."""

    def __init__(self, name: str, *, internal: bool) -> None:
        self.name = name
        self.internal = internal
        self.identifier = ""
        self.events: tuple[str, ...] = ()
        self.state = "Started"
        self.alive = not internal
        self.dying = False
        self.call: ev.Call | None = None  # its /event/next, while it waits
        self.owed: str | None = None  # the invocation whose event it has not got
        self.given: set[str] = set()  # request ids of the INVOKE events that it was given
        self.current: str | None = None  # the last of them
        self.told = False  # that everything ends

    @property
    def is_back(self) -> bool:
        """Whether it has done all work."""
        return self.state in ("Ready", "Away") and self.owed is None

    def works_on(self, request_id: str) -> bool:
        """Whether it has not done its work on this invocation."""
        at_work = self.current == request_id and self.state not in ("Ready", "Away")
        return self.owed == request_id or at_work

    @property
    def aws_name(self) -> str:
        """The state as AWS prints it."""
        return "Ready" if self.state == "Away" else self.state

    def after(self, call: str) -> str | None:
        """The state after this call; None if it is refused."""
        return ALLOWED[self.state].get(call)

    def refusal_text(self, call: str, named: str) -> str:
        """The message of a refusal by state."""
        return (
            f"State transition from {self.aws_name} to {TARGETS[call]} failed for extension {named}. "
            "Error: State transition is not allowed"
        )

    def end(self, state: str) -> None:
        """Its process, or the runtime's that it is a part of, is no more."""
        self.state, self.alive, self.call, self.owed = state, False, None, None


def event_refusal(events: tuple[str, ...], *, internal: bool, concurrent: bool) -> str | None:
    """The text of the refusal of these events."""
    if concurrent and internal and events:
        return "No events allowed for internal extensions"
    for event in events:
        if event not in ("INVOKE", "SHUTDOWN") or (concurrent and event == "INVOKE"):
            return f"{event}: InvalidEventType"
        if internal and event == "SHUTDOWN":
            return "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
    return None
