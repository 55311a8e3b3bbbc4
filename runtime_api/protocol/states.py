"""The automata as tables: what may follow what. Whatever a table does not list is refused.

Theory. Three small automata make up one execution environment.

`PHASES` is the life of the environment: init, invoke, reset, shutdown.

`RUNTIME` is what the runtime process may ask of the Runtime API (spec 3.2; RIE core/states.go). In classic mode the
process works on one invocation at a time, so its state also says how far the answer to that invocation has come:
RUNNING, then RECEIVING while the body of the answer is on its way, then RESPONSE_SENT, or STUCK when the answer was
unusable and only the process's exit can help.

In concurrent mode (AWS_LAMBDA_MAX_CONCURRENCY, spec 5) the process is only SERVING, and every invocation has a
conversation of its own with a state from the table `CONVERSATION`.

With SnapStart (spec 9) init ends in a call of /restore/next, which is parked until the first invocation comes: the
environment is a snapshot. Answering that call restores it; hooks run before the next /next.

Classic mode may initialise inside an invocation (RIE, and Lambda's suppressed init); the other modes never do.

A table is looked up for every call, so states are `StrEnum` members: their hash is a string's, cached and in C.

Beside these, `extension_states.py` has the tables of what takes several processes: one extension, an init, and the
end of all processes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from .extension_states import ENDING, EXTENSION, INIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .extension_states import EndingStage, EndingStep, ExtensionMove, ExtensionState, InitStage, InitStep

__all__ = ["CLASSIC", "CONCURRENT", "SNAPSTART", "Move", "Phase", "RuntimeState", "Step", "Tables"]


class Phase(StrEnum):
    """Where the execution environment is in its life."""

    NEW = "new"  # nothing has been started yet
    INIT = "init"  # the init phase, which has its own limit
    SNAPSHOT = "snapshot"  # initialised; the runtime waits in /restore/next for the first invocation
    RESTORE = "restore"  # the hooks after a restore run, which have their own limit
    IDLE = "idle"  # the runtime waits in /next and no invocation is in hand
    INVOKE = "invoke"  # from START until the runtime is back in /next
    RESET = "reset"  # the runtime has been killed and its exit has not been seen yet
    COLD = "cold"  # no process is left; the next invocation runs init inside itself
    SHUTDOWN = "shutdown"  # ending for good
    ENDED = "ended"


class Step(StrEnum):
    """What moves the environment from one phase to another."""

    BEGIN_INIT = "begin init"
    INITIALISED = "initialised"
    TAKE_SNAPSHOT = "take snapshot"
    RESTORE = "restore"
    RESTORED = "restored"
    BEGIN_INVOKE = "begin invoke"
    INVOKED = "invoked"
    FAIL = "fail"
    STOPPED = "stopped"
    SHUT_DOWN = "shut down"


class RuntimeState(StrEnum):
    """Where the runtime is in its conversation with the Runtime API."""

    ABSENT = "absent"
    STARTED = "started"
    INIT_ERROR = "init error"
    RESTORE_READY = "restore ready"
    RESTORING = "restoring"
    RESTORE_ERROR = "restore error"
    READY = "ready"
    SERVING = "serving"
    RUNNING = "running"
    RECEIVING_RESPONSE = "receiving response"
    RECEIVING_ERROR = "receiving error"
    STUCK_RESPONSE = "stuck response"
    STUCK_ERROR = "stuck error"
    RESPONSE_SENT = "response sent"
    STOPPING = "stopping"

    @property
    def aws_name(self) -> str:
        """The name that AWS prints in refusals (RIE core/runtime_state_names.go), odd ones included."""
        return _AWS_NAMES[self]


_AWS_NAMES = {
    RuntimeState.ABSENT: "Absent",  # ours: no process that could call is known
    RuntimeState.STARTED: "Started",
    RuntimeState.INIT_ERROR: "InitError",
    RuntimeState.RESTORE_READY: "RestoreReady",
    RuntimeState.RESTORING: "Restoring",
    RuntimeState.RESTORE_ERROR: "RuntimeRestoreErrorState",
    RuntimeState.READY: "Ready",
    RuntimeState.SERVING: "Ready",
    RuntimeState.RUNNING: "Running",
    RuntimeState.RECEIVING_RESPONSE: "InvocationResponse",
    RuntimeState.RECEIVING_ERROR: "InvocationErrorResponse",
    RuntimeState.STUCK_RESPONSE: "InvocationResponse",
    RuntimeState.STUCK_ERROR: "InvocationErrorResponse",
    RuntimeState.RESPONSE_SENT: "RuntimeResponseSentState",
    RuntimeState.STOPPING: "Stopping",  # ours, as ABSENT
}


class Move(StrEnum):
    """What moves the runtime from one state to another: its own calls, and what is done to it."""

    START = "start"
    NEXT = "next"
    DELIVER = "deliver"
    RESPONSE = "response"
    BAD_MODE = "response in an unknown mode"
    ERROR = "error"
    FINISHED = "body finished"
    TOO_LARGE = "body too large"
    TRUNCATED = "body truncated"
    INIT_ERROR = "init/error"
    RESTORE_NEXT = "restore/next"
    RESTORE = "restore"
    RESTORE_ERROR = "restore/error"
    STOP = "stop"
    EXIT = "exit"


class Tables(NamedTuple):
    """All automata of one mode together, so that a test can hand the machine a broken copy."""

    phases: Mapping[Phase, Mapping[Step, Phase]]
    runtime: Mapping[RuntimeState, Mapping[Move, RuntimeState]]
    conversation: Mapping[RuntimeState, Mapping[Move, RuntimeState]]  # empty where the runtime's own state is it
    extension: Mapping[ExtensionState, Mapping[ExtensionMove, ExtensionState]] = EXTENSION
    init: Mapping[InitStage, Mapping[InitStep, InitStage]] = INIT
    ending: Mapping[EndingStage, Mapping[EndingStep, EndingStage]] = ENDING


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
        Step.BEGIN_INIT: Phase.INIT,  # an external runtime may come back before the next invocation does
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
        Move.NEXT: RuntimeState.READY,  # a second poll waits behind the first
        Move.DELIVER: RuntimeState.RUNNING,
        **_MORTAL,
    },
    RuntimeState.RUNNING: {
        Move.NEXT: RuntimeState.RUNNING,  # gets the same event again
        Move.RESPONSE: RuntimeState.RECEIVING_RESPONSE,
        Move.BAD_MODE: RuntimeState.STUCK_RESPONSE,
        Move.ERROR: RuntimeState.RECEIVING_ERROR,
        **_MORTAL,
    },
    RuntimeState.RECEIVING_RESPONSE: {
        Move.FINISHED: RuntimeState.RESPONSE_SENT,
        Move.TOO_LARGE: RuntimeState.RESPONSE_SENT,
        Move.TRUNCATED: RuntimeState.STUCK_RESPONSE,
        **_MORTAL,
    },
    RuntimeState.RECEIVING_ERROR: {
        Move.FINISHED: RuntimeState.RESPONSE_SENT,
        Move.TOO_LARGE: RuntimeState.RESPONSE_SENT,
        Move.TRUNCATED: RuntimeState.STUCK_ERROR,
        **_MORTAL,
    },
    RuntimeState.STUCK_RESPONSE: {**_MORTAL},
    RuntimeState.STUCK_ERROR: {**_MORTAL},
    RuntimeState.RESPONSE_SENT: {Move.NEXT: RuntimeState.READY, **_MORTAL},
    RuntimeState.STOPPING: {Move.NEXT: RuntimeState.STOPPING, Move.EXIT: RuntimeState.ABSENT},
}

CLASSIC = Tables(PHASES, RUNTIME, {})

# No init inside an invocation: those that wait for an init that fails, fail with it.
_INIT_APART: Mapping[Phase, Mapping[Step, Phase]] = {
    **PHASES,
    Phase.NEW: {Step.BEGIN_INIT: Phase.INIT, Step.SHUT_DOWN: Phase.SHUTDOWN},
    Phase.COLD: {Step.BEGIN_INIT: Phase.INIT, Step.SHUT_DOWN: Phase.SHUTDOWN},
}

SNAPSTART = Tables(
    phases={
        **_INIT_APART,
        Phase.INIT: {**PHASES[Phase.INIT], Step.TAKE_SNAPSHOT: Phase.SNAPSHOT},
        Phase.SNAPSHOT: {
            Step.RESTORE: Phase.RESTORE,
            Step.FAIL: Phase.RESET,
            Step.SHUT_DOWN: Phase.SHUTDOWN,
        },
        Phase.RESTORE: {
            Step.RESTORED: Phase.IDLE,
            Step.FAIL: Phase.RESET,
            Step.SHUT_DOWN: Phase.SHUTDOWN,
        },
    },
    runtime={
        **RUNTIME,
        RuntimeState.STARTED: {
            **RUNTIME[RuntimeState.STARTED],  # a runtime without hooks may call /next at once
            Move.RESTORE_NEXT: RuntimeState.RESTORE_READY,
        },
        RuntimeState.RESTORE_READY: {Move.RESTORE: RuntimeState.RESTORING, **_MORTAL},
        RuntimeState.RESTORING: {
            Move.NEXT: RuntimeState.READY,
            Move.RESTORE_ERROR: RuntimeState.RESTORE_ERROR,
            Move.INIT_ERROR: RuntimeState.RESTORE_ERROR,  # AWS takes one for the other here (RIE core/states.go)
            **_MORTAL,
        },
        RuntimeState.RESTORE_ERROR: {**_MORTAL},
    },
    conversation={},
)

CONCURRENT = Tables(
    phases={
        **_INIT_APART,
        Phase.INVOKE: {**PHASES[Phase.INVOKE], Step.BEGIN_INVOKE: Phase.INVOKE},  # one more beside the others
    },
    runtime={
        RuntimeState.ABSENT: {Move.START: RuntimeState.STARTED},
        RuntimeState.STARTED: {
            Move.NEXT: RuntimeState.SERVING,
            Move.INIT_ERROR: RuntimeState.INIT_ERROR,
            **_MORTAL,
        },
        RuntimeState.INIT_ERROR: {**_MORTAL},
        RuntimeState.SERVING: {Move.NEXT: RuntimeState.SERVING, **_MORTAL},
        RuntimeState.STOPPING: {Move.NEXT: RuntimeState.STOPPING, Move.EXIT: RuntimeState.ABSENT},
    },
    conversation={
        RuntimeState.READY: {Move.DELIVER: RuntimeState.RUNNING},
        RuntimeState.RUNNING: {
            Move.RESPONSE: RuntimeState.RECEIVING_RESPONSE,
            Move.BAD_MODE: RuntimeState.RESPONSE_SENT,  # the invocation has failed; the process serves the others
            Move.ERROR: RuntimeState.RECEIVING_ERROR,
        },
        RuntimeState.RECEIVING_RESPONSE: {
            Move.ERROR: RuntimeState.RECEIVING_ERROR,  # it ends the response (RIE, running_invoke.go)
            Move.FINISHED: RuntimeState.RESPONSE_SENT,
            Move.TOO_LARGE: RuntimeState.RESPONSE_SENT,
            Move.TRUNCATED: RuntimeState.RESPONSE_SENT,
        },
        RuntimeState.RECEIVING_ERROR: {
            Move.FINISHED: RuntimeState.RESPONSE_SENT,
            Move.TOO_LARGE: RuntimeState.RESPONSE_SENT,
            Move.TRUNCATED: RuntimeState.RESPONSE_SENT,
        },
    },
)
