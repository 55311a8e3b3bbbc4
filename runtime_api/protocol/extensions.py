"""The extensions of one environment: what each may call now, and who gets which event.

Theory. `ExtensionMachine` is one extension, and refuses with values like `RuntimeMachine`. `Extensions` has all of
them by name, the external ones from their launch on, the internal ones from their registration on. An event for an
extension whose /event/next does not wait is owed to it, until it calls. An extension is back when it is owed nothing
and waits, or has waited: an invocation is over when the runtime and everybody who has subscribed to INVOKE are back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import effects as fx
from . import platform_events as log
from .errors import (
    NAME_TAKEN,
    REGISTRATION_CLOSED,
    UNKNOWN_IDENTIFIER,
    ErrorType,
    MisuseError,
    Refusal,
    invalid_extension_transition,
    too_many_extensions,
    unknown_extension,
)
from .extension_states import ExtensionMove, ExtensionState
from .registration import EVENTS, INVOKE, SHUTDOWN, event_refusal
from .subscriptions import closed, other_api, read_subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import events as ev
    from .attempts import InvokeAttempt
    from .settings import FunctionSettings
    from .states import Tables
    from .subscriptions import Subscription, TelemetryApi

    Delivery = Callable[[ev.Call], fx.Effect]

__all__ = ["ExtensionMachine", "Extensions", "extension_name", "process_name"]

# What a refused call would have moved to, for the text of the refusal.
_WANTED = {
    ExtensionMove.REGISTER: ExtensionState.REGISTERED,
    ExtensionMove.NEXT: ExtensionState.READY,
    ExtensionMove.INIT_ERROR: ExtensionState.INIT_ERROR,
    ExtensionMove.EXIT_ERROR: ExtensionState.EXIT_ERROR,
}
_ERROR_TYPES = {
    ExtensionMove.INIT_ERROR: ErrorType.EXTENSION_INIT_ERROR,
    ExtensionMove.EXIT_ERROR: ErrorType.EXTENSION_EXIT_ERROR,
}
_ENDED = frozenset({ExtensionState.EXITED, ExtensionState.LAUNCH_ERROR})
_BACK = frozenset({ExtensionState.READY, ExtensionState.AWAY})
_FOLDER = "extensions/"


def process_name(extension: str) -> str:
    """The name of an external extension's process; never the runtime's, whatever the file is called."""
    return _FOLDER + extension


def extension_name(process: str) -> str:
    """The name of the external extension whose process has this name."""
    return process.removeprefix(_FOLDER)


class ExtensionMachine:
    """One extension. `identifier` is empty until it has registered."""

    def __init__(self, name: str, tables: Tables, *, internal: bool) -> None:
        self.name = name
        self.internal = internal
        self.identifier = ""
        self.events: tuple[str, ...] = ()  # that it has subscribed to
        self.state = ExtensionState.STARTED
        self.error_type: str | None = None  # what it died of
        self.telemetry: TelemetryApi | None = None  # the one that it has subscribed with
        self._rows = tables.extension
        self._call: ev.Call | None = None  # its /event/next, while it waits
        self._owed: Delivery | None = None

    def __repr__(self) -> str:
        return f"{self.name} {self.state}"

    @property
    def is_back(self) -> bool:
        """Whether it has done its work, and waits or has waited for more."""
        return self.state in _BACK and self._owed is None

    def ask(self, move: ExtensionMove, named: str = "") -> Refusal | None:
        """Make the move that a call of the extension asks for, or say why not."""
        after = self._rows[self.state].get(move)
        if after is None:
            return invalid_extension_transition(self.state, _WANTED[move], named or self.identifier)
        self.state = after
        return None

    def move(self, move: ExtensionMove) -> None:
        """Make a move that the platform decides on; MisuseError when the table does not have it."""
        after = self._rows[self.state].get(move)
        if after is None:
            raise MisuseError(f"{move!r} does not follow in {self!r}")
        self.state = after

    def park(self, call: ev.Call) -> list[fx.Effect]:
        """Let a call of /event/next wait that `ask` has allowed, unless an event is owed."""
        self._call = call
        owed, self._owed = self._owed, None
        return self.give(owed) if owed is not None else []

    def give(self, delivery: Delivery) -> list[fx.Effect]:
        """Give it an event: now if it waits, else when it calls. What is owed already is replaced."""
        if self.state is not ExtensionState.READY or self._call is None:
            self._owed = delivery
            return []
        self.move(ExtensionMove.DELIVER)
        call, self._call = self._call, None
        return [delivery(call)]

    def owe_nothing(self) -> None:
        """Forget the event that it has not got."""
        self._owed = None

    def drop(self, call: ev.Call) -> bool:
        """Forget this call if it is the one that waits; whether it was."""
        if self._call != call:
            return False
        self._call = None
        if self.state is ExtensionState.READY:
            self.move(ExtensionMove.DROP)
        return True

    def gone(self, move: ExtensionMove) -> list[fx.Effect]:
        """Its process has ended, or could not be started."""
        self.move(move)
        return self.hang_up()

    def hang_up(self) -> list[fx.Effect]:
        """Let go of the call that waits, if there is one."""
        call, self._call = self._call, None
        return [] if call is None else [fx.HangUp(call)]

    def subscribed(self, subscription: Subscription | Refusal) -> Subscription | Refusal:
        """Judge a subscription by the earlier ones: each extension keeps to one of the two APIs."""
        if isinstance(subscription, Refusal) or self.telemetry in (None, subscription.api):
            return subscription
        return other_api(subscription.api, self.telemetry)

    def record(self) -> log.Record:
        """Describe how far it has come."""
        events = tuple(event for event in EVENTS if event in self.events)
        return log.Extension(self.name, self.state.aws_name, events, self.error_type)


class Extensions:
    """All extensions of one environment, by name."""

    def __init__(self, tables: Tables, settings: FunctionSettings) -> None:
        self.by_name: dict[str, ExtensionMachine] = {}
        self.subscribers: tuple[ExtensionMachine, ...] = ()  # to INVOKE
        self.fatal: ErrorType | None = None  # the first error that one of them has posted
        self._tables = tables
        self._settings = settings

    def __repr__(self) -> str:
        return f"extensions {list(self.by_name.values())}"

    def __bool__(self) -> bool:
        return bool(self.by_name)

    @property
    def external(self) -> list[ExtensionMachine]:
        """Those whose processes have been started and have not ended, in the order of their start."""
        return [each for each in self.by_name.values() if not each.internal and each.state not in _ENDED]

    @property
    def all_internal(self) -> bool:
        """Whether none of them has, or has had, a process of its own."""
        return all(each.internal for each in self.by_name.values())

    @property
    def all_registered(self) -> bool:
        """Whether none is left that was launched and has not registered."""
        return all(each.state is not ExtensionState.STARTED for each in self.by_name.values())

    @property
    def all_back(self) -> bool:
        """Whether each of them waits, or has waited, in /event/next."""
        return all(each.is_back for each in self.by_name.values())

    @property
    def subscribers_back(self) -> bool:
        """Whether none of them works on an invocation."""
        return all(each.is_back for each in self.subscribers)

    def launch(self, names: tuple[str, ...]) -> list[fx.Effect]:
        """Start the external extensions, one after the other."""
        for name in names:
            self.by_name[name] = ExtensionMachine(name, self._tables, internal=False)
        return [fx.Start(process_name(name)) for name in names]

    def register(self, event: ev.RegisterCalled, *, is_open: bool) -> list[fx.Effect]:
        """Register an external extension that was launched, or else an internal one, while registration is open."""
        registration = event.registration
        extension = self.by_name.get(registration.name)
        internal = extension is None or extension.internal
        concurrent = self._settings.max_concurrency > 0
        refusal = event_refusal(registration.events, internal=internal, concurrent=concurrent)
        if refusal is None and internal:
            refusal = self._internal_refusal(extension, is_open=is_open)
        extension = extension or ExtensionMachine(registration.name, self._tables, internal=True)
        refusal = refusal or extension.ask(ExtensionMove.REGISTER, extension.name)
        if refusal is not None:
            return [fx.Refuse(event.call, refusal)]
        extension.identifier, extension.events = event.identifier, registration.events
        self.by_name[extension.name] = extension
        if INVOKE in registration.events:
            self.subscribers = (*self.subscribers, extension)
        return [fx.Registered(event.call, event.identifier, registration.wants_account)]

    def _internal_refusal(self, namesake: ExtensionMachine | None, *, is_open: bool) -> Refusal | None:
        if not is_open:
            return REGISTRATION_CLOSED
        if namesake is not None:
            return NAME_TAKEN
        most = self._settings.limits.extensions
        return too_many_extensions(most) if len(self.by_name) >= most else None

    def identified(self, identifier: str) -> ExtensionMachine | None:
        """The extension that has this identifier."""
        return next((each for each in self.by_name.values() if each.identifier == identifier), None)

    def subscribe(self, event: ev.SubscribeCalled, runtime: str, *, is_open: bool) -> list[fx.Effect]:
        """Subscribe one of them to telemetry, while that is open; internal ones are in the runtime's process."""
        extension = self.identified(event.identifier)
        if extension is None:
            return [fx.Refuse(event.call, unknown_extension(event.identifier))]
        concurrent = self._settings.max_concurrency > 0
        subscription = extension.subscribed(read_subscription(event.api, event.body, concurrent=concurrent))
        if isinstance(subscription, Refusal) or not is_open:
            refusal = subscription if isinstance(subscription, Refusal) else closed(event.api)
            return [fx.Refuse(event.call, refusal)]
        extension.telemetry = event.api
        process = runtime if extension.internal else process_name(extension.name)
        return [
            fx.Emit((log.TelemetrySubscription(event.api, extension.name, subscription.types),)),
            fx.Subscribe(event.call, extension.name, process, subscription),
        ]

    def next(self, event: ev.EventNextCalled) -> list[fx.Effect]:
        """One of them waits for its next event."""
        extension = self.identified(event.identifier)
        if extension is None:
            return [fx.Refuse(event.call, unknown_extension(event.identifier))]
        refusal = extension.ask(ExtensionMove.NEXT)
        return extension.park(event.call) if refusal is None else [fx.Refuse(event.call, refusal)]

    def error(self, event: ev.ExtensionErrorPosted) -> Refusal | None:
        """One of them has failed: an exit is expected, and gets this type (spec 4)."""
        extension = self.identified(event.identifier)
        refusal = UNKNOWN_IDENTIFIER if extension is None else extension.ask(event.move)
        if refusal is None:
            self.fatal = self.fatal or _ERROR_TYPES[event.move]
        return refusal

    def drop(self, call: ev.Call) -> None:
        """The peer of this call has gone."""
        any(each.drop(call) for each in self.by_name.values())

    def invoke(self, attempt: InvokeAttempt) -> list[fx.Effect]:
        """Give the INVOKE event to everybody who has subscribed to it."""
        invocation, deadline_ms = attempt.invocation, attempt.deadline_ms
        effects: list[fx.Effect] = []
        for extension in self.subscribers:
            effects += extension.give(lambda call: fx.DeliverInvoke(call, invocation, deadline_ms))
        return effects

    def call_off(self) -> None:
        """No invocation is in hand any more: nobody is owed an event of one."""
        for extension in self.subscribers:
            extension.owe_nothing()

    def shut_down(self, reason: fx.ShutdownReason, at: float) -> list[fx.Effect]:
        """Give the SHUTDOWN event to everybody who has subscribed to it, and kill the others."""
        effects: list[fx.Effect] = []
        for extension in self.external:
            if SHUTDOWN in extension.events:
                effects += extension.give(lambda call: fx.DeliverShutdown(call, reason, at))
            else:
                effects.append(fx.Stop(process_name(extension.name)))
        return effects

    def kill(self) -> list[fx.Effect]:
        """Kill the processes that still run."""
        return [fx.Stop(process_name(each.name)) for each in self.external]

    def exited(self, process: str, move: ExtensionMove, error_type: str) -> list[fx.Effect]:
        """The process of an external extension has ended, or could not be started."""
        extension = self.by_name[extension_name(process)]
        extension.error_type = error_type
        # Another process may have registered under the name of one that turns out not to have started.
        return extension.gone(move if extension.state is ExtensionState.STARTED else ExtensionMove.EXIT)

    def runtime_gone(self) -> list[fx.Effect]:
        """Internal extensions end with the runtime's process; the subscribers work on nothing any more."""
        effects: list[fx.Effect] = []
        for extension in [each for each in self.by_name.values() if each.internal]:
            effects += extension.gone(ExtensionMove.EXIT)
        return effects

    def forget(self) -> list[fx.Effect]:
        """Every process has ended; a call may still wait that came after its process was counted as gone."""
        left = [each.hang_up() for each in self.by_name.values()]
        self.by_name.clear()
        self.subscribers = ()
        self.fatal = None
        return [effect for effects in left for effect in effects]
