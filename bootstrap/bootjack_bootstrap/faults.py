"""Turns exceptions into error documents, for the caller, and into lines for the log."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

__all__ = ["ErrorType", "Fault", "describe", "error_type_header", "log_text", "xray_cause"]

MOST_CAUSES = 10  # in one document
OWN_FOLDER = os.path.dirname(__file__) + os.sep


class ErrorType:
    """The error types that a bootstrap itself reports (spec 4; AWS's Python runtime)."""

    IMPORT_MODULE_ERROR = "Runtime.ImportModuleError"
    BUILT_IN_MODULE_CONFLICT = "Runtime.BuiltInModuleConflict"
    HANDLER_NOT_FOUND = "Runtime.HandlerNotFound"
    MALFORMED_HANDLER_NAME = "Runtime.MalformedHandlerName"
    USER_CODE_SYNTAX_ERROR = "Runtime.UserCodeSyntaxError"
    MARSHAL_ERROR = "Runtime.MarshalError"
    UNMARSHAL_ERROR = "Runtime.UnmarshalError"
    LAMBDA_CONTEXT_UNMARSHAL_ERROR = "Runtime.LambdaContextUnmarshalError"
    BEFORE_SNAPSHOT_ERROR = "Runtime.BeforeSnapshotError"
    AFTER_RESTORE_ERROR = "Runtime.AfterRestoreError"
    INVALID_EXEC_WRAPPER = "Runtime.InvalidExecWrapper"
    INVALID_CONCURRENCY = "Runtime.InvalidConcurrency"


class Fault(Exception):
    """An error that the bootstrap found: in the function's configuration, its event or its result."""

    def __init__(self, error_type: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.trace = trace or []


def describe(error: BaseException, request_id: str = "") -> dict[str, Any]:
    """The error document: AWS's four keys, then notes, causes and groups of exceptions."""
    document: dict[str, Any] = {
        "errorMessage": message_of(error),
        "errorType": type_of(error),
        "requestId": request_id,
        "stackTrace": error.trace if isinstance(error, Fault) else _trace(error),
    }
    if not isinstance(error, Fault):
        _add_chain(document, error, {id(error)})
    return document


def type_of(error: BaseException) -> str:
    """The error type of a fault, or the class name of another exception."""
    return error.error_type if isinstance(error, Fault) else type(error).__name__


def message_of(error: BaseException) -> str:
    """The exception's message; its `__str__` may raise."""
    try:
        return str(error)
    except Exception as broken:
        return f"<{type(error).__name__}, whose message raised {type(broken).__name__}>"


def error_type_header(error_type: str) -> str:
    """The value of Lambda-Runtime-Function-Error-Type: category.reason, where a function's errors are `Function`."""
    safe = "".join(letter for letter in error_type if letter.isprintable() and letter.isascii())
    return safe if safe.startswith("Runtime.") else f"Function.{safe}"


def xray_cause(error: BaseException, document: dict[str, Any]) -> dict[str, Any]:
    """The value of Lambda-Runtime-Function-XRay-Error-Cause (spec 3.5)."""
    frames = [] if isinstance(error, Fault) else _frames(error)
    stack = [{"label": frame.name, "path": frame.filename, "line": frame.lineno} for frame in frames]
    name = "LambdaValidationError" if isinstance(error, Fault) else document["errorType"]
    return {
        "working_directory": _working_directory(),
        "exceptions": [{"message": document["errorMessage"], "type": name, "stack": stack}],
        "paths": sorted({frame.filename for frame in frames}),
    }


def log_text(error: BaseException, document: dict[str, Any]) -> list[str]:
    """The lines of an unhandled error in the log, in text format, with the traceback of the whole chain."""
    first = f"[ERROR] {document['errorType']}"
    if document["errorMessage"]:
        first += f": {document['errorMessage']}"
    if isinstance(error, Fault):
        entries = ["Traceback (most recent call last):\n", *error.trace]
    elif error.__cause__ is None and error.__context__ is None and not hasattr(error, "exceptions"):
        notes = [str(note) for note in getattr(error, "__notes__", ())]
        entries = ["Traceback (most recent call last):\n", *document["stackTrace"], *notes]
    else:
        entries = _whole_traceback(error)
    return [first, *(line for entry in entries for line in entry.splitlines())]


def _add_chain(document: dict[str, Any], error: BaseException, seen: set[int]) -> None:
    """Add notes, the exceptions of a group and the cause, if there are any."""
    notes = getattr(error, "__notes__", None)
    if notes:
        document["notes"] = [str(note) for note in notes]
    group = getattr(error, "exceptions", None)
    if isinstance(group, (list, tuple)) and all(isinstance(one, BaseException) for one in group):
        document["exceptions"] = [_link(one, seen) for one in group if id(one) not in seen][:MOST_CAUSES]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and id(cause) not in seen and len(seen) < MOST_CAUSES:
        document["cause"] = _link(cause, seen)


def _link(error: BaseException, seen: set[int]) -> dict[str, Any]:
    seen.add(id(error))
    link: dict[str, Any] = {
        "errorMessage": message_of(error),
        "errorType": type_of(error),
        "stackTrace": _trace(error),
    }
    _add_chain(link, error, seen)
    return link


def _frames(error: BaseException) -> list[Any]:
    import traceback

    frames = list(traceback.extract_tb(_outside(error.__traceback__)))
    # A recursion has a thousand equal frames: its two ends show where it comes from and what it does.
    return frames if len(frames) <= 120 else [*frames[:60], *frames[-60:]]


def _trace(error: BaseException) -> list[str]:
    import traceback

    return traceback.format_list(_frames(error))


def _whole_traceback(error: BaseException) -> list[str]:
    import traceback

    return traceback.format_exception(type(error), error, _outside(error.__traceback__))


def _outside(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the bootstrap's frames before the function's; all of it if it has no others."""
    found = trace
    while found is not None and _is_ours(found.tb_frame.f_code.co_filename):
        found = found.tb_next
    return found


def _is_ours(filename: str) -> bool:
    return filename.startswith((OWN_FOLDER, "<frozen importlib"))


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
