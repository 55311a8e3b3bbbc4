"""An execution environment on paper: its machine, and a runtime that does whatever the dice say."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol.environment import RUNTIME, EnvironmentMachine
from runtime_api.protocol.errors import ErrorType
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.protocol.states import Phase

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from runtime_api.protocol.fleet_actions import Readiness

__all__ = ["PaperEnvironment", "Surroundings"]

TIMEOUT_MS = 3000.0
INIT_MS = 10_000.0


class Surroundings(Protocol):
    """What an environment needs of its world."""

    dice: random.Random
    now: float

    def later(self, delay_ms: float, what: Callable[[], None]) -> None: ...
    def available(self, environment: PaperEnvironment) -> None: ...
    def completed(self, environment: PaperEnvironment, outcome: fx.Outcome) -> None: ...
    def lost(self, environment: PaperEnvironment) -> None: ...


class PaperEnvironment:
    """Does on paper what the engine's ExecutionEnvironment does."""

    def __init__(
        self, world: Surroundings, code: int, init_in_invoke: bool, slots: int = 1, provisioned: bool = False
    ) -> None:
        self.world = world
        self.provisioned = provisioned
        self.code = code  # which version of the code it runs
        self.slots = slots
        self.machine = EnvironmentMachine(
            FunctionSettings(
                "f",
                timeout_ms=TIMEOUT_MS,
                init_ms=None if init_in_invoke else INIT_MS,
                max_concurrency=slots if slots > 1 else 0,
                provisioned=provisioned,
            )
        )
        self.jobs: set[str] = set()
        self.has_served = False
        self.tenant: str | None = None  # of what it has served
        self.ready = False  # its init is over
        self.closed = self.ended = False
        self.free_since = 0.0
        self._initialising = False
        self._mail: deque[ev.Event] = deque()
        self._draining = False
        self._process = 0  # 0: none; otherwise the number of the one that runs
        self._processes = 0
        self._calls = 0

    @property
    def readiness(self) -> Readiness:
        return self.machine.readiness

    @property
    def has_process(self) -> bool:
        """Whether its runtime is there, if only until it has been killed."""
        return self._process != 0

    def open(self) -> None:
        self._initialising = True
        self.post(ev.Initialise())

    def invoke(self, request_id: str) -> None:
        self.jobs.add(request_id)
        self.post(ev.Invoke(ev.Invocation(request_id, f"i{request_id}", "arn", b"{}", "Root=1"), self.world.now))

    def close(self) -> None:
        self.closed, self._initialising = True, False
        self.post(ev.ShutDown())

    def post(self, *events: ev.Event) -> None:
        """The mailbox, with its guard against re-entrance."""
        self._mail.extend(events)
        if self._draining:
            return
        self._draining = True
        while self._mail:
            for effect in self.machine.receive(self._mail.popleft(), self.world.now):
                self._perform(effect)
        self._draining = False
        if self._initialising and self.machine.phase is not Phase.INIT:
            self._initialising = False
            self.world.available(self)

    def _perform(self, effect: fx.Effect) -> None:
        match effect:
            case fx.SetTimer(timer, key, at):
                self.world.later(at - self.world.now, lambda: self.post(ev.TimerFired(timer, key)))
            case fx.Start():
                self._start()
            case fx.Stop():
                self._exit_later(self.world.dice.uniform(0, 20), ev.ExitStatus(None, 9))
            case fx.Deliver(_, invocation, _):
                self._handle(invocation.request_id)
            case fx.Refuse():
                self._exit_later(self.world.dice.uniform(0, 50), ev.ExitStatus(1))
            case fx.Complete(outcome):
                self.world.completed(self, outcome)
                self.world.available(self)
            case fx.Ended():
                self.ended = True

    # -- the runtime

    def _start(self) -> None:
        self._processes += 1
        self._process = self._processes
        fate = self.world.dice.random()
        if fate < 0.03:
            self._process = 0
            self.post(ev.StartFailed(RUNTIME, ErrorType.INVALID_ENTRYPOINT, "no such file"))
        elif fate < 0.08:
            self._exit_later(self.world.dice.uniform(0, 300), ev.ExitStatus(1))
        elif fate < 0.12:
            self._after(100, lambda: self.post(ev.InitErrorPosted(self._call(), "Runtime.Oops", b"{}")))
            self._exit_later(self.world.dice.uniform(100, 400), ev.ExitStatus(1))
        elif fate > 0.02 + 0.96:
            pass  # it hangs, and is killed at the limit
        else:
            for _ in range(self.slots):
                self._after(self.world.dice.expovariate(1 / 200), self._poll)

    def _poll(self) -> None:
        """GET /next; sometimes the connection is lost, sometimes the runtime dies of boredom."""
        call = self._call()
        self.post(ev.NextCalled(call))
        fate = self.world.dice.random()
        if fate < 0.05:
            self._after(self.world.dice.uniform(0, 50), lambda: self._lose(call))
        elif fate < 0.08:
            self._after(self.world.dice.uniform(0, 4000), self._die_idle)

    def _lose(self, call: ev.Call) -> None:
        if not self.jobs:
            self.post(ev.CallDropped(call))
            self._after(self.world.dice.uniform(0, 100), self._poll)

    def _die_idle(self) -> None:
        if not self.jobs:
            self._exit_later(0, ev.ExitStatus(1))

    def _handle(self, request_id: str) -> None:
        """The handler: mostly it answers, soon or late."""
        fate = self.world.dice.random()
        took = self.world.dice.expovariate(1 / 80)
        if fate < 0.04:
            self._exit_later(took, ev.ExitStatus(3))
        elif fate < 0.06:
            pass  # it hangs, and is killed at the deadline
        elif fate < 0.09:
            self._after(self.world.dice.uniform(2500, 4000), lambda: self._answer(request_id))
        else:
            self._after(took, lambda: self._answer(request_id))

    def _answer(self, request_id: str) -> None:
        call = self._call()
        fate = self.world.dice.random()
        if fate < 0.1:
            self.post(ev.ErrorStarted(call, request_id), ev.BodyFinished(call, b"{}"))
        elif fate < 0.12:
            self.post(ev.ResponseStarted(call, request_id, None, "unheard of"))
            return self._exit_later(self.world.dice.uniform(0, 5000), ev.ExitStatus(1))
        elif fate < 0.14:
            self.post(ev.ResponseStarted(call, request_id), ev.BodyTruncated(call))
            return self._exit_later(self.world.dice.uniform(0, 5000), ev.ExitStatus(1))
        elif fate < 0.16:
            self.post(ev.ResponseStarted(call, request_id), ev.BodyTooLarge(call))
        else:
            self.post(ev.ResponseStarted(call, request_id), ev.BodyFinished(call, b"{}"))
        slow = self.world.dice.random() < 0.1
        self._after(self.world.dice.uniform(0, 2000 if slow else 2), self._poll)
        return None

    def _call(self) -> ev.Call:
        self._calls += 1
        return self._calls

    def _after(self, delay_ms: float, what: Callable[[], None]) -> None:
        """Later, if this very process is still there."""
        process = self._process

        def unless_gone() -> None:
            if process and process == self._process:
                what()

        self.world.later(delay_ms, unless_gone)

    def _exit_later(self, delay_ms: float, status: ev.ExitStatus) -> None:
        self._after(delay_ms, lambda: self._exit(status))

    def _exit(self, status: ev.ExitStatus) -> None:
        self._process = 0
        self.post(ev.ProcessExited(RUNTIME, status))
        if self.provisioned:
            self.world.lost(self)
