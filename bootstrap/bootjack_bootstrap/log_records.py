"""Sets up `logging` as AWS's Python runtime does: one handler at the root, the request id in every record."""

from __future__ import annotations

import logging
import time

from .context import CurrentInvocation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    Write = Callable[[str, int], None]  # text, level

__all__ = ["configure"]

TEXT_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
# The attributes that every record has: they are not from `extra`.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id", "tenant_id"}


def configure(module: ModuleType, write: Write, level: str, as_json: bool) -> None:
    """Add the handler to the root logger; the level stays WARNING unless the function's configuration sets one."""
    root = module.getLogger()
    handler = RecordHandler(write)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter(TEXT_FORMAT, "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(_add_invocation)
    root.addHandler(handler)
    if level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        root.setLevel(level)


class RecordHandler(logging.Handler):
    """Writes formatted records to the function's log."""

    def __init__(self, write: Write) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record), record.levelno)
        except Exception:
            self.handleError(record)


class TextFormatter(logging.Formatter):
    """One line for each record, with tabs between its parts."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if text.endswith("\n") else text + "\n"  # a traceback does not


class JsonFormatter(logging.Formatter):
    """One JSON object for each record, `extra` included."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        import json

        fields = {name: value for name, value in self._fields(record).items() if value is not None}
        extra = {name: value for name, value in vars(record).items() if name not in STANDARD and name not in fields}
        return json.dumps({**fields, **extra}, ensure_ascii=False, default=str) + "\n"

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        level = min(50, max(0, record.levelno)) // 10 * 10
        fields: dict[str, Any] = {
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": logging.getLevelName(level),
            "message": record.msg if isinstance(record.msg, dict) and not record.args else record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0] is not None:
            import traceback

            kind, error, trace = record.exc_info
            fields["stackTrace"] = traceback.format_tb(trace)
            fields["errorType"] = kind.__name__
            fields["errorMessage"] = str(error)
        fields["requestId"] = getattr(record, "aws_request_id", None)
        if "errorType" in fields:
            fields["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        fields["tenantId"] = getattr(record, "tenant_id", None)
        return fields


def _add_invocation(record: logging.LogRecord) -> bool:
    context = CurrentInvocation.get()
    record.aws_request_id = context.aws_request_id if context else ""
    record.tenant_id = context.tenant_id if context else None
    return True
