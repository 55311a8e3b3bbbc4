"""The clocks that an execution environment can have running."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Timer"]


class Timer(StrEnum):
    """What a timer limits; each timer is keyed by the process or the invocation that it belongs to."""

    INIT = "init"  # the init phase; keyed by the process's name
    RESTORE = "restore"  # the hooks after a restore; keyed by the process's name
    RUNTIME_SHARE = "runtime share"  # what the runtime gets of the time to end everything; keyed by its name
    SHUTDOWN = "shutdown"  # the time to end everything; keyed by the group of processes that it limits
    DEADLINE = "deadline"  # the function's timeout; keyed by the request id
