"""The settings of a process, read once, at its start."""

from __future__ import annotations

__all__ = ["Settings"]


class Settings:
    """What environment variables and arguments say. A plain class: importing `dataclasses` would take 10 ms."""

    def __init__(
        self,
        handler: str = "",
        runtime_api: str = "",  # host:port
        task_root: str = "/var/task",
        python_path: str = "",  # PYTHONPATH, if the interpreter ignores it
        concurrency: str = "",  # AWS_LAMBDA_MAX_CONCURRENCY as given
        concurrency_mode: str = "",  # "processes" or nothing
        snap_start: bool = False,
        json_logs: bool = False,
        log_level: str = "",
        log_frames: int | None = None,  # the file descriptor for log records in frames
        function_name: str | None = None,
        function_version: str | None = None,
        memory_limit_in_mb: str | None = None,
        log_group_name: str | None = None,
        log_stream_name: str | None = None,
    ) -> None:
        self.handler = handler
        self.runtime_api = runtime_api
        self.task_root = task_root
        self.python_path = python_path
        self.concurrency = concurrency
        self.concurrency_mode = concurrency_mode
        self.snap_start = snap_start
        self.json_logs = json_logs
        self.log_level = log_level
        self.log_frames = log_frames
        self.function_name = function_name
        self.function_version = function_version
        self.memory_limit_in_mb = memory_limit_in_mb
        self.log_group_name = log_group_name
        self.log_stream_name = log_stream_name
