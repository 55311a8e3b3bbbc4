"""One execution environment in a world of chance: virtual time, a runtime that may do anything, a caller.

The machine is driven only through `receive`, its effects are performed on paper. Whatever the dice say, the rules
checked here must hold; `Broken` says which one did not. Nothing here waits, so thousands of worlds take seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import platform_events as log
from runtime_api.protocol.errors import ErrorType, MisuseError
from runtime_api.protocol.lifecycle import RUNTIME, Lifecycle
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.protocol.states import TRANSITIONS, Phase, Tables

from .oracle import Oracle

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = ["Broken", "World"]

TIMEOUT_MS = 3000.0
INIT_MS = 10_000.0
EPOCH_MS = 1_700_000_000_000.0


class Broken(AssertionError):
    """A rule did not hold."""


class World:
    """The environment, its process, its open calls and its clock."""

    def __init__(self, dice: random.Random, tables: Tables = TRANSITIONS) -> None:
        self.dice = dice
        self.now = 1000.0
        self.init_in_invoke = self.dice.random() < 0.3
        plan = FunctionSettings("f", timeout_ms=TIMEOUT_MS, init_ms=None if self.init_in_invoke else INIT_MS)
        self.machine = Lifecycle(plan, tables)
        self.oracle = Oracle()
        self.alive = False  # a process exists
        self.dying = False  # it has been told to stop
        self.shut = self.ended = False
        self.timers: dict[fx.Timer, float] = {}
        self.calls = 0
        self.parked: list[ev.Call] = []
        self.body_of: ev.Call | None = None  # the answer whose body is on its way
        self.unanswered: set[ev.Call | None] = set()
        self.invocations = 0
        self.open: dict[str, float] = {}  # request id -> when it was asked for
        self.began: dict[str, float] = {}
        self.outcomes: dict[str, fx.Outcome] = {}
        self.old_ids: list[str] = []
        self.log: list[tuple[str, str | None]] = []
        self.delivered: str | None = None
        self.inits = 0

    # -- telling the machine, and watching what it says

    def tell(self, event: ev.Event) -> list[fx.Effect]:
        """Give an event to the machine and perform its effects; a rule of its own that it breaks is `Broken` too."""
        try:
            effects = self.machine.receive(event, self.now)
        except (MisuseError, AssertionError) as error:
            raise Broken(f"{event}: {error}") from error
        for effect in effects:
            self.perform(effect)
        if any(isinstance(effect, fx.Start) for effect in effects):
            self.begin_process()
        self.check_delivery()
        return effects

    def perform(self, effect: fx.Effect) -> None:
        """Do on paper what an effect asks for."""
        match effect:
            case fx.Accept(call):
                self.answer(call)
            case fx.Refuse(call, _):
                self.answer(call)
                if call in self.parked:
                    self.parked.remove(call)
                if call == self.body_of:
                    self.body_of = None
            case fx.Deliver(call, invocation, deadline_ms):
                self.deliver(call, invocation, deadline_ms)
            case fx.Complete(outcome):
                self.complete(outcome)
            case fx.SetTimer(timer, at):
                self.timers[timer] = at
            case fx.Stop():
                self.require(self.alive and not self.dying, "Stop without a running process")
                self.dying = True
                self.oracle.state = "Stopping"
                if not self.shut:
                    self.oracle.request_id = None
            case fx.Emit(records):
                for record in records:
                    self.note(record)
            case fx.Ended():
                self.require(not self.alive and self.shut, "Ended with a process alive")
                self.ended = True

    def begin_process(self) -> None:
        """What Start asks for; sometimes it cannot be done."""
        self.require(not self.alive, "Start while a process is alive")
        self.alive, self.dying = True, False
        self.oracle.state = "Started"
        if self.dice.random() < 0.05:
            self.gone(ev.StartFailed(RUNTIME, ErrorType.INVALID_ENTRYPOINT, "no such file"))

    def answer(self, call: ev.Call) -> None:
        self.require(call in self.unanswered, f"call {call} was answered twice, or after its peer had gone")
        self.unanswered.discard(call)

    def deliver(self, call: ev.Call, invocation: ev.Invocation, deadline_ms: int) -> None:
        self.answer(call)
        if call in self.parked:
            self.require(self.parked[0] == call, "the poll that waits longest is served first")
            self.parked.remove(call)
        self.require(invocation.request_id == self.oracle.request_id, "delivered what is not in hand")
        expected = EPOCH_MS + self.began[invocation.request_id] + TIMEOUT_MS
        self.require(abs(deadline_ms - expected) <= 1, f"deadline {deadline_ms}, expected {expected}")
        if self.oracle.state == "Ready":
            self.oracle.state = "Running"
        self.require(self.oracle.state == "Running", f"delivered in {self.oracle.state}")
        self.delivered = invocation.request_id

    def complete(self, outcome: fx.Outcome) -> None:
        request_id = outcome.request_id
        self.require(request_id in self.open, f"{request_id} has a second outcome, or was never asked for")
        del self.open[request_id]
        self.outcomes[request_id] = outcome
        if request_id in self.began:
            took = self.now - self.began[request_id]
            self.require(took <= TIMEOUT_MS + 1e-6, f"{request_id} took {took} ms")

    def note(self, record: log.Record) -> None:
        name = type(record).__name__
        request_id = getattr(record, "request_id", None)
        self.log.append((name, request_id))
        if isinstance(record, log.InitStart):
            self.inits += 1
            inside = self.inits > 1 or self.init_in_invoke
            self.require(record.phase == ("invoke" if inside else "init"), f"init {self.inits} in {record.phase}")
        if isinstance(record, log.Start):
            self.oracle.request_id = record.request_id
            self.oracle.invocation_id = "i" + record.request_id
            self.began[record.request_id] = self.now
            self.delivered = None

    def check_delivery(self) -> None:
        """An event and a poll never wait beside each other."""
        waits = any(request_id != self.delivered for request_id in self.open)
        beside = waits and self.parked and self.oracle.state == "Ready"
        self.require(not beside, "an event waits beside a parked poll")

    def require(self, holds: bool, rule: str) -> None:
        if not holds:
            raise Broken(f"{rule} (at {self.now:.0f} ms, {self.machine!r}, oracle {self.oracle.state})")

    # -- what may happen

    def invoke(self) -> str | None:
        """A caller comes, if there is room for one."""
        if not self.machine.is_free or self.shut:
            return None
        self.invocations += 1
        request_id = f"r{self.invocations}"
        self.open[request_id] = self.now
        self.old_ids.append(request_id)
        invocation = ev.Invocation(request_id, f"i{request_id}", "arn", b"{}", "Root=1")
        self.tell(ev.Invoke(invocation, EPOCH_MS + self.now))
        return request_id

    def new_call(self) -> ev.Call:
        self.calls += 1
        self.unanswered.add(self.calls)
        return self.calls

    def call_next(self) -> None:
        expected = self.oracle.expected("next")
        call = self.new_call()
        if expected[0] == 200:
            running = self.oracle.state == "Running"
            self.oracle.accept("next")
            if not running:
                self.parked.append(call)
            effects = self.tell(ev.NextCalled(call))
            again = [type(effect) for effect in effects] == [fx.Deliver]
            self.require(again or not running, "a next while running gets the event again")
            self.require(_refusal(effects) is None, "an allowed next is not refused")
        else:
            self.expect_refusal("next", ev.NextCalled(call), expected)

    def call_init_error(self) -> None:
        expected = self.oracle.expected("init/error")
        event = ev.InitErrorPosted(self.new_call(), "Runtime.Oops", b"{}")
        if expected[0] == 202:
            self.oracle.accept("init/error")
            effects = self.tell(event)
            self.require(effects == [fx.Accept(event.call)], "init/error is accepted and ends nothing by itself")
        else:
            self.expect_refusal("init/error", event, expected)

    def call_answer(self) -> None:
        """POST response or error: for the right invocation mostly, for another one sometimes."""
        word = self.dice.choice(("response", "response", "error"))
        request_id = self.dice.choice((self.oracle.request_id, self.oracle.request_id, self.any_id())) or "r0"
        invocation_id = self.dice.choice((None, self.oracle.invocation_id, "elsewhere"))
        mode = self.dice.choice((None, None, None, "streaming", "buffered"))
        expected = self.oracle.expected(word, request_id, invocation_id)
        call = self.new_call()
        event: ev.Event
        if word == "response":
            event = ev.ResponseStarted(call, request_id, invocation_id, mode)
        else:
            event = ev.ErrorStarted(call, request_id, invocation_id, "Function.Oops")
        if expected[0] != 202:
            self.expect_refusal(word, event, expected)
            return
        self.oracle.accept(word)
        effects = self.tell(event)
        if word == "response" and mode == "buffered":
            self.require(_refusal(effects) == (400, "InvalidFunctionResponseMode"), "a bad mode is refused")
            self.require(self.told(request_id) == ErrorType.INVALID_RESPONSE_MODE, "and told")
        else:
            self.require(effects == [], "the head of an answer is not answered yet")
            self.body_of = call

    def end_body(self) -> None:
        """The body of an answer comes to its end, one way or another."""
        call, self.body_of = self.body_of, None
        if call is None:
            return
        request_id = self.oracle.request_id
        counts = self.oracle.state in ("InvocationResponse", "InvocationErrorResponse") and request_id in self.open
        ending = self.dice.choice(("finished", "finished", "finished", "too large", "truncated"))
        if not counts:
            effects = self.tell(ev.BodyTruncated(call))
            self.require(effects == [], "a body of an answer that no longer counts changes nothing")
            self.unanswered.discard(call)
            return
        assert request_id is not None
        failed = self.oracle.state == "InvocationErrorResponse"
        if ending == "finished":
            self.oracle.state = "RuntimeResponseSentState"
            effects = self.tell(ev.BodyFinished(call, b"body"))
            status = fx.Status.ERROR if failed else fx.Status.SUCCESS
            self.require(self.outcomes.get(request_id) is not None, "a finished answer is an outcome")
            self.require(self.outcomes[request_id].status == status, f"outcome is {status}")
            self.require(fx.Accept(call) in effects, "and is accepted")
        elif ending == "too large":
            self.oracle.state = "RuntimeResponseSentState"
            effects = self.tell(ev.BodyTooLarge(call))
            self.require(_refusal(effects) == (413, "RequestEntityTooLarge"), "a large body is refused")
            self.require(self.told(request_id) == ErrorType.RESPONSE_TOO_LARGE, "and told")
        else:
            effects = self.tell(ev.BodyTruncated(call))
            self.require(_refusal(effects) == (400, "TruncatedHTTPRequest"), "a truncated body is refused")
            self.require(self.told(request_id) == ErrorType.TRUNCATED_RESPONSE, "and told")

    def told(self, request_id: str) -> str | None:
        """The error type that the caller was given."""
        return self.outcomes[request_id].error_type if request_id in self.outcomes else None

    def drop_call(self) -> None:
        if self.parked:
            call = self.dice.choice(self.parked)
            self.parked.remove(call)
            self.unanswered.discard(call)
            self.require(self.tell(ev.CallDropped(call)) == [], "a poll that has gone is forgotten")

    def exit_process(self) -> None:
        if self.alive:
            code = self.dice.choice((0, 1))
            self.gone(ev.ProcessExited(RUNTIME, ev.ExitStatus(None, 9) if self.dying else ev.ExitStatus(code)))

    def gone(self, event: ev.StartFailed | ev.ProcessExited) -> None:
        """The process is no more, whatever it was doing."""
        struck = None if self.dying else self.oracle.request_id
        self.alive = self.dying = False
        if self.shut:
            self.drop_body()
        self.oracle.state = "Absent"
        self.oracle.request_id = None
        self.tell(event)
        self.require(struck not in self.open, "an invocation whose runtime has died has its outcome")
        self.require(self.body_of is None, "an answer that was half sent is refused when its runtime dies")
        if not self.alive and not self.shut:
            self.require(self.machine.phase is Phase.COLD, "without a process the environment is cold")

    def drop_body(self) -> None:
        self.unanswered.discard(self.body_of)
        self.body_of = None

    def pass_time(self, ms: float) -> None:
        """Let time go by; timers fire on the way."""
        until = self.now + ms
        while self.timers:
            timer = min(self.timers, key=lambda each: self.timers[each])
            at = self.timers[timer]
            if at > until:
                break
            del self.timers[timer]
            self.now = max(self.now, at)
            self.tell(ev.TimerFired(timer))
        self.now = until

    def shut_down(self) -> None:
        self.shut = True
        self.oracle.state = "Stopping" if self.alive else "Absent"
        self.tell(ev.ShutDown())
        self.require(not self.open, "nobody waits for an environment that is shut down")

    def any_id(self) -> str:
        return self.dice.choice([*self.old_ids[-3:], "never"])

    def expect_refusal(self, call: str, event: ev.Event, expected: tuple[int, str]) -> None:
        """The call gets this refusal, nothing else happens, and the machine is as it was."""
        before = repr(self.machine), self.machine.current_request_id, dict(self.timers)
        effects = self.tell(event)
        self.require(_refusal(effects) == expected, f"{event} got {effects}, expected {expected}")
        after = repr(self.machine), self.machine.current_request_id, dict(self.timers)
        self.require(before == after, f"a refused {call} changed {before} to {after}")
        if expected[0] == 403:
            refusal = effects[0]
            assert isinstance(refusal, fx.Refuse)
            self.require(refusal.refusal.message == self.oracle.refusal_text(call), "the text of the refusal")

    # -- a whole life

    def live(self, steps: int = 60) -> None:
        """Some steps of chance, then a proof that the environment still works, then its end."""
        if self.dice.random() < 0.4:
            self.tell(ev.Initialise())
        actions: list[tuple[int, Callable[[], object]]] = [
            (6, self.invoke),
            (8, self.call_next),
            (1, self.call_init_error),
            (8, self.call_answer),
            (6, self.end_body),
            (1, self.drop_call),
            (1, self.exit_process),
            (3, lambda: self.pass_time(self.dice.choice((1, 50, 800, 2500)))),
            (1, lambda: self.tell(ev.MemorySampled(self.dice.randrange(10**8)))),
        ]
        weights = [weight for weight, _ in actions]
        for _ in range(self.dice.randrange(steps)):
            self.dice.choices([action for _, action in actions], weights)[0]()
            if self.dying and self.dice.random() < 0.5:
                self.exit_process()
        if self.dice.random() < 0.8:
            self.prove_it_works()
        self.shut_down()
        self.call_next()
        self.call_init_error()
        self.call_answer()
        self.exit_process()
        self.check_the_end()

    def prove_it_works(self) -> None:
        """From now on all goes well: whatever is open ends, and a new invocation succeeds."""
        for _ in range(60):
            if not self.open and self.oracle.request_id is None and not self.dying:
                break
            self.behave()
        self.require(not self.open, f"{list(self.open)} never got an outcome")
        for _ in range(4):  # a start that fails in this very moment is bad luck, not a bad machine
            request_id = self.invoke()
            self.require(request_id is not None, "the environment takes another invocation")
            assert request_id is not None
            for _ in range(60):
                if request_id in self.outcomes:
                    break
                self.behave()
            self.require(request_id in self.outcomes, f"{request_id} never got an outcome")
            if self.outcomes[request_id].status is fx.Status.SUCCESS:
                return
            self.require(self.outcomes[request_id].error_type == ErrorType.INVALID_ENTRYPOINT, "it succeeds")

    def behave(self) -> None:
        """The next thing that a good runtime and a good operating system do."""
        if self.dying:
            self.exit_process()
        elif not self.alive:
            self.pass_time(1)
        elif self.oracle.state in ("Started", "RuntimeResponseSentState", "Ready") and not self.parked:
            self.call_next()
        elif self.oracle.state == "Running":
            self.answer_well()
        elif self.body_of is not None:
            self.end_body()
        else:
            self.pass_time(TIMEOUT_MS + INIT_MS)

    def answer_well(self) -> None:
        call, request_id = self.new_call(), self.oracle.request_id
        assert request_id is not None
        self.oracle.accept("response")
        self.tell(ev.ResponseStarted(call, request_id))
        self.oracle.state = "RuntimeResponseSentState"
        self.tell(ev.BodyFinished(call, b"well"))
        self.require(request_id in self.outcomes, "a good answer is an outcome")

    def check_the_end(self) -> None:
        """Everything that was begun has ended, once."""
        self.require(self.ended and self.machine.phase is Phase.ENDED, "the environment has ended")
        self.require(not self.unanswered, f"calls {self.unanswered} got no answer")
        for request_id in self.began:
            names = [name for name, of in self.log if of == request_id and name in ("Start", "End", "Report")]
            self.require(names == ["Start", "End", "Report"], f"{request_id} has the log {names}")


def _refusal(effects: list[fx.Effect]) -> tuple[int, str] | None:
    """Status and type of the one refusal among the effects."""
    refusals = [effect.refusal for effect in effects if isinstance(effect, fx.Refuse)]
    return (refusals[0].status, refusals[0].error_type) if len(refusals) == 1 else None
