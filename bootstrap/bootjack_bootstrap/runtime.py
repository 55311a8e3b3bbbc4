"""One process from its start to its end: the handler is found, then invocations are served."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import sys

from .calls import Calls, RuntimeApiFailed
from .connection import Connection, ConnectionLost
from .faults import ErrorType, Fault, describe, type_of
from .handler import extend_path, load_handler
from .invocation import Ended
from .logs import Log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .settings import Settings

__all__ = ["end_on_signal", "init", "run"]


def run(settings: Settings, failure: str = "") -> NoReturn:
    """Serve invocations until the process is ended; then SystemExit.

    `failure` is what is wrong already with AWS_LAMBDA_EXEC_WRAPPER.
    """
    if not settings.runtime_api:
        sys.exit(
            "bootstrap: AWS_LAMBDA_RUNTIME_API is not set: this program is started by Lambda, or by `bootjack invoke`"
        )
    _end_on_sigterm()
    log = Log(settings)
    fault = Fault(ErrorType.INVALID_EXEC_WRAPPER, failure) if failure else None
    try:
        if settings.concurrency not in ("", "1"):
            from .parallel import serve

            serve(settings, log, fault)
        else:
            connection = Connection(settings.runtime_api)
            handler = init(settings, log, connection, fault)
            serve_alone(settings, log, connection, handler)
    except (RuntimeApiFailed, ConnectionLost) as error:
        log.say(str(error), "ERROR")
        log.flush()
        sys.exit(1)
    raise AssertionError("a loop never returns")


def serve_alone(settings: Settings, log: Log, connection: Connection, handler: Callable[[Any, Any], Any]) -> None:
    """One invocation at a time."""
    from .loop import Loop

    if settings.snap_start:
        from .snapstart import wait_for_restore

        wait_for_restore(connection, Calls(connection.host), log)
    Loop(connection, handler, settings, log).run()


def init(
    settings: Settings, log: Log, connection: Connection, fault: Fault | None = None
) -> Callable[[Any, Any], Any]:
    """The handler; what is wrong with it is reported, and the process ends."""
    try:
        if fault is not None:
            raise fault
        log.set_up_logging_on_import()
        extend_path(settings)
        return load_handler(settings.handler)
    except Ended:
        raise
    except BaseException as error:
        document = describe(error)
        log.error(error, document)
        log.flush()
        status, _, body = connection.ask(*Calls(connection.host).fail_init(document, type_of(error)))
        if status != 202:
            log.say(f"The init error was refused with {status}: {bytes(body[:300])!r}")
        code = error.code if isinstance(error, SystemExit) else None
        raise SystemExit(code if isinstance(code, int) and code else 1) from None


def _end_on_sigterm() -> None:
    """SIGTERM ends the process as `sys.exit` does, also while it waits for an event: `atexit` functions run.

    A handler that wants something else sets its own with `signal.signal`. Without a main thread there is no signal.
    """
    _signal.signal(_signal.SIGTERM, end_on_signal)


def end_on_signal(_number: int, _frame: Any) -> NoReturn:
    """What SIGTERM does, unless a function has it do something else."""
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)  # a second one does not wait
    raise Ended(0)
