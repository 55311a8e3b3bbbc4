"""What the processes of a case are doing: they are known by the address of their Runtime API. Linux only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["are_running", "processes_of"]


def processes_of(address: str) -> list[Path]:
    """The folders in /proc of the processes that were given this AWS_LAMBDA_RUNTIME_API."""
    mark = f"AWS_LAMBDA_RUNTIME_API={address}\0".encode()
    return [folder for folder in Path("/proc").glob("[0-9]*") if mark in _read(folder / "environ")]


def are_running(processes: Iterable[Path]) -> bool:
    """Whether a thread of theirs runs, or would if it had a processor: how busy the machine is does not matter."""
    return any(
        _read(stat).rpartition(b") ")[2][:1] == b"R" for process in processes for stat in process.glob("task/*/stat")
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
