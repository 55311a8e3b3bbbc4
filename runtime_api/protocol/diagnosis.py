"""Says in one sentence what a runtime did, or left undone, when an invocation failed because of it.

Lambda's own words name the symptom ("Task timed out after 3.00 seconds"). The author of a runtime needs the cause,
and the cause is in the order of the runtime's calls.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from . import wire
from .errors import INVALID_REQUEST_ID, INVOKE_TIMEOUT, ErrorType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .errors import Refusal

__all__ = ["Reached", "Refused", "Stage", "complains_of_bash", "diagnose"]

_BLAMED = frozenset({ErrorType.TIMED_OUT, ErrorType.EXIT_ERROR})  # the words for the others name the cause
MOST_BYTES = 100  # of a request id that the runtime made up
_SAID_BY_OTHER_SHELLS = (  # dash and busybox, of `set -o pipefail`, `[[`, `${x//a/b}`, arrays and `<(...)`
    b"Illegal option -o ",
    b"[[: not found",
    b": Bad substitution",
    b'Syntax error: "(" unexpected',
    b"Syntax error: redirection unexpected",
)
NEXT = f"GET {wire.NEXT}"


class Stage(Enum):
    """How far a runtime had come with an invocation that failed."""

    STARTING = auto()  # it had not asked for an event since it was started
    AWAY = auto()  # it had not asked for this event, though it had for others (in concurrent mode)
    WORKING = auto()  # it had the event
    ANSWERING = auto()  # its answer had begun


class Reached(NamedTuple):
    """A runtime's part in an invocation that failed."""

    stage: Stage
    asked_again: int = 0  # how often it asked for the next event while it had this one


class Refused(NamedTuple):
    """A call that was refused."""

    refusal: Refusal
    request_id: str | None = None  # that the call named


def diagnose(
    error_type: str,
    reached: Reached,
    refused: Sequence[Refused] = (),
    *,
    has_written: bool = True,
    speaks_bash: bool = False,
) -> str | None:
    """What the runtime did, in one sentence; None when Lambda's own words say all that is known.

    `refused` are its calls that were refused since it was started; `has_written` whether it has written anything,
    `speaks_bash` whether another shell has complained of what only bash knows.
    """
    if error_type not in _BLAMED:
        return None
    exited = error_type == ErrorType.EXIT_ERROR
    did = _deed(reached, refused, exited=exited)
    if did is None:
        return None
    if speaks_bash:
        return f"the runtime {did}; its /bin/sh is not bash, as Lambda's is: begin its script with #!/bin/bash"
    silent = reached.stage is Stage.STARTING and not has_written
    return f"the runtime {did}, and wrote nothing" if silent else f"the runtime {did}"


def complains_of_bash(lines: bytes) -> bool:
    """Whether a shell says in these lines that it does not know what bash knows."""
    return any(words in lines for words in _SAID_BY_OTHER_SHELLS)


def _deed(reached: Reached, refused: Sequence[Refused], *, exited: bool) -> str | None:
    last = refused[-1] if refused else None
    match reached.stage:
        case Stage.STARTING:
            never = "exited before it asked" if exited else "never asked"
            return f"{never} for its first event ({NEXT}){_after(last)}"
        case Stage.AWAY:
            return f"{'exited before it asked' if exited else 'never asked'} for this event ({NEXT})"
        case Stage.WORKING if reached.asked_again:
            times = f" {reached.asked_again} times" if reached.asked_again > 1 else ""
            return f"asked for the next event again{times} without having answered this one"
        case Stage.WORKING if last is not None:
            return _misled(last)
        case Stage.WORKING if exited:
            return "exited while it had the event, before it answered"
        case Stage.ANSWERING:
            return f"{'exited' if exited else 'was still writing'} in the middle of its answer"
    return None


def _misled(last: Refused) -> str:
    if last.refusal == INVALID_REQUEST_ID and last.request_id is not None:
        return f"answered the request id {_shown(last.request_id)}, which is not that of an event in hand"
    if last.refusal == INVOKE_TIMEOUT:
        return f"answered the request id {_shown(last.request_id or '')} after its time was up"
    return f"did not answer; its last call was refused: {_quoted(last.refusal)}"


def _after(last: Refused | None) -> str:
    return "" if last is None else f"; its last call was refused: {_quoted(last.refusal)}"


def _quoted(refusal: Refusal) -> str:
    return f"{refusal.status} {refusal.error_type} ({refusal.message.rstrip('.')})"


def _shown(request_id: str) -> str:
    return repr(request_id[:MOST_BYTES])
