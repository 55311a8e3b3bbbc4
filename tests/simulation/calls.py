"""What a runtime, its connections and its callers may do in a world, well or badly, and what must come of it."""

from __future__ import annotations

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import platform_events as log
from runtime_api.protocol.environment import RUNTIME
from runtime_api.protocol.errors import ErrorType

from .world import EPOCH_MS, EXIT_MS, STREAMED_BYTES, World

__all__ = ["CallingWorld", "refusal_of"]

RuntimeCall = (
    ev.NextCalled
    | ev.InitErrorPosted
    | ev.RestoreNextCalled
    | ev.RestoreErrorPosted
    | ev.ResponseStarted
    | ev.ErrorStarted
)


class CallingWorld(World):
    """A world in which something happens, each time by one method."""

    def invoke(self) -> str | None:
        """A caller comes, if there is room for one."""
        if self.machine.free_slots <= 0 or self.shut:
            return None
        self.invocations += 1
        request_id = f"r{self.invocations}"
        self.open[request_id] = self.now
        reads_a_stream = self.dice.random() < 0.5
        if reads_a_stream:
            self.streaming.add(request_id)
        invocation = ev.Invocation(request_id, f"i{request_id}", "arn", b"{}", "Root=1", streamed=reads_a_stream)
        self.tell(ev.Invoke(invocation, EPOCH_MS + self.now))
        return request_id

    def new_call(self) -> ev.Call:
        self.calls += 1
        self.unanswered.add(self.calls)
        return self.calls

    def call_next(self) -> None:
        expected = self.oracle.expected("next")
        event = ev.NextCalled(self.new_call())
        if expected[0] != 200:
            self.expect_refusal("next", event, expected)
            return
        again = self.oracle.state == "Running"
        restored = self.oracle.state == "Restoring"
        in_hand = list(self.oracle.invocation_ids)
        answered = self.oracle.state == "RuntimeResponseSentState"
        self.require(not answered or bool(in_hand), "what is answered is in hand until the runtime is back")
        back = answered and not self.working_on(in_hand[0])
        if self.oracle.state == "Started":
            self.registration_open = False
        self.oracle.accept("next")
        if not again:
            self.parked.append(event.call)
        effects = self.tell(event)
        self.require(refusal_of(effects, event.call) is None, "an allowed next is not refused")
        self.require(
            not again or [type(each) for each in effects] == [fx.Deliver], "a next while running gets the event again"
        )
        self.require(not back or in_hand[0] in self.over, "an invocation is over when its runtime is back in next")
        self.require(not restored or not self.open or bool(self.began.keys() & self.open), "who waited has begun")

    def call_restore_next(self) -> None:
        expected = self.oracle.expected("restore/next")
        event = ev.RestoreNextCalled(self.new_call())
        if expected[0] != 200:
            self.expect_refusal("restore/next", event, expected)
            return
        self.oracle.accept("restore/next")
        self.parked.append(event.call)
        self.registration_open = False
        waits = bool(self.open)
        self.tell(event)
        restores = waits and not self.initialising
        self.require(restores == (self.oracle.state == "Restoring"), "a snapshot is restored when somebody waits")

    def call_init_error(self) -> None:
        self.last_words("init/error", ev.InitErrorPosted(self.new_call(), "Runtime.Oops", b"{}"))

    def call_restore_error(self) -> None:
        self.last_words("restore/error", ev.RestoreErrorPosted(self.new_call(), "Runtime.Oops"))

    def last_words(self, name: str, event: ev.InitErrorPosted | ev.RestoreErrorPosted) -> None:
        """An error after which a runtime can only exit."""
        expected = self.oracle.expected(name)
        if expected[0] != 202:
            self.expect_refusal(name, event, expected)
            return
        self.oracle.accept(name)
        waiting = self.not_begun()
        effects = self.tell(event)
        self.require(effects[0] == fx.Accept(event.call), f"{name} is accepted")
        if self.external:
            for request_id in waiting if self.init_apart else ():
                self.require(request_id in self.outcomes, "who waited for a start that has failed has an outcome")
            self.require(self.oracle.state == "Started", "another external runtime may come")
        elif self.init_apart:
            (alarm,) = effects[1:]
            assert isinstance(alarm, fx.SetTimer)
            self.require(alarm.at == self.now + EXIT_MS, "and gives the runtime some time to exit")
        else:
            self.require(len(effects) == 1, "and ends nothing by itself")

    def call_answer(self) -> None:
        """POST response or error: for an invocation in hand mostly, for another one sometimes."""
        word = self.dice.choice(("response", "response", "error"))
        request_id = self.any_id()
        right = self.oracle.invocation_ids.get(request_id, "none")
        invocation_id = self.dice.choice((None, right, right, "elsewhere"))
        mode = self.dice.choice((None, None, "streaming", "streaming", "buffered"))
        expected = self.oracle.expected(word, request_id, invocation_id)
        call = self.new_call()
        event: RuntimeCall
        if word == "response":
            event = ev.ResponseStarted(call, request_id, invocation_id, mode)
        else:
            event = ev.ErrorStarted(call, request_id, invocation_id, "Function.Oops")
        if expected[0] != 202:
            self.expect_refusal(word, event, expected)
            self.oracle.late.discard(request_id)  # a late answer is remembered until it has come once
            return
        ended = [of for of in self.bodies if self.bodies[of] == request_id]  # the response that an error ends
        self.oracle.accept(word, request_id)
        effects = self.tell(event)
        if word == "response" and mode == "buffered":
            self.require(refusal_of(effects, call) == (400, "InvalidFunctionResponseMode"), "a bad mode is refused")
            self.require(self.told(request_id) == ErrorType.INVALID_RESPONSE_MODE, "and its caller is answered")
        else:
            opens = word == "response" and mode == "streaming" and request_id in self.streaming
            expected_effects = [fx.OpenStream(call, request_id, None)] if opens else []
            refused = [refusal_of(effects, of) for of in ended]
            self.require(refused == [(400, "InvalidRequestID")] * len(ended), "an error ends a response on its way")
            rest = effects[len(ended) :]
            self.require(rest == expected_effects, "the head of an answer is not answered yet")
            self.bodies[call] = request_id
            if opens:
                self.sent[call] = b""

    def send_piece(self) -> None:
        """A piece of a streamed response comes; it goes to its caller at once."""
        streams = [call for call in self.bodies if call in self.sent]
        if not streams:
            return
        call = self.dice.choice(streams)
        request_id = self.bodies[call]
        self.sent[call] += bytes(self.dice.choices(b"abc", k=self.dice.choice((1, 2, 15, 30))))
        piece = self.sent[call][len(self.received[request_id]) :]
        if len(self.sent[call]) > STREAMED_BYTES:
            del self.bodies[call]
            self.oracle.answered()
            self.check_too_large(self.tell(ev.BodyPiece(call, piece)), call, request_id)
            self.require(self.received[request_id] == self.sent[call][:STREAMED_BYTES], "what fits is not cut")
            return
        self.require(self.tell(ev.BodyPiece(call, piece)) == [fx.Forward(request_id, piece)], "a piece is handed on")

    def end_body(self) -> None:
        """The body of an answer ends, one way or another; one that was refused before may end, too."""
        if self.late_bodies and self.dice.random() < 0.5:
            self.end_late_body()
        if not self.bodies:
            return
        call = self.dice.choice(list(self.bodies))
        request_id = self.bodies.pop(call)
        self.require(request_id in self.oracle.invocation_ids, "a body on its way is of an invocation in hand")
        failed = self.oracle.state_of(request_id) == "InvocationErrorResponse"
        ending = self.dice.choice(("finished", "finished", "finished", "too large", "truncated"))
        if ending == "finished":
            self.oracle.answered()
            rest = b"the end" if call in self.sent else b"body"
            if call in self.sent and len(self.sent[call]) + len(rest) > STREAMED_BYTES:
                self.check_too_large(self.tell(ev.BodyFinished(call, rest)), call, request_id)
                return
            effects = self.tell(ev.BodyFinished(call, rest))
            if call in self.sent:
                self.require(self.received[request_id] == self.sent[call] + rest, "the caller has got all of it")
            status = fx.Status.ERROR if failed else fx.Status.SUCCESS
            self.require(request_id in self.outcomes, "a finished answer is an outcome")
            self.require(self.outcomes[request_id].status == status, f"outcome is {status}")
            self.require(not failed or self.outcomes[request_id].body == b"body", "an error is in its outcome")
            self.require(fx.Accept(call) in effects, "and is accepted")
        elif ending == "too large":
            self.oracle.answered()
            self.check_too_large(self.tell(ev.BodyTooLarge(call)), call, request_id)
        else:
            effects = self.tell(ev.BodyTruncated(call))
            self.require(refusal_of(effects, call) == (400, "TruncatedHTTPRequest"), "a truncated body is refused")
            self.require(self.told(request_id) == ErrorType.TRUNCATED_RESPONSE, "and its caller is answered")

    def check_too_large(self, effects: list[fx.Effect], call: ev.Call, request_id: str) -> None:
        self.require(refusal_of(effects, call) == (413, "RequestEntityTooLarge"), "a large body is refused")
        self.require(self.told(request_id) == ErrorType.RESPONSE_TOO_LARGE, "and its caller is answered")

    def end_late_body(self) -> None:
        """A body ends whose call was refused: by a timeout, an exit, a shutdown."""
        call = self.late_bodies.pop()
        self.require(self.tell(ev.BodyPiece(call, b"late")) == [], "a piece that belongs to nothing is dropped")
        late = self.dice.choice((ev.BodyTruncated(call), ev.BodyTooLarge(call), ev.BodyFinished(call, b"late")))
        self.require(self.tell(late) == [], "a body that belongs to nothing any more changes nothing")

    def told(self, request_id: str) -> str | None:
        """The error type that the caller was given."""
        return self.outcomes[request_id].error_type if request_id in self.outcomes else None

    def drop_call(self) -> None:
        if self.parked:
            call = self.dice.choice(self.parked)
            self.parked.remove(call)
            self.unanswered.discard(call)
            self.require(self.tell(ev.CallDropped(call)) == [], "a poll whose peer has gone is forgotten")

    def exit_process(self) -> None:
        if self.alive:
            status = ev.ExitStatus(None, 9) if self.dying else ev.ExitStatus(self.dice.choice((0, 1)))
            self.gone(ev.ProcessExited(RUNTIME, status))

    def any_id(self) -> str:
        in_hand = list(self.oracle.invocation_ids)
        old = [f"r{max(self.invocations - back, 0)}" for back in range(3)]
        return self.dice.choice([*in_hand * 4, *old, "never"])

    def expect_refusal(self, name: str, event: RuntimeCall, expected: tuple[int, str]) -> None:
        """The call gets this refusal, nothing else happens, and the machine is as it was."""
        before = repr(self.machine), list(self.machine.invocations.begun), dict(self.timers)
        effects = self.tell(event)
        self.require(refusal_of(effects, event.call) == expected, f"{event} got {effects}, expected {expected}")
        self.require(len(effects) == 1, f"a refused {name} does something else")
        after = repr(self.machine), list(self.machine.invocations.begun), dict(self.timers)
        self.require(before == after, f"a refused {name} changed {before} to {after}")
        if expected[0] == 403:
            refusal = effects[0]
            assert isinstance(refusal, fx.Refuse)
            self.require(refusal.refusal.message == self.oracle.refusal_text(name), "the text of the refusal")

    def sample_memory(self) -> None:
        self.require(self.tell(ev.MemorySampled(self.dice.randrange(10**8))) == [], "a sample asks for nothing")

    def logged(self, request_id: str) -> list[str]:
        """What the log has of this invocation."""
        wanted = {each.__name__ for each in (log.Start, log.End, log.Report)}
        return [name for name, of in self.log if of == request_id and name in wanted]


def refusal_of(effects: list[fx.Effect], call: ev.Call) -> tuple[int, str] | None:
    """Status and type of the refusal of this call."""
    refusals = [effect.refusal for effect in effects if isinstance(effect, fx.Refuse) and effect.call == call]
    return (refusals[0].status, refusals[0].error_type) if len(refusals) == 1 else None
