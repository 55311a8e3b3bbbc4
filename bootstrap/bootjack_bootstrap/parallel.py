"""Several invocations at once in one environment: AWS_LAMBDA_MAX_CONCURRENCY (spec 5).

Asynchronous handlers share one event loop. Others get a thread each, or a process each if
BOOTJACK_CONCURRENCY_MODE=processes asks for it. There are as many waiting calls of /next as there may be invocations.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock, start_new_thread

from .client import Client
from .driver_blocking import BlockingDriver
from .ends import ConnectionLost, RuntimeApiFailed
from .faults import ErrorType, Fault
from .handler import is_async
from .serving import Serving

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .calls import Calls
    from .logs import Log
    from .settings import Settings
    from .steps import Conversation

__all__ = ["fault_of", "fork", "serve_side_by_side"]

MOST = 10_000  # waiting calls of /next that the platform takes (spec 5)


def fault_of(settings: Settings) -> Fault | None:
    """What is wrong with the variables that ask for several invocations at once."""
    given = settings.concurrency
    if not (given.isdecimal() and 1 <= int(given) <= MOST):
        message = f"AWS_LAMBDA_MAX_CONCURRENCY={given!r} is not a number from 1 to {MOST}"
        return Fault(ErrorType.INVALID_CONCURRENCY, message)
    if settings.concurrency_mode not in ("", "processes"):
        message = f"BOOTJACK_CONCURRENCY_MODE={settings.concurrency_mode!r} is neither empty nor 'processes'"
        return Fault(ErrorType.INVALID_CONCURRENCY, message)
    return None


def fork(count: int) -> None:
    """Return in this many children; the parent waits for them, and the end of one is the end of all.

    Each child imports the handler itself, as in AWS's own runtime.
    """
    children = []
    for _ in range(count):
        child = os.fork()
        if not child:
            return
        children.append(child)
    try:
        ended, status = os.wait()
        children.remove(ended)
    finally:
        for child in children:
            os.kill(child, 15)
        for child in children:  # their `atexit` functions get their time, too
            os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


def serve_side_by_side(calls: Calls, handler: Callable[[Any, Any], Any], settings: Settings, log: Log) -> NoReturn:
    """Serve in tasks or in threads until the process ends."""

    def serving() -> Conversation[NoReturn]:
        return Serving(Client(settings.runtime_api), calls, handler, settings, log, is_alone=False).run()

    if is_async(handler):
        from .parallel_tasks import serve_tasks

        serve_tasks(settings.runtime_api, serving, int(settings.concurrency))
    _serve_threads(settings.runtime_api, serving, int(settings.concurrency), log)


def _serve_threads(runtime_api: str, serving: Callable[[], Conversation[NoReturn]], most: int, log: Log) -> NoReturn:
    """Serve in one thread for each invocation; the first that cannot go on ends the process."""
    ended = allocate_lock()
    ended.acquire()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            BlockingDriver(runtime_api).run(serving())
        except BaseException as error:
            failures.append(error)
            try:
                ended.release()
            except RuntimeError:
                pass  # another thread has ended, too

    for _ in range(most):
        start_new_thread(run, ())
    ended.acquire()  # signals are handled meanwhile
    _end_at_once(failures[0], log)


def _end_at_once(error: BaseException, log: Log) -> NoReturn:
    """End the process although other threads are at work: they must not delay it."""
    if isinstance(error, (RuntimeApiFailed, ConnectionLost)):
        log.say(str(error), "ERROR")
    log.flush()
    code = error.code if isinstance(error, SystemExit) else 1
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)
