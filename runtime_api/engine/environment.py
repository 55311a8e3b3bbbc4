"""One execution environment, alive: an `EnvironmentMachine`, a `Sandbox`, a listener, a journal, and its callers.

The mailbox is the only way to the machine. It is drained at once, under a guard against re-entrance: performing an
effect may post the next event, which then waits its turn. Effects are performed in the order the machine gave them.
What is kept for an invocation is keyed by request id: its caller in `callers.py`, its deadline in `alarms.py`.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol import wire
from runtime_api.protocol.environment import RUNTIME, EnvironmentMachine
from runtime_api.protocol.errors import ErrorType
from runtime_api.protocol.journal import Journal
from runtime_api.protocol.json_log import JsonEntry
from runtime_api.protocol.platform_events import Lines
from runtime_api.protocol.standing import extension_standing, runtime_standing
from runtime_api.protocol.states import Phase
from runtime_api.protocol.streaming import Shaper
from runtime_api.sandbox import Exited, Launch, Moved, Notice, Output, Sandbox, SandboxEvent, StartRefused

from .alarms import Alarms, now_ms, wall_offset_ms
from .callers import Callers
from .closing import close_in_turn
from .freezing import Freezer
from .settling import Settling
from .telemetry import Telemetry
from .witness import Witness

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from runtime_api.protocol.fleet_actions import Readiness
    from runtime_api.protocol.json_log import JsonLog
    from runtime_api.protocol.platform_events import Record
    from runtime_api.protocol.settings import FunctionSettings
    from runtime_api.protocol.standing import Standing
    from runtime_api.service.seams.archives import Lease
    from runtime_api.service.seams.dispatch import RunResult

    from .edges import CallResponder, Log, RuntimeApiListener, SubscriptionResponder
    from .promise import Promise

__all__ = ["ExecutionEnvironment"]

SAMPLE_MS = 50.0  # memory is sampled before an invocation ends, but no more often than this
LAST_LOOK_S = 0.005  # between two checks whether subscribers have received all telemetry
LAST_LOOKS = 200  # one second, of the 2 s that extensions have in all
CLOSE_S = 10.0

_UNUSED = frozenset({Phase.IDLE, Phase.SNAPSHOT})  # phases in which nothing runs that matters to anybody
_BEFORE_THE_END = frozenset({ev.BodyFinished, ev.BodyTooLarge, ev.BodyTruncated, ev.TimerFired})


class ExecutionEnvironment:
    """Runs invocations in one sandbox.

    `available` is called when init has ended, and whenever the outcome of an invocation is known. After
    `freeze_after_s` without use the processes are frozen until they are needed. `leases` are released when the
    environment has ended. `json_log` is how its log is written, unless it is text. `stream_rate` is the bandwidth of
    a streamed response, in bytes a second.
    """

    def __init__(
        self,
        settings: FunctionSettings,
        sandbox: Sandbox,
        log: Log,
        available: Callable[[ExecutionEnvironment], None],
        freeze_after_s: float | None = None,
        leases: Sequence[Lease] = (),
        json_log: JsonLog | None = None,
        stream_rate: float | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._settings = settings
        self._machine = EnvironmentMachine(settings)
        self.sandbox = sandbox
        self.journal = Journal() if json_log is None else Journal(partial(_json_entry, json_log))
        self.journal.subscribe(log.consume)
        self._log = log
        self._available = available
        self._leases = leases
        self._stream_rate = stream_rate
        is_json = json_log is not None
        self._telemetry = Telemetry(self.journal, sandbox.connect, self._note, RUNTIME, json_lines=is_json)
        self._freezer = Freezer(
            freeze_after_s,
            self._freeze,
            self._thaw,
            lambda: self._machine.phase in _UNUSED,
            lambda: self._telemetry.is_quiet,
        )
        self._launch: Callable[[str], Launch] | None = None
        self._listener: RuntimeApiListener | None = None
        self.runtime_api = ""  # host:port, once open
        self._initialising = False
        self._mail: deque[ev.Event] = deque()
        self._draining = False
        self._callers = Callers(self.journal, settings.limits.log_tail_bytes)
        self._alarms = Alarms(lambda alarm: self.post(ev.TimerFired(alarm.timer, alarm.key)))
        self._witness = Witness()
        self._sampled = 0.0
        self._settling = Settling(self._settled_exit)
        self._moving: asyncio.Task[None] | None = None
        self.lost: Callable[[ExecutionEnvironment], None] | None = None  # called when a runtime has exited
        self._ended = asyncio.Event()
        self._perform: dict[type, Callable[[Any], None]] = {
            fx.Forward: self._callers.forward,
            fx.Complete: self._complete,
            fx.Settled: self._settled,
            fx.Over: self._over,
            fx.SetTimer: self._alarms.set,
            fx.Start: self._start,
            fx.Terminate: self._terminate,
            fx.Stop: self._stop,
            fx.Emit: self.journal.emit,
            fx.Ended: self._finish,
        }

    def __repr__(self) -> str:
        return f"<ExecutionEnvironment {self._machine!r}>"

    @property
    def readiness(self) -> Readiness:
        """How soon it could run an invocation."""
        return self._machine.readiness

    def standing_of_runtime(self, request_id: str) -> Standing:
        """The runtime, and the state that its call about this request meets."""
        return runtime_standing(self._machine.runtime, request_id)

    def standing_of_extension(self, identifier: str, name: str) -> Standing:
        """The extension of this identifier, or else of this name, and the state that its call meets."""
        return extension_standing(self._machine.extensions, identifier, name)

    async def open(
        self,
        responder: CallResponder,
        listener: RuntimeApiListener,
        address: tuple[str, int],
        launch: Callable[[str, str], Launch],
        find_extensions: Callable[[], tuple[str, ...] | None] = tuple,
    ) -> None:
        """Listen for the runtime, and begin the init phase if there is one.

        `launch` is called at every start, with host:port of the Runtime API and the process's name;
        `find_extensions` when the sandbox is open, for the names of the external extensions; None switches them all
        off, internal ones too. OSError when the address or the sandbox is not available.
        """
        self._listener = listener
        extensions = responder.extensions
        self._perform |= {
            fx.Accept: responder.accept,
            fx.Refuse: partial(self._refuse, responder),
            fx.Deliver: responder.deliver,
            fx.Restore: responder.restore,
            fx.OpenStream: partial(self._open_stream, responder),
            fx.Registered: extensions.register,
            fx.DeliverInvoke: extensions.deliver_invoke,
            fx.DeliverShutdown: partial(self._deliver_shutdown, extensions.deliver_shutdown, LAST_LOOKS),
            fx.HangUp: extensions.hang_up,
            fx.Subscribe: partial(self._subscribe, responder.subscriptions),
        }
        bound = await self.sandbox.open(self._from_sandbox)
        self.runtime_api = wire.host_port(await listener.listen(*address, bound))
        self._launch = partial(launch, self.runtime_api)
        self._log.attach(self.sandbox)
        self._freezer.start()
        self._initialising = True
        names = find_extensions()
        if names is None:
            responder.switch_off_extensions()
        self.post(ev.Initialise(names or ()))

    def invoke(self, invocation: ev.Invocation, wants_tail: bool, promise: Promise[RunResult]) -> None:
        """Run this now; `promise` gets the one result. Only while a slot is free."""
        self._freezer.use()
        self._callers.add(invocation.request_id, promise, wants_tail=wants_tail)
        self.post(ev.Invoke(invocation, time.time() * 1000))

    async def close(self) -> None:
        """Stop what runs and release everything; raise the first error at the end."""
        self._initialising = False
        await close_in_turn(
            self._freezer.stop,
            lambda: self.post(ev.ShutDown()),
            self._wait_for_end,
            self._telemetry.close,
            self._forget_timers,
            self.sandbox.close,
            self._wait_for_move,
            self._close_listener,
            *(partial(self._loop.run_in_executor, None, lease.release) for lease in self._leases),
        )

    async def _wait_for_end(self) -> None:
        async with asyncio.timeout(CLOSE_S):
            await self._ended.wait()

    def _forget_timers(self) -> None:
        self._log.detach(self.sandbox)
        self._alarms.close()
        self._settling.close()

    async def _wait_for_move(self) -> None:
        if self._moving is not None:
            await self._moving

    async def _close_listener(self) -> None:
        if self._listener is not None:
            await self._listener.close()

    def post(self, *events: ev.Event) -> None:
        """Give the machine what happened, in order, and perform its effects."""
        now = self.journal.now = time.monotonic() * 1000
        kind = events[-1].__class__
        if kind in _BEFORE_THE_END:
            self.sandbox.drain()  # output that the function wrote before belongs before END
            if now - self._sampled > SAMPLE_MS:
                self._sample(now)
        elif kind is ev.NextCalled and not self._sampled:
            self._sample(now)  # a first figure, in case the process exits without leaving one
        mail = self._mail
        mail.extend(events)
        if self._draining:
            return
        self._draining = True
        receive, perform = self._machine.receive, self._perform
        try:
            while mail:
                for effect in receive(mail.popleft(), now):
                    perform[effect.__class__](effect)
        finally:
            self._draining = False
        if self._initialising and self._machine.phase is not Phase.INIT:
            self._initialising = False
            self._available(self)

    def _sample(self, now: float) -> None:
        """Sample the peak memory."""
        self._sampled = now
        self._mail.append(ev.MemorySampled(self.sandbox.peak_bytes()))

    # -- effects

    def _open_stream(self, responder: CallResponder, effect: fx.OpenStream) -> None:
        shaper = None if self._stream_rate is None else Shaper(self._stream_rate, self._loop.time())
        self._callers.open_stream(effect, responder.open_stream(effect), shaper)

    def _refuse(self, responder: CallResponder, effect: fx.Refuse) -> None:
        self._witness.refused(effect)
        responder.refuse(effect)

    def _complete(self, effect: fx.Complete) -> None:
        if effect.outcome.reached is not None:
            self._explain(effect.outcome)
        if effect.settled:
            self._available(self)  # first: who gets the answer may have sent the next request already
        self._callers.complete(effect)

    def _explain(self, outcome: fx.Outcome) -> None:
        """Say in the server's own log what the runtime did to this invocation, where Lambda's words don't."""
        explained = self._witness.explain(outcome)
        if explained is not None:
            self._note(f"{outcome.request_id}: {explained}")

    def _settled(self, effect: fx.Settled) -> None:
        self._available(self)
        self._callers.settled(effect.request_id)

    def _over(self, effect: fx.Over) -> None:
        """Forget what was kept under this request id."""
        self._alarms.drop(effect.request_id)
        self._callers.over(effect.request_id)

    def _start(self, effect: fx.Start) -> None:
        assert self._launch is not None
        self._sampled = 0.0
        if effect.name == RUNTIME:
            self._witness.start()
        try:
            launch = self._launch(effect.name)
        except OSError as error:  # the code lies in a directory that this user may not read
            reason = f"{error.filename}: {(error.strerror or 'cannot be read').lower()}"
            self.post(ev.StartFailed(effect.name, ErrorType.INVALID_ENTRYPOINT, reason))
        else:
            self.sandbox.start(launch)

    def _terminate(self, effect: fx.Terminate) -> None:
        self._telemetry.flush()
        self.sandbox.signal(effect.name, signal.SIGTERM)

    def _stop(self, effect: fx.Stop) -> None:
        self._telemetry.flush()
        self.sandbox.signal(effect.name, signal.SIGKILL)

    def _deliver_shutdown(
        self, deliver: Callable[[fx.DeliverShutdown], None], looks: int, effect: fx.DeliverShutdown
    ) -> None:
        """Tell an extension to end, once subscribers have the last telemetry: they may end at once."""
        self._telemetry.flush()
        if looks and not self._telemetry.is_done:
            self._loop.call_later(LAST_LOOK_S, self._deliver_shutdown, deliver, looks - 1, effect)
        else:
            deliver(effect)

    def _subscribe(self, responder: SubscriptionResponder, effect: fx.Subscribe) -> None:
        self._telemetry.subscribe(effect)
        responder.subscribed(effect)

    def _finish(self, _effect: fx.Ended) -> None:
        self._ended.set()

    # -- what comes from the sandbox

    def _from_sandbox(self, event: SandboxEvent) -> None:
        match event:
            case Output():
                self._witness.wrote(event.lines)
                self.journal.append(now_ms(), (Lines(event.name, event.lines),))
            case StartRefused():
                self._telemetry.process_ended(event.name)
                self.post(ev.StartFailed(event.name, event.error_type, event.reason))
            case Exited():
                self._mail.append(ev.MemorySampled(event.peak_bytes))
                if event.name == RUNTIME:
                    self._callers.run_out()
                self._exited(event)
            case Moved():
                self._moving = self._loop.create_task(self._move(event.listener))
            case Notice():
                self._note(event.text)

    def _note(self, text: str) -> None:
        self._log.write(f"bootjack: {text}\n".encode())

    def _freeze(self) -> None:
        self._telemetry.pause()
        self.sandbox.freeze()

    def _thaw(self) -> None:
        self.sandbox.thaw()
        self._telemetry.resume()

    async def _move(self, listener: socket.socket) -> None:
        """Listen on the new socket, and keep the connections that are open."""
        assert self._listener is not None
        await self._listener.listen("", 0, listener)

    def _exited(self, event: Exited) -> None:
        """Post the exit in its time. Without anything in hand that it could change there is nothing to wait for."""
        assert self._listener is not None
        if self._callers or self._machine.extensions:
            self._settling.exited(event, self._listener)
        else:
            self._settled_exit(event)

    def _settled_exit(self, event: Exited) -> None:
        self._telemetry.process_ended(event.name)
        self.post(ev.ProcessExited(event.name, event.status, event.over_bytes, event.over_processes))
        self._telemetry.flush()
        if self.lost is not None:
            self.lost(self)


def _json_entry(log: JsonLog, at: float, records: tuple[Record, ...]) -> JsonEntry:
    return JsonEntry(at, records, log=log, offset_ms=wall_offset_ms())
