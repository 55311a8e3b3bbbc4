"""Runs the steps of a case against a server.

A step is a table: `do` names it in STEPS below, the other keys are its arguments, and `want` is what has to be
observed. `on` names a connection. `{id}` in a text stands for the request id of the last event received; `keep`
defines more names.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from .case_run import Mismatch, described
from .connection import MalformedAnswer, NoAnswer
from .server import ServerFailed
from .steps import extensions, http, invoker, processes, runtime
from .walk import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .case_run import CaseRun
    from .connection import Connection
    from .expect import Table

__all__ = ["STEPS", "run_steps"]

INIT_S = 10.0  # Lambda's limit of an init, after which it tries again
INITS = 2


def each_init(run: CaseRun, *, steps: Sequence[Table] = (), new: bool = False) -> None:
    """Run the steps in an init phase, and again if the server tries the init once more before it answers.

    An init that has failed is tried again within the invocation that waits for it. A server whose init is part of the
    first invocation answers at once. Either is right, and the caller receives how the last init ended.
    """
    for number in range(INITS):
        if run.server.puppet(None, run.timeout_s, new=new or number > 0) is None:
            raise Mismatch("a process is started", "no process was started")
        _run_each(run, steps)
        again = run.server_starts_again(run.timeout_s + INIT_S)
        if again is None:
            raise Mismatch("an answer, or another init", "neither")
        if not again:
            return
    raise Mismatch(f"an answer after {INITS} inits", "another process was started")


STEPS: Mapping[str, Callable[..., None]] = MappingProxyType(
    {
        "invoke": invoker.invoke,
        "deliver": invoker.deliver,
        "finish": invoker.finish,
        "next": runtime.next_event,
        "park": runtime.park,
        "event": runtime.event,
        "respond": runtime.respond,
        "fail": runtime.fail,
        "fail_init": runtime.fail_init,
        "each_init": each_init,
        "walk": walk,
        "register": extensions.register,
        "extension_next": extensions.extension_next,
        "listen": extensions.listen,
        "telemetry": extensions.telemetry,
        "call": http.call,
        "send": http.send,
        "raw": http.raw,
        "answer": http.answer,
        "interim": http.interim,
        "race": http.race,
        "hang_up": http.hang_up,
        "puppet": processes.puppet,
        "tell": processes.tell,
        "child_gone": processes.child_gone,
        "gone": processes.gone,
        "message": processes.message,
        "keep": processes.keep,
        "log": processes.log,
        "signal": processes.send_signal,
        "server_ends": processes.server_ends,
    }
)


def run_steps(run: CaseRun, steps: Sequence[Table]) -> Connection | None:
    """Run every step; Mismatch at the first that fails. Returns the poll for the next case, if there is one."""
    if not run.server.remote:
        run.server.log.forget()
    _run_each(run, steps)
    return run.reusable_poll()


def _run_each(run: CaseRun, steps: Sequence[Table]) -> None:
    for number, step in enumerate(steps, 1):
        arguments = run.filled({key: step[key] for key in step if key != "do"})
        try:
            STEPS[step["do"]](run, **arguments)
        except Mismatch as error:
            raise Mismatch(f"step {number}, {step['do']}: {error.expected}", error.happened) from None
        except (NoAnswer, MalformedAnswer, ServerFailed, OSError, ValueError) as error:
            raise Mismatch(f"step {number}, {step['do']}: {described(arguments)}", str(error)) from None
