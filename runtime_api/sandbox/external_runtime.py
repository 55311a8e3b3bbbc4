"""The sandbox of an external runtime: somebody else starts it, in an IDE for instance, and its output is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .network.connecting import connect_here

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from . import Launch, Notify
    from .entrypoint import Program

__all__ = ["ExternalRuntime"]


class ExternalRuntime:
    """Starts nothing and stops nothing: the machine of an external runtime never asks for it."""

    def inside(self, path: str | Path) -> str:
        return str(path)

    def arranged(self, program: Program) -> Program:
        return program

    async def open(self, notify: Notify) -> None:
        pass

    def start(self, launch: Launch) -> None:
        pass

    def signal(self, name: str, number: int) -> None:
        pass

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

    async def connect(self, port: int) -> socket.socket:
        return await connect_here(port)

    def belonging(self) -> None:
        """Return None: any process that connects is the runtime."""

    async def close(self) -> None:
        pass
