"""One process from its start to its end: the handler is loaded, then invocations are served."""

from __future__ import annotations

import sys

from .calls import Calls
from .client import Client
from .driver_blocking import BlockingDriver
from .ends import ConnectionLost, Ended, RuntimeApiFailed, end_on_sigterm
from .faults import ErrorType, Fault, describe, type_of
from .handler import extend_path, load_handler
from .logs import Log
from .serving import Serving

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .settings import Settings
    from .steps import Conversation

__all__ = ["run"]


def run(settings: Settings, failure: str = "") -> NoReturn:
    """Serve invocations until the process ends; then SystemExit.

    `failure` says what is wrong with AWS_LAMBDA_EXEC_WRAPPER, if something is.
    """
    if not settings.runtime_api:
        sys.exit(
            "bootstrap: AWS_LAMBDA_RUNTIME_API is not set: this program is started by Lambda, or by `bootjack invoke`"
        )
    end_on_sigterm()
    log = Log(settings)
    fault = Fault(ErrorType.INVALID_EXEC_WRAPPER, failure) if failure else None
    try:
        _serve(settings, log, fault)
    except (RuntimeApiFailed, ConnectionLost) as error:
        log.say(str(error), "ERROR")
        log.flush()
        sys.exit(1)
    raise AssertionError("serving never returns")


def _serve(settings: Settings, log: Log, fault: Fault | None) -> None:
    """Serve one invocation at a time, or several where AWS_LAMBDA_MAX_CONCURRENCY asks for it."""
    is_parallel = settings.concurrency not in ("", "1")
    if is_parallel:
        from .parallel import fault_of, fork, serve_side_by_side

        fault = fault or fault_of(settings)
        if settings.concurrency_mode == "processes" and fault is None:
            fork(int(settings.concurrency))
            is_parallel = False  # this is one of the children
    driver, client = BlockingDriver(settings.runtime_api), Client(settings.runtime_api)
    calls = Calls(settings.runtime_api)
    handler = driver.run(_load(settings, log, client, calls, fault))
    if is_parallel:
        serve_side_by_side(calls, handler, settings, log)
    if settings.snap_start:
        from .snapstart import wait_for_restore

        driver.run(wait_for_restore(client, calls, log))
    driver.run(Serving(client, calls, handler, settings, log).run())


def _load(
    settings: Settings, log: Log, client: Client, calls: Calls, fault: Fault | None
) -> Conversation[Callable[[Any, Any], Any]]:
    """The handler; if it cannot be loaded, that is reported and the process ends."""
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
        status, _, body = yield from client.ask(*calls.fail_init(document, type_of(error)))
        if status != 202:
            log.say(f"The init error was refused with {status}: {bytes(body[:300])!r}")
        code = error.code if isinstance(error, SystemExit) else None
        raise SystemExit(code if isinstance(code, int) and code else 1) from None
