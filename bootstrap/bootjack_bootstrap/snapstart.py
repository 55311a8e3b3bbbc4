"""Lambda SnapStart: runs hooks before the snapshot of the process and after each restore (spec 9)."""

from __future__ import annotations

import sys

from .ends import RuntimeApiFailed
from .faults import ErrorType, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .calls import Calls
    from .client import Client
    from .logs import Log
    from .steps import Conversation

__all__ = ["wait_for_restore"]

BEFORE_FAILED, AFTER_FAILED = 64, 65  # exit codes of AWS's own runtime


def wait_for_restore(client: Client, calls: Calls, log: Log) -> Conversation[None]:
    """Run the hooks of `snapshot_restore_py` around the snapshot; SystemExit if one fails."""
    hooks = sys.modules.get("snapshot_restore_py")  # if it was never imported, there are no hooks
    try:
        before = hooks.get_before_snapshot() if hooks else []
        while before:
            function, arguments, named = before.pop()  # the last registered runs first
            function(*arguments, **named)
    except BaseException as error:
        document = describe(error)
        log.error(error, document)
        yield from client.ask(*calls.fail_init(document, ErrorType.BEFORE_SNAPSHOT_ERROR))
        raise SystemExit(BEFORE_FAILED) from None
    status, _, body = yield from client.ask(calls.restore_next)
    if status != 200:
        raise RuntimeApiFailed(f"GET /restore/next was answered with {status}: {bytes(body[:300])!r}")
    yield from client.close()  # the connection was opened before the snapshot
    try:
        for function, arguments, named in hooks.get_after_restore() if hooks else []:
            function(*arguments, **named)
    except BaseException as error:
        document = describe(error)
        log.error(error, document)
        yield from client.ask(*calls.fail_restore(document, ErrorType.AFTER_RESTORE_ERROR))
        raise SystemExit(AFTER_FAILED) from None
