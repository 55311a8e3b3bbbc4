"""What an environment knows of the parts that `local` gives it: who answers calls, the port, and the log.

Each is a protocol, because the parts stand higher up (`web`) or beside it (`sinks`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import socket

    from runtime_api.protocol import effects as fx
    from runtime_api.protocol.journal import Entry
    from runtime_api.sandbox import Sandbox

    from .streams import Flow

__all__ = ["CallResponder", "ExtensionResponder", "Log", "RuntimeApiListener", "SubscriptionResponder"]


class CallResponder(Protocol):
    """Answers the runtime's calls."""

    def accept(self, effect: fx.Accept) -> None: ...
    def refuse(self, effect: fx.Refuse) -> None: ...
    def deliver(self, effect: fx.Deliver) -> None: ...
    def restore(self, effect: fx.Restore) -> None: ...
    def open_stream(self, effect: fx.OpenStream) -> Flow: ...  # the call's body comes as BodyPiece from now on
    def switch_off_extensions(self) -> None: ...  # for good, internal ones and telemetry too
    @property
    def extensions(self) -> ExtensionResponder: ...
    @property
    def subscriptions(self) -> SubscriptionResponder: ...


class ExtensionResponder(Protocol):
    """Answers the calls of extensions."""

    def register(self, effect: fx.Registered) -> None: ...
    def deliver_invoke(self, effect: fx.DeliverInvoke) -> None: ...
    def deliver_shutdown(self, effect: fx.DeliverShutdown) -> None: ...
    def hang_up(self, effect: fx.HangUp) -> None: ...


class SubscriptionResponder(Protocol):
    """Answers subscriptions to telemetry."""

    def subscribed(self, effect: fx.Subscribe) -> None: ...


class RuntimeApiListener(Protocol):
    """The port behind AWS_LAMBDA_RUNTIME_API."""

    @property
    def has_unread(self) -> bool: ...
    async def listen(self, host: str, port: int, listener: socket.socket | None = None) -> tuple[str, int]: ...
    async def close(self) -> None: ...


class Log(Protocol):
    """A consumer of the journal that writes it down; it may ask processes to wait until it has."""

    def consume(self, entry: Entry) -> None: ...
    def write(self, lines: bytes) -> None: ...  # whole lines of the server's own
    def attach(self, source: Sandbox) -> None: ...
    def detach(self, source: Sandbox) -> None: ...
