"""Finds the processes of a case in /proc by their AWS_LAMBDA_RUNTIME_API, and whether they run. Linux only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["are_running", "pids_of", "processes_of"]


def processes_of(address: str) -> list[Path]:
    """The /proc folders of the processes whose environment has this AWS_LAMBDA_RUNTIME_API."""
    mark = f"AWS_LAMBDA_RUNTIME_API={address}\0".encode()
    return [folder for folder in Path("/proc").glob("[0-9]*") if mark in _read(folder / "environ")]


def pids_of(address: str) -> list[int]:
    """The ids of the same processes."""
    return [int(folder.name) for folder in processes_of(address)]


def are_running(processes: Iterable[Path]) -> bool:
    """Whether one of their threads is runnable or waits for a disk, however busy the machine is."""
    stats = (stat for process in processes for stat in process.glob("task/*/stat"))
    return any(_read(stat).rpartition(b") ")[2][:1] in (b"R", b"D") for stat in stats)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
