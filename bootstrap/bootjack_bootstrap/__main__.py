"""The entry point: `python -m bootjack_bootstrap [HANDLER]`. The executable `bootstrap` calls it, too.

Environment variables are read here only.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .settings import Settings

__all__ = ["main"]

WRAPPED = "_BOOTJACK_WRAPPED"  # set once the wrapper has run


def main(arguments: list[str]) -> None:
    """Serve invocations until the process ends."""
    from .runtime import run

    environ = os.environ
    wrapper = environ.get("AWS_LAMBDA_EXEC_WRAPPER")
    if environ.pop(WRAPPED, None) is None and wrapper:
        reason = _wrap(wrapper, environ)
        run(_settings(arguments, environ), reason)
    run(_settings(arguments, environ))


def _wrap(wrapper: str, environ: Mapping[str, str]) -> str:
    """Replace this process by the wrapper, which starts this command again; why not, if that fails."""
    try:
        os.execve(wrapper, [wrapper, sys.executable, *_given()], {**environ, WRAPPED: "1"})
    except OSError as error:
        return f"AWS_LAMBDA_EXEC_WRAPPER: {wrapper}: {(error.strerror or 'cannot be started').lower()}"


def _given() -> list[str]:
    """The interpreter's flags, the program and its arguments, as they were given."""
    if hasattr(sys, "orig_argv"):
        return sys.orig_argv[1:]
    with open("/proc/self/cmdline", "rb") as line:
        return [os.fsdecode(word) for word in line.read().split(b"\0")[1:-1]]


def _settings(arguments: list[str], environ: os._Environ[str]) -> Settings:
    from .settings import Settings

    frames = environ.pop("_LAMBDA_TELEMETRY_LOG_FD", "")
    return Settings(
        handler=arguments[0] if arguments else environ.get("_HANDLER", ""),
        runtime_api=environ.get("AWS_LAMBDA_RUNTIME_API", ""),
        task_root=environ.get("LAMBDA_TASK_ROOT") or os.getcwd(),
        python_path=environ.get("PYTHONPATH", "") if sys.flags.ignore_environment else "",
        concurrency=environ.get("AWS_LAMBDA_MAX_CONCURRENCY", ""),
        concurrency_mode=environ.get("BOOTJACK_CONCURRENCY_MODE", ""),
        snap_start=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start",
        json_logs=environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON",
        log_level=environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper(),
        log_frames=int(frames) if frames.isdecimal() else None,
        function_name=environ.get("AWS_LAMBDA_FUNCTION_NAME"),
        function_version=environ.get("AWS_LAMBDA_FUNCTION_VERSION"),
        memory_limit_in_mb=environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        log_group_name=environ.get("AWS_LAMBDA_LOG_GROUP_NAME"),
        log_stream_name=environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
