"""Writes the function's log, and has `logging` set up if the handler imports it."""

from __future__ import annotations

import os
import sys
import time

from .context import CurrentInvocation
from .faults import log_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType
    from typing import Any

    from .settings import Settings

__all__ = ["Log"]

LEVELS = {"": 0, "DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
UNWRITABLE = (AttributeError, ValueError, OSError)  # raised by a stream that the handler has closed or replaced
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
FRAME_TEXT = 0xA55A0003
FRAME_JSON = 0xA55A0002


class Log:
    """Writes records to standard output, or in frames to the file descriptor that the platform names."""

    def __init__(self, settings: Settings) -> None:
        self.json = settings.json_logs
        self.level = {"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}.get(
            settings.log_level, settings.log_level
        )
        self._frames = settings.log_frames
        self._frame = FRAME_JSON if self.json else FRAME_TEXT
        if sys.stdout is not None and hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")

    def write(self, text: str, level: int = 0) -> None:
        """Write one record. It brings its own line end, which a frame does not need; `level` is one of `logging`."""
        if self._frames is None:
            try:
                sys.stdout.write(text)
                if not text.endswith("\n"):
                    sys.stdout.flush()
            except UNWRITABLE:
                pass
            return
        # In text format, AWS's runtime marks the level only if one is configured.
        self._write_frame(text, self._severity(level) if self.json or self.level else 0)

    def _write_frame(self, text: str, severity: int) -> None:
        assert self._frames is not None
        data = text.encode("utf-8", "backslashreplace")
        kind = self._frame + severity
        head = kind.to_bytes(4, "big") + len(data).to_bytes(4, "big") + int(time.time() * 1e6).to_bytes(8, "big")
        _write_all(self._frames, head + data)

    @staticmethod
    def _severity(level: int) -> int:
        """The part of a frame's type that stands for the level."""
        return 4 + 4 * (min(50, level) // 10) if level >= 10 else 0

    def flush(self) -> None:
        """Flush what the handler printed: it must not wait for the next invocation."""
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except UNWRITABLE:
            pass

    def error(self, error: BaseException, document: Mapping[str, Any]) -> None:
        """Write one record for an error that the handler did not catch."""
        if self.json:
            self.write(_json_line({"timestamp": _timestamp(), "level": "ERROR", **document}), 40)
            return
        lines = log_text(error, dict(document))
        if self._frames is not None:
            self._write_frame("\n".join(lines), self._severity(40))
        else:
            # Each line feed would begin a new record in the log; carriage returns do not, as in AWS's own runtime.
            self.write("\r".join(map(_indented, lines)) + "\n", 40)

    def note(self, message: str | None) -> None:
        """Write a warning of the bootstrap's at once, if there is one."""
        if message:
            self.say(message)
            self.flush()

    def say(self, message: str, level: str = "WARNING") -> None:
        """Write a message of the bootstrap's."""
        context = CurrentInvocation.get()
        request_id = context.aws_request_id if context else ""
        if self.json:
            record = {"timestamp": _timestamp(), "level": level, "message": message, "logger": "bootstrap"}
            if request_id:
                record["requestId"] = request_id
            self.write(_json_line(record), LEVELS[level])
        else:
            self.write(f"[{level}]\t{_timestamp(True)}\t{request_id}\t{message}\n", LEVELS[level])

    def set_up_logging_on_import(self) -> None:
        """Configure `logging` once it is imported: the import takes 20 ms, and many handlers do without."""
        if "logging" in sys.modules:
            self._configure(sys.modules["logging"])
        else:
            sys.meta_path.insert(0, _LoggingFinder(self))

    def _configure(self, logging: ModuleType) -> None:
        from .log_records import configure

        configure(logging, self.write, self.level, self.json)


class _LoggingFinder:
    """Finds `logging` by the other finders, and has it configured at the end of its import."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Configuring(spec.loader, self._log)  # type: ignore[assignment]
                return spec
        return None


class _Configuring:
    """A loader that configures the module after loading it."""

    def __init__(self, loader: Any, log: Log) -> None:
        self._loader = loader
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self._loader  # type: ignore[union-attr]
        self._loader.exec_module(module)
        self._log._configure(module)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _json_line(record: Mapping[str, Any]) -> str:
    import json

    return json.dumps(record, ensure_ascii=False, default=str) + "\n"


def _indented(line: str) -> str:
    """Replace leading spaces by no-break spaces, which viewers do not strip."""
    rest = line.lstrip(" ")
    return NO_BREAK_SPACE * (len(line) - len(rest)) + rest


def _timestamp(milliseconds: bool = False) -> str:
    now = time.time()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{seconds}.{int(now * 1000) % 1000:03d}Z" if milliseconds else f"{seconds}Z"
