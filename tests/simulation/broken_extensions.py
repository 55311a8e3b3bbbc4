"""Machines that get one thing wrong about extensions each, by the name of what they do; the tables are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.protocol import effects as fx
from runtime_api.protocol.environment import EnvironmentMachine
from runtime_api.protocol.extensions import Extensions

if TYPE_CHECKING:
    from runtime_api.protocol import events as ev
    from runtime_api.protocol.errors import Refusal

__all__ = ["BROKEN_EXTENSIONS"]


class WithExtensions(EnvironmentMachine):
    """A machine that is wrong about its extensions."""

    kind: type[Extensions] = Extensions

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.extensions.__class__ = self.kind


class OwesWhatIsOver(WithExtensions):
    class kind(Extensions):
        def call_off(self) -> None:
            pass


class TellsNobodyOfTheEnd(WithExtensions):
    class kind(Extensions):
        def shut_down(self, reason: fx.ShutdownReason, at: float) -> list[fx.Effect]:
            return [each for each in super().shut_down(reason, at) if not isinstance(each, fx.DeliverShutdown)]


class SaysAnotherReason(WithExtensions):
    class kind(Extensions):
        def shut_down(self, reason: fx.ShutdownReason, at: float) -> list[fx.Effect]:
            return super().shut_down(fx.ShutdownReason.SPINDOWN, at)


class KeepsCallsAtTheEnd(WithExtensions):
    class kind(Extensions):
        def forget(self) -> list[fx.Effect]:
            super().forget()
            return []


class ForgetsWhatWasPosted(WithExtensions):
    class kind(Extensions):
        def error(self, event: ev.ExtensionErrorPosted) -> Refusal | None:
            refusal = super().error(event)
            self.fatal = None
            return refusal


class LetsInvocationsGo(WithExtensions):
    class kind(Extensions):
        @property
        def subscribers_back(self) -> bool:
            return True


class NeverLetsInvocationsGo(WithExtensions):
    class kind(Extensions):
        @property
        def subscribers_back(self) -> bool:
            return not self.subscribers


class LetsOthersStay(WithExtensions):
    class kind(Extensions):
        def kill(self) -> list[fx.Effect]:
            return []


class SubscribesAtAnyTime(WithExtensions):
    class kind(Extensions):
        def subscribe(self, event: ev.SubscribeCalled, runtime: str, *, is_open: bool) -> list[fx.Effect]:
            return super().subscribe(event, runtime, is_open=True)


class MixesTheTwoApis(WithExtensions):
    class kind(Extensions):
        def subscribe(self, event: ev.SubscribeCalled, runtime: str, *, is_open: bool) -> list[fx.Effect]:
            for each in self.by_name.values():
                each.telemetry = None
            return super().subscribe(event, runtime, is_open=is_open)


class SubscribesTheRuntime(WithExtensions):
    class kind(Extensions):
        def subscribe(self, event: ev.SubscribeCalled, runtime: str, *, is_open: bool) -> list[fx.Effect]:
            effects = super().subscribe(event, runtime, is_open=is_open)
            return [
                structs.replace(each, process=runtime) if isinstance(each, fx.Subscribe) else each for each in effects
            ]


class TakesCrashesForNothing(EnvironmentMachine):
    def _extension_gone(self, *arguments: Any) -> list[fx.Effect]:
        effects = super()._extension_gone(*arguments)
        return [each for each in effects if not isinstance(each, fx.Complete)]


BROKEN_EXTENSIONS = (
    OwesWhatIsOver,
    TellsNobodyOfTheEnd,
    SaysAnotherReason,
    KeepsCallsAtTheEnd,
    ForgetsWhatWasPosted,
    LetsInvocationsGo,
    NeverLetsInvocationsGo,
    LetsOthersStay,
    SubscribesAtAnyTime,
    MixesTheTwoApis,
    SubscribesTheRuntime,
    TakesCrashesForNothing,
)
