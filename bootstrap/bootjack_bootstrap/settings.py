"""What a start is told, as one value: read once, at the door."""

from __future__ import annotations

__all__ = ["Settings"]


class Settings:
    """Variables and arguments of this process. A plain class: the imports of a dataclass would cost 10 ms."""

    def __init__(
        self,
        handler: str = "",
        runtime_api: str = "",  # host:port
        task_root: str = "/var/task",
        python_path: str = "",  # PYTHONPATH, where the interpreter was told to ignore it
        concurrency: str = "",  # AWS_LAMBDA_MAX_CONCURRENCY as given
        concurrency_mode: str = "",  # processes, or nothing
        snap_start: bool = False,
        json_logs: bool = False,
        log_level: str = "",
        log_frames: int | None = None,  # the descriptor that takes framed log records
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
