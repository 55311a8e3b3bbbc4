"""The extensions of a world: what the machine may do with them, and what they do, well or badly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import platform_events as log
from runtime_api.protocol.extension_states import ExtensionMove
from runtime_api.protocol.extensions import extension_name, process_name
from runtime_api.protocol.registration import Registration
from runtime_api.protocol.starting import RUNTIME
from runtime_api.protocol.timers import Timer

from .calls import CallingWorld, refusal_of
from .extension_oracle import LIMIT, Extension, event_refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ExtensionWorld"]

SHUTDOWN_MS, SHARE_MS, INTERNAL_MS = 2000.0, 300.0, 500.0
EVENTS: Sequence[tuple[str, ...]] = (("INVOKE",), ("SHUTDOWN",), ("INVOKE", "SHUTDOWN"), (), ("DANCE",))


class ExtensionWorld(CallingWorld):
    """A world whose environment has extensions, some of the time."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.has_extensions = self.dice.random() < 0.6
        some = self.has_extensions and not self.external
        count = self.dice.choice((0, 1, 1, 1, 2, 2, 2, LIMIT + 1)) if some else 0
        self.names = tuple(f"x{number}" for number in range(count))
        self.identifiers = 0
        self.old: list[str] = []  # identifiers of an earlier start
        self.fatal: str | None = None  # the first error that one of them has posted
        self.failures: set[str] = set()  # external extensions that could not be started, and nobody knows it yet
        self.reason = "failure"  # of an end that begins now
        self.over_now: list[tuple[str, list[str]]] = []  # what is over, and who worked on it

    # -- what the machine does

    def initialise(self) -> None:
        """Everything is there for processes to start."""
        self.tell(ev.Initialise(self.names))

    def perform(self, effect: fx.Effect) -> None:
        match effect:
            case fx.Start(name) if name != RUNTIME:
                self.launch(extension_name(name))
            case fx.Start():
                waits = [each.name for each in self.extensions.values() if each.state == "Started"]
                self.require(not waits, f"the runtime starts before {waits} have registered")
                super().perform(effect)
            case fx.SetTimer(Timer.SHUTDOWN, _, at):
                self.require(at == self.began_to_end() + SHUTDOWN_MS, f"all has to end by {at}")
                super().perform(effect)
            case fx.Registered(call, _, _):
                self.answer(call)
            case fx.DeliverInvoke(call, invocation, _):
                self.deliver_invoke(call, invocation.request_id)
            case fx.DeliverShutdown(call, reason, at):
                self.deliver_shutdown(call, reason, at)
            case fx.HangUp(call):
                self.answer(call)
            case fx.Terminate(name):
                self.require(name == RUNTIME and bool(self.extensions), "SIGTERM is for a runtime beside extensions")
                self.require(self.alive and not self.dying, "SIGTERM without a running process")
                self.begin_end()
            case fx.Stop(name) if name != RUNTIME:
                self.kill(self.extensions[extension_name(name)])
            case fx.Stop():
                self.stop_runtime()
            case fx.Settled(request_id):
                self.require(request_id in self.unsettled, f"{request_id} is settled twice, or was not answered")
                self.unsettled.remove(request_id)
                working = self.working_on(request_id) if request_id not in self.over else []
                self.require(not working, f"{request_id} is settled, and {working} work on it")
            case _:
                super().perform(effect)

    def launch(self, name: str) -> None:
        """An external extension starts: all of them, in order, before the runtime."""
        self.require(not self.alive, "extensions start before the runtime")
        expected = self.names[:LIMIT][len(self.extensions)]
        self.require(name == expected, f"{name} starts, {expected} should")
        self.extensions[name] = Extension(name, internal=False)
        if self.dice.random() < 0.05:
            self.failures.add(name)

    def deliver_invoke(self, call: ev.Call, request_id: str) -> None:
        extension = self.who_waits(call)
        self.require("INVOKE" in extension.events, f"{extension.name} has not subscribed to INVOKE")
        self.require(request_id in self.oracle.invocation_ids, "INVOKE is about an invocation in hand")
        self.require(request_id not in extension.given, f"{extension.name} gets {request_id} twice")
        self.require(not self.initialising, "INVOKE comes after the init")
        extension.given.add(request_id)
        extension.state, extension.current = "Running", request_id

    def deliver_shutdown(self, call: ev.Call, reason: str, at: float) -> None:
        extension = self.who_waits(call)
        self.require("SHUTDOWN" in extension.events, f"{extension.name} has not subscribed to SHUTDOWN")
        self.require(not self.alive, "SHUTDOWN comes when the runtime has ended")
        self.require(at == self.began_to_end() + SHUTDOWN_MS, f"SHUTDOWN has the deadline {at}")
        self.require(reason == self.reason, f"SHUTDOWN says {reason}, expected {self.reason}")
        self.require(not extension.told, f"{extension.name} is told twice")
        extension.state, extension.told = "Running", True

    def began_to_end(self) -> float:
        """When the end of all processes began: now, if this is the first sign of it."""
        if self.ending_at is None:
            self.ending_at = self.now
        return self.ending_at

    def who_waits(self, call: ev.Call) -> Extension:
        self.answer(call)
        found = [each for each in self.extensions.values() if each.call == call]
        self.require(len(found) == 1 and found[0].state == "Ready", "an event goes to an extension that waits")
        found[0].call = found[0].owed = None
        return found[0]

    def kill(self, extension: Extension) -> None:
        self.require(extension.alive, f"{extension.name} is killed and does not run")
        self.require(not self.alive, "extensions are killed after the runtime")
        in_time = "SHUTDOWN" in extension.events and self.now < self.began_to_end() + SHUTDOWN_MS
        self.require(not in_time, f"{extension.name} is killed before its time is up")
        extension.dying = True

    def stop_runtime(self) -> None:
        """SIGKILL: at once without extensions, else when its share of the time is up."""
        if self.extensions:
            external = any(not each.internal for each in self.extensions.values())
            self.require(self.alive and self.dying, "SIGKILL comes after SIGTERM")
            share = SHARE_MS if external else INTERNAL_MS
            self.require(self.now >= self.began_to_end() + share, "SIGKILL comes when the runtime's share is up")
        else:
            self.require(self.alive and not self.dying, "Stop without a running process")
            self.begin_end()

    def begin_end(self) -> None:
        self.dying = True
        self.began_to_end()
        self.oracle.leave("Stopping")

    # -- what holds at any time

    def tell(self, event: ev.Event) -> list[fx.Effect]:
        effects = super().tell(event)
        over_now, self.over_now = self.over_now, []
        for request_id, working in over_now:
            ends = self.ending_at is not None or self.shut or self.external
            self.require(ends or not working, f"{request_id} is over, and {working} work on it")
        if self.ending_at is not None and not self.running:
            self.forget()
        self.check_extensions()
        return effects

    def forget(self) -> None:
        """Nothing runs any more: nobody knows an extension's identifier."""
        self.old += [each.identifier for each in self.extensions.values() if each.identifier]
        self.extensions.clear()

    def end_invocation(self, request_id: str) -> None:
        is_settled = request_id in self.outcomes and request_id not in self.unsettled  # nobody works on it any more
        self.over_now.append((request_id, [] if is_settled else self.working_on(request_id)))
        super().end_invocation(request_id)
        for extension in self.extensions.values():
            if extension.owed == request_id:
                extension.owed = None

    def check_extensions(self) -> None:
        """What follows from all that has happened so far has been done."""
        all_back = all(each.is_back for each in self.extensions.values())
        ready = self.oracle.state == "Ready" and all_back
        self.require(not (self.initialising and ready), "an init ends when everybody waits")
        launched = all(each.state != "Started" for each in self.extensions.values())
        absent = self.oracle.state == "Absent"
        self.require(not (self.initialising and launched and absent), "the runtime starts when all have registered")
        slots = self.slots - len(self.open) - len(self.unsettled)
        self.require(self.machine.free_slots == slots, f"{self.machine.free_slots} slots are free, not {slots}")
        for request_id in self.oracle.invocation_ids:
            if request_id in self.outcomes and self.ending_at is None and not self.working_on(request_id):
                self.require(request_id not in self.unsettled, f"{request_id} should be settled")
                self.require(self.oracle.state != "Ready", f"{request_id} should be over")
        for extension in self.extensions.values():
            waits = extension.state == "Ready" and extension.owed is not None
            self.require(not waits, f"{extension.name} waits, and is owed {extension.owed}")
        if self.ending_at is not None and not self.alive:
            self.check_the_end_of_extensions()

    def check_the_end_of_extensions(self) -> None:
        """The runtime has ended: the extensions are told, or killed."""
        if not self.running:
            self.require(self.machine.phase not in ("reset", "shutdown"), "an end is over when nothing runs")
        for extension in [each for each in self.extensions.values() if each.alive]:
            subscribed = "SHUTDOWN" in extension.events
            untold = subscribed and extension.state == "Ready" and not (extension.told or extension.dying)
            self.require(not untold, f"{extension.name} waits, and is not told that everything ends")
            self.require(subscribed or extension.dying, f"{extension.name} has not subscribed, and is not killed")

    def note(self, record: log.Record) -> None:
        super().note(record)
        if isinstance(record, log.InitStart):
            self.require(not any(each.alive for each in self.extensions.values()), "an init starts from nothing")
            self.forget()
            self.fatal = self.ending_at = None
            self.reason = "failure"
        elif isinstance(record, log.InitReport):
            self.initialising = self.registration_open = False
            if record.status == "success":
                behind = [each.name for each in self.extensions.values() if not each.is_back]
                self.require(not behind, f"the init ends without {behind}")
                for request_id in self.oracle.invocation_ids:
                    self.owe_invoke(request_id)
        elif isinstance(record, log.Extension):
            known = self.external or record.state == self.extensions[record.name].aws_name
            self.require(known, f"{record} has another state")
        elif isinstance(record, log.Start) and not self.initialising:
            self.owe_invoke(record.request_id)

    def owe_invoke(self, request_id: str) -> None:
        """An invocation's event is due; those who do not wait get it when they call."""
        for extension in self.extensions.values():
            if "INVOKE" in extension.events and request_id not in extension.given:
                extension.owed = request_id

    # -- what extensions do

    def call_register(self) -> None:
        names = [*self.names[:LIMIT], "inside", "another", "third"]
        name = self.dice.choice(names if self.has_extensions else ["inside"])
        self.register(name, self.dice.choice(EVENTS))

    def register(self, name: str, events: tuple[str, ...]) -> None:
        extension = self.extensions.get(name)
        internal = extension is None or extension.internal
        self.identifiers += 1
        event = ev.RegisterCalled(self.new_call(), Registration(name, events), f"id{self.identifiers}")
        expected = event_refusal(events, internal=internal, concurrent=self.oracle.concurrent)
        if expected is None and internal:
            if not self.registration_open:
                expected = "Extension registration closed already"
            elif extension is not None:
                expected = "Extension with this name already registered"
            elif len(self.extensions) >= LIMIT:
                expected = f"Extension limit ({LIMIT}) reached"
        if expected is None and extension is not None and extension.after("register") is None:
            expected = extension.refusal_text("register", name)
        if expected is not None:
            self.expect_extension_refusal(event, expected)
            return
        extension = extension or Extension(name, internal=True)
        self.extensions[name] = extension
        extension.state, extension.identifier, extension.events = "Registered", event.identifier, events
        effects = self.tell(event)
        self.require(fx.Registered(event.call, event.identifier, False) in effects, f"{name} registers")

    def any_identifier(self) -> str:
        known = [each.identifier for each in self.extensions.values() if each.identifier]
        return self.dice.choice([*known * 6, *self.old[-1:], "nobody"])

    def identified(self, identifier: str) -> Extension | None:
        return next((each for each in self.extensions.values() if each.identifier == identifier), None)

    def call_event_next(self, identifier: str = "") -> None:
        identifier = identifier or self.any_identifier()
        extension = self.identified(identifier)
        event = ev.EventNextCalled(self.new_call(), identifier)
        if extension is None:
            self.expect_extension_refusal(event, f"Unknown extension {identifier}")
        elif extension.after("event/next") is None:
            self.expect_extension_refusal(event, extension.refusal_text("event/next", identifier))
        else:
            extension.state, extension.call = "Ready", event.call
            effects = self.tell(event)
            self.require(refusal_of(effects, event.call) is None, "an allowed event/next is not refused")

    def call_extension_error(self, identifier: str = "") -> None:
        identifier = identifier or self.any_identifier()
        extension = self.identified(identifier)
        word, move = self.dice.choice(
            (("init/error", ExtensionMove.INIT_ERROR), ("exit/error", ExtensionMove.EXIT_ERROR))
        )
        event = ev.ExtensionErrorPosted(self.new_call(), identifier, move)
        after = None if extension is None else extension.after(word)
        if extension is None:
            self.expect_extension_refusal(event, "Unknown Lambda-Extension-Identifier")
        elif after is None:
            self.expect_extension_refusal(event, extension.refusal_text(word, identifier))
        else:
            extension.state = after
            self.fatal = self.fatal or ("Extension.InitError" if word == "init/error" else "Extension.ExitError")
            effects = self.tell(event)
            self.require(effects[0] == fx.Accept(event.call), f"{word} is accepted")
            self.require(self.external or len(effects) == 1, "and ends nothing by itself")

    def drop_event_next(self) -> None:
        waiting = [each for each in self.extensions.values() if each.call is not None]
        if waiting:
            extension = self.dice.choice(waiting)
            call, extension.call = extension.call, None
            assert call is not None
            self.unanswered.discard(call)
            if extension.state == "Ready":
                extension.state = "Away"
            self.require(self.tell(ev.CallDropped(call)) == [], "a call whose peer has gone is forgotten")
            if self.dice.random() < 0.3:
                self.call_extension_error(extension.identifier)

    def exit_extension(self, name: str = "") -> None:
        """The process of an external extension exits: killed, asked to, or by itself."""
        alive = [each.name for each in self.extensions.values() if each.alive]
        if alive:
            name = name or self.dice.choice(alive)
            if name in self.failures:
                self.failures.remove(name)
                self.extension_gone(name, ev.StartFailed(process_name(name), "Runtime.InvalidEntrypoint", "denied"))
                return
            dying = self.extensions[name].dying
            status = ev.ExitStatus(None, 9) if dying else ev.ExitStatus(self.dice.choice((0, 1)))
            self.extension_gone(name, ev.ProcessExited(process_name(name), status))

    def extension_gone(self, name: str, event: ev.StartFailed | ev.ProcessExited) -> None:
        extension = self.extensions[name]
        struck = list(self.oracle.invocation_ids) if self.ending_at is None else []
        failed = isinstance(event, ev.StartFailed)
        if not self.alive:
            self.began_to_end()
        expected = self.fatal or ("Extension.LaunchError" if failed else "Extension.Crash")
        open_before = [each for each in struck if each in self.open]
        extension.end("LaunchError" if failed and extension.state == "Started" else "Exited")
        self.tell(event)
        for request_id in struck:
            self.require(request_id in self.over, "an invocation is over when an extension has crashed")
        for request_id in open_before:
            told = self.outcomes[request_id].fault
            posted = self.outcomes[request_id].error_type == "Runtime.Oops"
            self.require(posted or (told is not None and told.error_type == expected), f"{told} should be {expected}")

    def expect_extension_refusal(self, event: Any, expected: str) -> None:
        """The call gets a refusal with this text, nothing else happens, and the machine is as it was."""
        before = repr(self.machine), dict(self.timers)
        effects = self.tell(event)
        texts = [each.refusal.message for each in effects if isinstance(each, fx.Refuse) and each.call == event.call]
        self.require(len(effects) == 1 and texts == [expected], f"{event} got {effects}, expected {expected}")
        self.require(before == (repr(self.machine), dict(self.timers)), "a refused call changed something")

    # -- what happens to processes, and time

    def gone(self, event: ev.StartFailed | ev.ProcessExited) -> None:
        for extension in self.extensions.values():
            if extension.internal:
                extension.end("Exited")
        super().gone(event)

    def fire(self, timer: Timer, key: str) -> None:
        failed = self.init_apart and self.oracle.state in ("InitError", "RuntimeRestoreErrorState")
        if self.ending_at is None and not failed:
            self.reason = "timeout"
        super().fire(timer, key)
        if self.ending_at is None:
            self.reason = "failure"
        elif self.now >= self.ending_at + SHUTDOWN_MS and timer is Timer.SHUTDOWN and not self.alive:
            left = [each.name for each in self.extensions.values() if each.alive and not each.dying]
            self.require(not left, f"{left} should have been killed")

    def shut_down(self) -> None:
        if self.ending_at is None:
            self.reason = "spindown"
        super().shut_down()
        if self.external:
            self.forget()

    # -- good extensions

    def behave_well(self) -> bool:
        """The next thing that good extensions do; False when it is for others to go on."""
        for extension in list(self.extensions.values()):
            failed = extension.name in self.failures or extension.state.endswith("Error")
            if extension.alive and (extension.dying or extension.told or failed):
                self.exit_extension(extension.name)
            elif extension.internal and failed and self.alive:
                self.exit_process()
            elif extension.state == "Started" and self.ending_at is None:
                self.register(extension.name, ("SHUTDOWN",) if self.oracle.concurrent else ("INVOKE", "SHUTDOWN"))
            elif extension.state in ("Registered", "Away", "Running"):
                self.call_event_next(extension.identifier)
            else:
                continue
            return True
        return False
