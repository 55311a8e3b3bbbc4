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
    for number, step in enumerate(steps, 1):
        arguments = run.filled({key: step[key] for key in step if key != "do"})
        try:
            STEPS[step["do"]](run, **arguments)
        except Mismatch as error:
            raise Mismatch(f"step {number}, {step['do']}: {error.expected}", error.happened) from None
        except (NoAnswer, MalformedAnswer, ServerFailed, OSError, ValueError) as error:
            raise Mismatch(f"step {number}, {step['do']}: {described(arguments)}", str(error)) from None
    return run.reusable_poll()
