"""The automaton as tables: what may follow what. Whatever is not listed is refused.

Two small machines run side by side. `PHASES` is the life of the execution environment; `RUNTIME` is what the
runtime process may ask of the Runtime API (spec 3.2; RIE core/states.go). The values of `RuntimeState` are the
names that AWS prints in its refusals, odd ones included. Restore (SnapStart) will add its states between
`STARTED` and `READY`; extensions will get a table of their own beside these two.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PHASES", "RUNTIME", "TRANSITIONS", "Move", "Phase", "RuntimeState", "Step", "Tables"]


class Phase(StrEnum):
    """Where the execution environment is in its life."""

    NEW = "new"  # nothing has been started yet
    INIT = "init"  # the init phase, which has a limit of its own
    IDLE = "idle"  # the runtime waits in /next and there is no invocation
    INVOKE = "invoke"  # from START until the runtime is back in /next
    RESET = "reset"  # the runtime has been told to die and has not done so yet
    COLD = "cold"  # no process is left; the next invocation initialises anew, inside itself
    SHUTDOWN = "shutdown"  # being ended for good
    ENDED = "ended"


class Step(StrEnum):
    """What moves the environment from one phase to another."""

    BEGIN_INIT = "begin init"
    INITIALISED = "initialised"
    BEGIN_INVOKE = "begin invoke"
    INVOKED = "invoked"
    FAIL = "fail"
    STOPPED = "stopped"
    SHUT_DOWN = "shut down"


class RuntimeState(StrEnum):
    """Where the runtime process is in its conversation with the Runtime API."""

    ABSENT = "Absent"
    STARTED = "Started"
    INIT_ERROR = "InitError"
    READY = "Ready"
    RUNNING = "Running"
    RESPONSE = "InvocationResponse"
    ERROR_RESPONSE = "InvocationErrorResponse"
    RESPONSE_SENT = "RuntimeResponseSentState"
    STOPPING = "Stopping"


class Move(StrEnum):
    """What moves the runtime from one state to another: its own calls, and what is done to it."""

    START = "start"
    NEXT = "next"
    DELIVER = "deliver"
    RESPONSE = "response"
    ERROR = "error"
    FINISHED = "body finished"
    TOO_LARGE = "body too large"
    TRUNCATED = "body truncated"
    BAD_MODE = "bad response mode"
    INIT_ERROR = "init/error"
    STOP = "stop"
    EXIT = "exit"


PHASES: Mapping[Phase, Mapping[Step, Phase]] = {
    Phase.NEW: {
        Step.BEGIN_INIT: Phase.INIT,
        Step.BEGIN_INVOKE: Phase.INVOKE,  # init counts as part of the first invocation, as in RIE
        Step.SHUT_DOWN: Phase.SHUTDOWN,
    },
    Phase.INIT: {
        Step.INITIALISED: Phase.IDLE,
        Step.FAIL: Phase.RESET,
        Step.SHUT_DOWN: Phase.SHUTDOWN,
    },
    Phase.IDLE: {
        Step.BEGIN_INVOKE: Phase.INVOKE,
        Step.FAIL: Phase.RESET,
        Step.SHUT_DOWN: Phase.SHUTDOWN,
    },
    Phase.INVOKE: {
        Step.INVOKED: Phase.IDLE,
        Step.FAIL: Phase.RESET,
        Step.SHUT_DOWN: Phase.SHUTDOWN,
    },
    Phase.RESET: {
        Step.STOPPED: Phase.COLD,
        Step.SHUT_DOWN: Phase.SHUTDOWN,
    },
    Phase.COLD: {
        Step.BEGIN_INVOKE: Phase.INVOKE,  # the suppressed init
        Step.SHUT_DOWN: Phase.SHUTDOWN,
    },
    Phase.SHUTDOWN: {Step.STOPPED: Phase.ENDED},
    Phase.ENDED: {},
}

_MORTAL: Mapping[Move, RuntimeState] = {Move.STOP: RuntimeState.STOPPING, Move.EXIT: RuntimeState.ABSENT}

RUNTIME: Mapping[RuntimeState, Mapping[Move, RuntimeState]] = {
    RuntimeState.ABSENT: {Move.START: RuntimeState.STARTED},
    RuntimeState.STARTED: {
        Move.NEXT: RuntimeState.READY,
        Move.INIT_ERROR: RuntimeState.INIT_ERROR,
        **_MORTAL,
    },
    RuntimeState.INIT_ERROR: {**_MORTAL},
    RuntimeState.READY: {
        Move.NEXT: RuntimeState.READY,  # a second poll joins the wait
        Move.DELIVER: RuntimeState.RUNNING,
        **_MORTAL,
    },
    RuntimeState.RUNNING: {
        Move.NEXT: RuntimeState.RUNNING,  # hands out the same event again
        Move.RESPONSE: RuntimeState.RESPONSE,
        Move.ERROR: RuntimeState.ERROR_RESPONSE,
        **_MORTAL,
    },
    RuntimeState.RESPONSE: {
        Move.FINISHED: RuntimeState.RESPONSE_SENT,
        Move.TOO_LARGE: RuntimeState.RESPONSE_SENT,
        Move.TRUNCATED: RuntimeState.RESPONSE,  # stuck: the runtime can only exit
        Move.BAD_MODE: RuntimeState.RESPONSE,  # stuck likewise
        **_MORTAL,
    },
    RuntimeState.ERROR_RESPONSE: {
        Move.FINISHED: RuntimeState.RESPONSE_SENT,
        Move.TOO_LARGE: RuntimeState.RESPONSE_SENT,
        Move.TRUNCATED: RuntimeState.ERROR_RESPONSE,
        **_MORTAL,
    },
    RuntimeState.RESPONSE_SENT: {Move.NEXT: RuntimeState.READY, **_MORTAL},
    RuntimeState.STOPPING: {Move.EXIT: RuntimeState.ABSENT},
}


class Tables(NamedTuple):
    """Both automata together, so that a test can hand the machine a broken copy."""

    phases: Mapping[Phase, Mapping[Step, Phase]]
    runtime: Mapping[RuntimeState, Mapping[Move, RuntimeState]]


TRANSITIONS = Tables(PHASES, RUNTIME)
