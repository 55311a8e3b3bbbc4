"""Both ports of a server with nothing behind them but a machine: no process, no pool, no archive.

The public port has its real parts down to `Invoker`; a function answers at once with its event. The Runtime API has
its real parts down to the machine of one environment; somebody else plays its runtime, and an event always waits.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from runtime_api.engine.code_sources import CodeSources
from runtime_api.engine.installations import Installations
from runtime_api.engine.installer import Installer
from runtime_api.engine.invoker import Invoker
from runtime_api.engine.management import Management
from runtime_api.engine.provisioner import Provisioner
from runtime_api.engine.streams import ResponseStream
from runtime_api.protocol import effects as fx
from runtime_api.protocol import events as ev
from runtime_api.protocol.environment import EnvironmentMachine
from runtime_api.protocol.limits import CURRENT
from runtime_api.protocol.settings import FunctionSettings
from runtime_api.service.owners import DEFAULT_OWNER
from runtime_api.service.profiles import CURRENT as PROFILE
from runtime_api.service.records import FunctionSpec
from runtime_api.service.seams.dispatch import InvokeResult
from runtime_api.store.memory_catalog import MemoryCatalog
from runtime_api.store.memory_queue import MemoryQueue
from runtime_api.store.trees import Trees
from runtime_api.web.callers import Callers
from runtime_api.web.guard import Guard
from runtime_api.web.http1.outbox import Outbox
from runtime_api.web.http1.roster import Bounds
from runtime_api.web.http1.server import HttpServer
from runtime_api.web.public import PublicPort
from runtime_api.web.runtime import RuntimeApi
from tests.service.versions import a_record

if TYPE_CHECKING:
    from runtime_api.engine.streams import Flow
    from runtime_api.service.seams.catalog import ResolvedVersion
    from runtime_api.service.seams.dispatch import RunResult

__all__ = ["EVENT", "FIRST_ID", "FUNCTION", "Environment", "Ports"]

FUNCTION = "f"
FIRST_ID = "r1"  # request ids count up
EVENT = b'{"an":"event"}'


class EchoDispatch:
    """Runs an invocation by answering with its payload; `payloads` has those that came, if somebody wants them."""

    def __init__(self) -> None:
        self.payloads: list[bytes] | None = None

    def run(
        self, _version: ResolvedVersion, invocation: ev.Invocation, _wants_tail: bool = False
    ) -> asyncio.Future[RunResult]:
        if self.payloads is not None:
            self.payloads.append(invocation.payload)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[RunResult] = loop.create_future()
        result = InvokeResult(invocation.request_id, invocation.payload, None, b"")
        future.set_result(replace(result, stream=_echoed(invocation)) if invocation.streamed else result)
        return future


class NoFlow:
    """A runtime that is held up by nothing."""

    def hold(self) -> None: ...
    def resume(self) -> None: ...


def _echoed(invocation: ev.Invocation) -> ResponseStream:
    """A stream of the payload, in two pieces that come one after the other."""
    stream, payload, loop = ResponseStream(NoFlow(), None), invocation.payload, asyncio.get_running_loop()
    stream.put(payload[:3])
    loop.call_soon(stream.put, payload[3:])
    loop.call_soon(stream.finish, InvokeResult(invocation.request_id, b"", None, b""))
    return stream


class Environment:
    """The machine behind a Runtime API; `outcomes` has what the runtime made of its events.

    With `streams` callers read streams, each piece in the next turn of the event loop; until then it is held up.
    """

    def __init__(self, streams: bool = False) -> None:
        self._streams = streams
        self._streamed: bytes | None = None
        self._flow: Flow = NoFlow()
        self.outcomes: list[fx.Outcome] = []
        self._machine = EnvironmentMachine(FunctionSettings(FUNCTION, external_runtime=True))
        self._numbers = count(1)
        self._mail: deque[ev.Event] = deque((ev.Initialise(), self._next_event()))
        self._draining = False

    def post(self, api: RuntimeApi, *events: ev.Event) -> None:
        """Give the machine what happened, in order, and perform what concerns the calls."""
        self._mail.extend(events)
        if self._draining:
            return
        self._draining = True
        now = time.monotonic() * 1000
        try:
            while self._mail:
                for effect in self._machine.receive(self._mail.popleft(), now):
                    self._perform(api, effect)
        finally:
            self._draining = False

    def _perform(self, api: RuntimeApi, effect: fx.Effect) -> None:
        match effect:
            case fx.Accept():
                api.accept(effect)
            case fx.Refuse():
                api.refuse(effect)
            case fx.Deliver():
                api.deliver(effect)
            case fx.Registered():
                api.extensions.register(effect)
            case fx.Subscribe():
                api.subscriptions.subscribed(effect)
            case fx.DeliverInvoke():
                api.extensions.deliver_invoke(effect)
            case fx.HangUp():
                api.extensions.hang_up(effect)
            case fx.OpenStream():
                self._flow, self._streamed = api.open_stream(effect), b""
            case fx.Forward():
                assert self._streamed is not None
                self._streamed += effect.data
                self._flow.hold()
                asyncio.get_running_loop().call_soon(self._flow.resume)
            case fx.Complete():
                streamed, self._streamed = self._streamed, None
                outcome = effect.outcome
                self.outcomes.append(outcome if streamed is None else replace(outcome, body=streamed))
                self._mail.append(self._next_event())

    def _next_event(self) -> ev.Invoke:
        number = next(self._numbers)
        invocation = ev.Invocation(f"r{number}", f"delivery-{number}", "arn", EVENT, "Root=1", streamed=self._streams)
        return ev.Invoke(invocation, 0.0)


class Ports:
    """The two listeners. Each call of `begin` makes the Runtime API that of a fresh environment."""

    def __init__(self) -> None:
        self.dispatch = EchoDispatch()
        self.environment = Environment()
        self.outbox = Outbox()
        catalog = MemoryCatalog()
        catalog.set(a_record(FUNCTION, concurrency=1000))
        self._invoker = Invoker(catalog, self.dispatch, MemoryQueue(1000), CURRENT)
        self.notes: list[str] = []  # lines of the log
        guard, note = Guard(on_loopback=True), self.notes.append
        self._trees, installations = Trees(), Installations()
        installer = Installer(self._trees, installations, CURRENT)
        dispatch: Any = self.dispatch
        sources, callers = CodeSources(CURRENT), Callers(DEFAULT_OWNER, None)
        provisioner = Provisioner(catalog, dispatch, lambda lines: None)
        self._management = Management(
            catalog, dispatch, installer, sources, installations, DEFAULT_OWNER, PROFILE, provisioner
        )
        self._public = PublicPort(
            self._invoker, self._management, CURRENT, self.outbox, "127.0.0.1", guard, callers, Bounds(), note
        )
        self._api = RuntimeApi(lambda *events: self.environment.post(self._api, *events), FunctionSpec(FUNCTION))
        self._runtime = HttpServer(self._api, self.outbox)
        self.public = self.runtime = ("", 0)  # addresses, once they listen

    def begin(self, streams: bool = False) -> Environment:
        """Forget what came before."""
        self.environment = Environment(streams)
        return self.environment

    async def listen(self) -> None:
        """Open both listeners."""
        self.public = await self._public.listen(0)
        self.runtime = await self._runtime.listen("127.0.0.1", 0)

    async def close(self) -> None:
        """Close both, and every connection."""
        await self._invoker.close()
        await self._management.close()
        self._trees.close()
        await self._public.close(0)
        await self._runtime.close()
