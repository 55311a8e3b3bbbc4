"""No process of ours: the runtime is started by somebody else, in an IDE say, and its output is its own."""

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
    """Starts nothing and kills nothing: what is to be stopped is forgotten instead."""

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

    def throttle(self, wait: bool) -> None:
        pass

    def freeze(self, still: bool) -> None:
        pass

    def peak_bytes(self) -> int:
        return 0

    async def close(self) -> None:
        pass
