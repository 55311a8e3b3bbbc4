"""A whole life of an environment: random steps, a proof that it still works, and its end at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol.errors import ErrorType

from .telemetry_world import TelemetryWorld
from .world import INIT_MS, TIMEOUT_MS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Life"]


BAD_LUCK = (ErrorType.INVALID_ENTRYPOINT, ErrorType.EXTENSION_LAUNCH_ERROR)  # a process could not be started


class Life(TelemetryWorld):
    """A world that lives."""

    def live(self, steps: int = 60) -> None:
        """Some random steps, then maybe a proof that the environment still works, then its end."""
        if self.external or self.has_extensions or self.dice.random() < 0.4:
            self.tell(ev.Initialise(self.names))
            if self.has_extensions and self.dice.random() < 0.5:
                self.call_register()
        actions: list[tuple[int, Callable[[], object]]] = [
            (6, self.invoke),
            (8, self.call_next),
            (1, self.call_init_error),
            *([(4, self.call_restore_next), (1, self.call_restore_error)] if self.has_restore else []),
            (8, self.call_answer),
            (4, self.send_piece),
            (6, self.end_body),
            (1, self.drop_call),
            (1, self.exit_process),
            (3, lambda: self.pass_time(self.dice.choice((1, 50, 800, 2500)))),
            (1, lambda: self.pass_time(INIT_MS)),  # and the limit of hooks, which is the same
            (1, self.sample_memory),
        ]
        if self.has_extensions:
            actions += [
                (6, self.call_register),
                (10, self.call_event_next),
                (2, self.call_extension_error),
                (3, self.call_subscribe),
                (3, self.drop_event_next),
                (1, self.exit_extension),
            ]
        weights = [weight for weight, _ in actions]
        for _ in range(self.dice.randrange(steps)):
            self.dice.choices([action for _, action in actions], weights)[0]()
            if self.dying:
                if self.dice.random() < 0.1:
                    break  # shut down in the middle of a reset, say
                if self.dice.random() < 0.5:
                    self.exit_process()
            if self.has_extensions and self.dice.random() < 0.1:
                self.behave_well()
            if self.failures and self.dice.random() < 0.5:
                self.exit_extension(min(self.failures))
        if self.dice.random() < 0.6:
            self.prove_it_works()
        self.shut_down()
        self.after_the_shutdown()
        self.check_the_end()

    def after_the_shutdown(self) -> None:
        """What a live server still sees while an environment ends: calls, ends of bodies, timers, exits."""
        while self.late_bodies and self.dice.random() < 0.8:
            self.end_late_body()
        if not self.ended:
            self.call_next()
            self.call_init_error()
            self.call_answer()
            self.call_register()
            self.call_event_next()
            self.call_subscribe()
            if self.has_restore:
                self.call_restore_next()
                self.call_restore_error()
        if self.dice.random() < 0.3:
            self.pass_time(TIMEOUT_MS + INIT_MS)
        self.exit_process()
        while self.running:
            self.exit_extension() if self.dice.random() < 0.5 else self.call_event_next()
        while self.late_bodies:
            self.end_late_body()
        self.require(self.tell(ev.ShutDown()) == [], "a second shutdown changes nothing")

    def prove_it_works(self) -> None:
        """From now on all goes well: what is open ends, and a new invocation succeeds."""
        for _ in range(200):
            failing = any(each.state.endswith("Error") for each in self.extensions.values())
            doomed = self.init_apart and self.oracle.state in ("InitError", "RuntimeRestoreErrorState")
            busy = self.open or self.unsettled or self.oracle.invocation_ids or self.dying
            if not (busy or doomed or failing):
                break
            self.behave()
        self.require(not self.open, f"{list(self.open)} never got an outcome")
        self.require(not self.unsettled, f"{self.unsettled} were never settled")
        for _ in range(4):  # a start that fails in this very moment is bad luck, not a bad machine
            request_id = self.invoke()
            self.require(request_id is not None, "the environment takes another invocation")
            assert request_id is not None
            for _ in range(200):
                if request_id in self.outcomes and not self.unsettled:
                    break
                self.behave()
            self.require(request_id in self.outcomes, f"{request_id} never got an outcome")
            if self.outcomes[request_id].status is fx.Status.SUCCESS:
                return
            self.require(self.outcomes[request_id].error_type in BAD_LUCK, "it succeeds")

    def behave(self) -> None:
        """The next thing that a good runtime and a good operating system do."""
        running = [each for each in self.oracle.invocation_ids if self.oracle.state_of(each) == "Running"]
        if self.dying:
            self.exit_process()
        elif self.behave_well():
            pass
        elif self.bodies:
            self.end_body()
        elif running:
            self.answer_well(running[0])
        elif not self.alive and not self.external:
            self.pass_time(1)
        elif self.oracle.state == "Started" and self.has_restore and self.dice.random() < 0.7:
            self.call_restore_next()
        elif self.oracle.state in ("Started", "Restoring", "RuntimeResponseSentState") or (
            self.oracle.state == "Ready" and not self.parked
        ):
            self.call_next()
        elif self.external and self.oracle.stuck:
            self.require(False, "an external runtime that is stuck counts as gone")
        else:
            self.pass_time(TIMEOUT_MS + INIT_MS)

    def answer_well(self, request_id: str) -> None:
        call = self.new_call()
        self.oracle.accept("response", request_id)
        self.tell(ev.ResponseStarted(call, request_id))
        self.oracle.answered()
        self.tell(ev.BodyFinished(call, b"well"))
        self.require(request_id in self.outcomes, "a good answer is an outcome")

    def check_the_end(self) -> None:
        """Everything that was begun has ended, once."""
        self.require(self.ended and self.machine.phase == "ended", "the environment has ended")
        self.require(not self.unanswered, f"calls {self.unanswered} got no answer")
        self.require(set(self.began) == self.over, "every invocation that began is over")
        never_begun = self.outcomes.keys() - self.began.keys()
        self.require(never_begun == self.forgotten, "what was kept for those that never began is dropped")
        for request_id in self.began:
            names = self.logged(request_id)
            self.require(names == ["Start", "End", "Report"], f"{request_id} has the log {names}")
