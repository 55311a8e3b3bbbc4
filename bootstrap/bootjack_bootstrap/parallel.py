"""Several invocations at once in one environment: AWS_LAMBDA_MAX_CONCURRENCY (spec 5).

Asynchronous handlers share one event loop, others get a thread each, or a process each where
BOOTJACK_CONCURRENCY_MODE=processes asks for it. As many calls of /next wait as there may be invocations.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock, start_new_thread

from .calls import RuntimeApiFailed
from .connection import Connection, ConnectionLost
from .faults import ErrorType, Fault
from .handler import is_async

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .logs import Log
    from .settings import Settings

__all__ = ["serve"]

MOST = 10_000  # idle calls of /next that the platform takes (spec 5)


def serve(settings: Settings, log: Log, fault: Fault | None = None) -> None:
    """Serve invocations until the process ends."""
    from .runtime import init

    fault = fault or _problem(settings)
    if settings.concurrency_mode == "processes" and fault is None:
        _in_processes(settings, log)
    connection = Connection(settings.runtime_api)
    handler = init(settings, log, connection, fault)
    connection.close()
    if is_async(handler):
        from .parallel_tasks import serve_tasks

        serve_tasks(settings, log, handler, int(settings.concurrency))
    else:
        _in_threads(settings, log, handler)


def _problem(settings: Settings) -> Fault | None:
    """What is wrong with the variables that ask for this."""
    given = settings.concurrency
    if not (given.isdecimal() and 1 <= int(given) <= MOST):
        message = f"AWS_LAMBDA_MAX_CONCURRENCY={given!r} is not a number from 1 to {MOST}"
        return Fault(ErrorType.INVALID_CONCURRENCY, message)
    if settings.concurrency_mode not in ("", "processes"):
        message = f"BOOTJACK_CONCURRENCY_MODE={settings.concurrency_mode!r} is neither empty nor 'processes'"
        return Fault(ErrorType.INVALID_CONCURRENCY, message)
    return None


def _in_threads(settings: Settings, log: Log, handler: Callable[[Any, Any], Any]) -> None:
    """A loop for each thread; the first that cannot go on ends the process."""
    from .loop import Loop

    ended = allocate_lock()
    ended.acquire()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            Loop(Connection(settings.runtime_api), handler, settings, log, alone=False).run()
        except BaseException as error:
            failures.append(error)
            if ended.locked():
                ended.release()

    for _ in range(int(settings.concurrency)):
        start_new_thread(run, ())
    ended.acquire()  # a signal is seen meanwhile
    _end_at_once(failures[0], log)


def _end_at_once(error: BaseException, log: Log) -> NoReturn:
    """End the process though other threads are at work: they must not hold it up."""
    if isinstance(error, (RuntimeApiFailed, ConnectionLost)):
        log.say(str(error), "ERROR")
    log.flush()
    code = error.code if isinstance(error, SystemExit) else 1
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _in_processes(settings: Settings, log: Log) -> NoReturn:
    """A process for each invocation that may run at once; each imports the handler, as in AWS's own runtime.

    The end of one is the end of all.
    """
    from .runtime import init, serve_alone

    children = []
    for _ in range(int(settings.concurrency)):
        child = os.fork()
        if not child:
            connection = Connection(settings.runtime_api)
            serve_alone(settings, log, connection, init(settings, log, connection))
        children.append(child)
    try:
        ended, status = os.wait()
        children.remove(ended)
    finally:
        for child in children:
            os.kill(child, 15)
        for child in children:  # their hooks, too, are to have their time
            os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)
