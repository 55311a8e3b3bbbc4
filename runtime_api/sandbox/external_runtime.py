"""The sandbox of a runtime that somebody else starts, in an IDE for example: it has no processes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.protocol.events import ExitStatus

from . import Exited

if TYPE_CHECKING:
    from pathlib import Path

    from . import Launch, Notify
    from .entrypoint import Program

__all__ = ["ExternalRuntime"]


class ExternalRuntime:
    """Starts nothing and kills nothing: a signal only reports the runtime as ended by it."""

    def __init__(self) -> None:
        self._notify: Notify = lambda _event: None

    def inside(self, path: str | Path) -> str:
        return str(path)

    def arranged(self, program: Program) -> Program:
        return program

    async def open(self, notify: Notify) -> None:
        self._notify = notify

    def start(self, launch: Launch) -> None:
        pass

    def signal(self, name: str, number: int) -> None:
        self._notify(Exited(name, ExitStatus(None, number), 0))

    def drain(self) -> None:
        pass

    def pause_output(self) -> None:
        pass

    def resume_output(self) -> None:
        pass

    def freeze(self) -> None:
        pass

    def thaw(self) -> None:
        pass

    def peak_bytes(self) -> int:
        return 0

    async def close(self) -> None:
        pass
