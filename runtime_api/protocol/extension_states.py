"""The automata that extensions bring, as tables: one extension, the stages of an init, the end of all processes.

Theory. `EXTENSION` is what one extension may ask of the Extensions API (spec 7; RIE core/externalagent_states.go and
internalagent_states.go). An external extension is a process of its own; an internal one is part of the runtime's
process, so the platform neither starts nor kills it. READY is an extension whose /event/next waits. AWAY is ours: the
peer of that call has disconnected, and may call again.

`INIT` orders an init: every external extension registers, then the runtime starts, and once it waits in /next no
extension can register any more; the init has ended when all extensions wait in /event/next, too (spec 6.1).

`ENDING` orders a reset or a shutdown: the runtime ends first, then the extensions (spec 6.4). An environment without
extensions takes the same steps, with nothing to wait for.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ENDING",
    "EXTENSION",
    "INIT",
    "EndingStage",
    "EndingStep",
    "ExtensionMove",
    "ExtensionState",
    "InitStage",
    "InitStep",
]


class ExtensionState(StrEnum):
    """Where an extension is in its conversation with the Extensions API."""

    STARTED = "started"
    REGISTERED = "registered"
    READY = "ready"
    AWAY = "away"
    RUNNING = "running"
    INIT_ERROR = "init error"
    EXIT_ERROR = "exit error"
    LAUNCH_ERROR = "launch error"
    EXITED = "exited"

    @property
    def aws_name(self) -> str:
        """The name that AWS prints in refusals and in platform.extension."""
        return _AWS_NAMES[self]


_AWS_NAMES = {
    ExtensionState.STARTED: "Started",
    ExtensionState.REGISTERED: "Registered",
    ExtensionState.READY: "Ready",
    ExtensionState.AWAY: "Ready",
    ExtensionState.RUNNING: "Running",
    ExtensionState.INIT_ERROR: "InitError",
    ExtensionState.EXIT_ERROR: "ExitError",
    ExtensionState.LAUNCH_ERROR: "LaunchError",
    ExtensionState.EXITED: "Exited",
}


class ExtensionMove(StrEnum):
    """What moves an extension from one state to another: its own calls, and what happens to it."""

    REGISTER = "register"
    NEXT = "event/next"
    DROP = "event/next dropped"
    DELIVER = "deliver"
    INIT_ERROR = "init/error"
    EXIT_ERROR = "exit/error"
    LAUNCH_FAILED = "launch failed"
    EXIT = "exit"


class InitStage(StrEnum):
    """How far an init has come."""

    NONE = "none"
    EXTENSIONS = "extensions"  # until every external extension has registered
    RUNTIME = "runtime"  # until the runtime waits in /next
    SETTLING = "settling"  # until every extension waits in /event/next


class InitStep(StrEnum):
    """What moves an init from one stage to the next, or leaves it where it is."""

    BEGIN = "begin"
    REGISTER = "register"  # an internal extension; an external one registers when its own state allows
    LAUNCHED = "all registered"
    RUNTIME_READY = "runtime ready"
    DONE = "all ready"
    ABANDON = "abandon"


class EndingStage(StrEnum):
    """How far the end of all processes has come."""

    NONE = "none"
    RUNTIME = "runtime"
    EXTENSIONS = "extensions"


class EndingStep(StrEnum):
    """What moves the end of all processes from one stage to the next."""

    BEGIN = "begin"
    RUNTIME_GONE = "runtime gone"
    ALL_GONE = "all gone"


_MORTAL: Mapping[ExtensionMove, ExtensionState] = {ExtensionMove.EXIT: ExtensionState.EXITED}

EXTENSION: Mapping[ExtensionState, Mapping[ExtensionMove, ExtensionState]] = {
    ExtensionState.STARTED: {
        ExtensionMove.REGISTER: ExtensionState.REGISTERED,
        ExtensionMove.LAUNCH_FAILED: ExtensionState.LAUNCH_ERROR,
        **_MORTAL,
    },
    ExtensionState.REGISTERED: {
        ExtensionMove.NEXT: ExtensionState.READY,
        ExtensionMove.INIT_ERROR: ExtensionState.INIT_ERROR,
        ExtensionMove.EXIT_ERROR: ExtensionState.EXIT_ERROR,
        **_MORTAL,
    },
    ExtensionState.READY: {
        ExtensionMove.DELIVER: ExtensionState.RUNNING,
        ExtensionMove.DROP: ExtensionState.AWAY,
        ExtensionMove.EXIT_ERROR: ExtensionState.EXIT_ERROR,
        **_MORTAL,
    },
    ExtensionState.AWAY: {
        ExtensionMove.NEXT: ExtensionState.READY,
        ExtensionMove.EXIT_ERROR: ExtensionState.EXIT_ERROR,
        **_MORTAL,
    },
    ExtensionState.RUNNING: {
        ExtensionMove.NEXT: ExtensionState.READY,
        ExtensionMove.EXIT_ERROR: ExtensionState.EXIT_ERROR,
        **_MORTAL,
    },
    ExtensionState.INIT_ERROR: {ExtensionMove.INIT_ERROR: ExtensionState.INIT_ERROR, **_MORTAL},
    ExtensionState.EXIT_ERROR: {ExtensionMove.EXIT_ERROR: ExtensionState.EXIT_ERROR, **_MORTAL},
    ExtensionState.LAUNCH_ERROR: {},
    ExtensionState.EXITED: {},
}

INIT: Mapping[InitStage, Mapping[InitStep, InitStage]] = {
    InitStage.NONE: {InitStep.BEGIN: InitStage.EXTENSIONS},
    InitStage.EXTENSIONS: {
        InitStep.REGISTER: InitStage.EXTENSIONS,
        InitStep.LAUNCHED: InitStage.RUNTIME,
        InitStep.ABANDON: InitStage.NONE,
    },
    InitStage.RUNTIME: {
        InitStep.REGISTER: InitStage.RUNTIME,
        InitStep.RUNTIME_READY: InitStage.SETTLING,
        InitStep.ABANDON: InitStage.NONE,
    },
    InitStage.SETTLING: {InitStep.DONE: InitStage.NONE, InitStep.ABANDON: InitStage.NONE},
}

ENDING: Mapping[EndingStage, Mapping[EndingStep, EndingStage]] = {
    EndingStage.NONE: {EndingStep.BEGIN: EndingStage.RUNTIME},
    EndingStage.RUNTIME: {EndingStep.RUNTIME_GONE: EndingStage.EXTENSIONS},
    EndingStage.EXTENSIONS: {EndingStep.ALL_GONE: EndingStage.NONE},
}
