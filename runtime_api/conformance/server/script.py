"""Plays a case's steps against a server.

Every step is a table: `do` names a method below, the other keys are its arguments, and `want` is what has to be
observed. `on` names a connection. `{id}` in a text is the request id of the event taken last; `keep` makes more
names.
"""

from __future__ import annotations

import re
import select
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.matching import differs, filled, shown

from .connection import Address, Connection, Misspelt, Nothing
from .expect import Seen, Table, differences, first_missing, log_differences
from .listening import Listener
from .request import encoded
from .walk import walk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from runtime_api.conformance.exchange import Recorder

    from .processes import Puppet
    from .sessions import Session

__all__ = ["Mismatch", "Script"]

GLANCE = 0.25  # how long to look for something that should not happen
API = "/2018-06-01"
EXTENSIONS = "/2020-01-01/extension"
NEXT = f"{API}/runtime/invocation/next"

ANYTHING: Table = MappingProxyType({})
ACCEPTED: Table = MappingProxyType({"status": "2xx"})  # which code it is is told by cases of its own
ERROR = '{"errorMessage":"broken","errorType":"Function.Broken"}'
INIT_ERROR = '{"errorMessage":"cannot start","errorType":"Runtime.Broken"}'
RUNTIME = "bootstrap"
NAMED_FROM = {
    "id": "Lambda-Runtime-Aws-Request-Id",
    "invocation": "Lambda-Runtime-Invocation-Id",
    "extension": "Lambda-Extension-Identifier",
}


class Mismatch(Exception):
    """The server did something else than the case says."""

    def __init__(self, expected: str, happened: str) -> None:
        super().__init__(happened)
        self.expected = expected
        self.happened = happened


class Script:
    """One playing of one case."""

    def __init__(self, session: Session, recorder: Recorder, chance: Random, patience: float) -> None:
        self._server = session.server
        self._recorder = recorder
        self._patience = patience
        self.chance = chance
        self._connections: dict[str, Connection] = {}
        self._parties: dict[str, str] = {}
        if session.poll is not None:
            self._connections["poll"] = session.poll
        self._open: set[str] = {"poll"} if session.poll is not None else set()  # connections that want an answer
        self._left = False  # whether one was given up
        self._waiting = session.poll is not None  # whether "poll" is an open request for an event
        self._listener: Listener | None = None
        self._values: dict[str, str] = {"id": "none", "cwd": str(self._server.folder)}

    def play(self, steps: Sequence[Table]) -> Connection | None:
        """Do every step, `Mismatch` at the first that is not as wanted.

        The poll that waits at the end, when that is all that waits: a server need not notice that a client has gone.
        """
        self._server.forget_log()
        for number, step in enumerate(steps, 1):
            try:
                getattr(self, f"do_{step['do']}")(**self.filled({key: step[key] for key in step if key != "do"}))
            except Mismatch as error:
                raise Mismatch(f"step {number}, {step['do']}: {error.expected}", error.happened) from None
            except (Nothing, Misspelt, AssertionError, OSError, ValueError) as error:
                raise Mismatch(f"step {number}, {step['do']}: {shown(step)}", str(error)) from None
        clean = self._waiting and not self._left and self._open <= {"poll"}
        return self._connections.pop("poll") if clean else None

    def probe(self, request: Table, *, to_invoke: bool) -> tuple[int, bytes]:
        """Status and body of a request that is made when the runtime has just been started."""
        if to_invoke:
            self._send("call", self._server.invoke_address, "", request, "invoker")
        else:
            self.play([{"do": "invoke"}, {"do": "puppet"}, {"do": "send", **request}])
        seen = self._observe("call", self._patience)
        return (seen.answer.status, seen.answer.body) if isinstance(seen, Seen) else (404, b"")

    def close(self) -> None:
        """Close every connection that is not kept."""
        for connection in self._connections.values():
            connection.close()
        if self._listener is not None:
            self._listener.close()

    # -- invoker

    def do_invoke(self, *, on: str = "caller", **request: Any) -> None:
        """Send an invocation; its answer is read by `answer`."""
        request = {"method": "POST", "path": self._server.invoke_path, "body": "{}", **request}
        self._send(on, self._server.invoke_address, "", request, "invoker")

    def do_deliver(self, *, new: bool = False, want: Table = ANYTHING, **request: Any) -> None:
        """Invoke, let the runtime start when it has to, and take the event, by the poll that waits if one does."""
        self.do_invoke(**request)
        if not self._waiting or new:
            self.do_puppet(new=new)
        if self._waiting and not new:
            self.do_event(want=want)
        else:
            self.do_next(want=want)

    def do_finish(self, *, want: Table = ANYTHING) -> None:
        """Respond, go back to waiting, and see that the caller gets the response."""
        self.do_respond(body='"fine"')
        self.do_park()
        self._answer("caller", self._patience, {"status": 200, "body": '"fine"', **want})

    # -- runtime

    def do_next(self, *, on: str = "runtime", want: Table = ANYTHING, **request: Any) -> None:
        """Ask for an event and take it."""
        self.do_send(on=on, **{"path": NEXT, **request})
        self.do_event(on=on, want=want)

    def do_park(self, *, on: str = "poll", **request: Any) -> None:
        """Ask for an event and leave the request open; the answer behind it shows that the server has read it."""
        self.do_send(on=on, **{"path": NEXT, **request})
        self._wait_until_read()
        self._waiting = self._waiting or on == "poll"

    def do_event(self, *, on: str = "poll", within: float | None = None, want: Table = ANYTHING) -> None:
        """Take the event that an open request brings."""
        self._waiting = self._waiting and on != "poll"
        self._answer(on, within or self._patience, {"status": 200, **want})

    def do_respond(self, **request: Any) -> None:
        """Post a response for the invocation taken last."""
        self._post(f"{API}/runtime/invocation/{{id}}/response", {"body": '"done"', **request})

    def do_fail(self, **request: Any) -> None:
        """Post an error for the invocation taken last."""
        self._post(f"{API}/runtime/invocation/{{id}}/error", {"body": ERROR, **request})

    def do_fail_init(self, **request: Any) -> None:
        """Post an init error."""
        self._post(f"{API}/runtime/init/error", {"body": INIT_ERROR, **request})

    def do_walk(self, *, steps: int) -> None:
        """Walk at random through the states of `states.json`, each call with the answer that stands there."""
        walk(self, steps)

    # -- extensions

    def do_register(
        self, *, name: str = "kit", events: Any = ("INVOKE",), want: Table = ANYTHING, **more: Any
    ) -> None:
        """Register an extension; its identifier is `{NAME}` from then on."""
        headers = {"Lambda-Extension-Name": name, **more.pop("headers", {})}
        request = {"method": "POST", "body": {"json": {"events": list(events)}}, "headers": headers, **more}
        self._send(f"register {name}", *self._server.api, {"path": f"{EXTENSIONS}/register", **request}, "extension")
        seen = self._answer(f"register {name}", self._patience, {"status": 200, **want})
        if isinstance(seen, Seen):
            self._values[name] = seen.answer.header("Lambda-Extension-Identifier") or "none"

    def do_extension_next(self, *, name: str = "kit", on: str | None = None) -> None:
        """Ask for an extension's event and leave the request open, on a connection of the extension's name."""
        headers = {"Lambda-Extension-Identifier": self._values.get(name, name)}
        request = {"path": f"{EXTENSIONS}/event/next", "headers": headers}
        self._send(on or name, *self._server.api, request, f"extension {name}")
        self._wait_until_read()

    def do_listen(self, *, protocol: str = "HTTP") -> None:
        """Listen for telemetry on `{listener}`, a port."""
        self._listener = Listener(protocol, self._recorder)
        self._values["listener"] = str(self._listener.port)

    def do_told(self, *, event: Table) -> None:
        """Among the telemetry there is an event that matches, sooner or later."""
        assert self._listener is not None
        if wrong := self._listener.wrong(event, self._patience):
            raise Mismatch(f"an event {_told(event)}", wrong)

    # -- any call

    def do_call(self, *, on: str = "call", want: Table = ANYTHING, **request: Any) -> None:
        """Send any request to the Runtime API and read its answer."""
        self.do_send(on=on, **request)
        self._answer(on, self._patience, want)

    def do_send(self, *, on: str = "call", **request: Any) -> None:
        """Send any request to the Runtime API and leave it open."""
        self._send(on, *self._server.api, request, "runtime")

    def do_raw(self, *, text: str, on: str = "call") -> None:
        """Send characters as they are, on the connection of that name or on a new one."""
        address, prefix = self._server.api
        connection = self._connections.get(on) or self._connect(on, address)
        self._parties.setdefault(on, "runtime")
        self._open.add(on)
        self._recorder.note("runtime", "api", shown(text), "", b"")
        connection.send(re.sub(r"(?m)^([A-Z]+ )/20", rf"\1{prefix}/20", text).encode("latin-1"))

    def do_answer(self, *, on: str = "caller", within: float | None = None, want: Table = ANYTHING) -> None:
        """Read the answer on a connection."""
        self._answer(on, within or self._patience, want)

    def do_interim(self, *, on: str = "call", want: int) -> None:
        """Read one informational answer, with the rest of the request still to be sent."""
        found = self._connections[on].interim(self._patience)
        self._judge(want, found, "the status")

    def do_race(self, *, on: list[str]) -> None:
        """See which of two open requests is answered first; they are called `winner` and `loser` from then on."""
        racers = [self._connections.pop(name) for name in on]
        self._open = self._open - set(on) | {"winner", "loser"}
        self._waiting = self._waiting and "poll" not in on
        first = select.select(racers, [], [], self._patience)[0]
        winner, loser = sorted(racers, key=lambda racer: racer not in first)
        self._connections |= {"winner": winner, "loser": loser}

    def do_hang_up(self, *, on: str = "call", how: str = "close") -> None:
        """Close a connection: `close`, `reset`, or `half` (our direction only)."""
        connection = self._connections[on]
        self._waiting = self._waiting and on != "poll"
        if how != "half":
            self._give_up(on)
        self._recorder.note(self._parties.get(on, "runtime"), "api", f"{how} the connection")
        {"close": connection.close, "reset": connection.reset, "half": connection.finish_sending}[how]()

    # -- processes

    def do_puppet(
        self, *, name: str = RUNTIME, new: bool = False, within: float | None = None, started: bool = True
    ) -> None:
        """Wait until a process is there; `new`: another one than before; `started` false: see that none comes."""
        if self._server.remote:
            return
        puppet = self._server.puppet(name, (within or self._patience) if started else GLANCE, new=new)
        if (puppet is not None) != started:
            happened = f"a process {name} was started" if puppet else f"no process {name} was started"
            raise Mismatch(f"{name} {'is started' if started else 'is not started'}", happened)
        if puppet is not None and new and name == RUNTIME:
            self._waiting = False

    def do_tell(self, *, name: str = RUNTIME, want: Table = ANYTHING, **order: Any) -> None:
        """Give a process an order."""
        puppet = self._puppet(name)
        self._recorder.note("kit", name, " ".join(shown(value) for value in order.values()))
        if "{api}" in str(want):
            (host, port), prefix = self._server.api
            want = filled(want, {"api": f"{host}:{port}{prefix}"})
        self._judge(want, puppet.tell(order), "it")
        if order["order"] in ("exit", "die") and name == RUNTIME:
            self._waiting = False

    def do_child_gone(self) -> None:
        """The child that the runtime left has ended, too."""
        if not self._server.last_puppet(RUNTIME).child_ended(self._patience):
            raise Mismatch("the child that the runtime left is ended, too", "it goes on living")

    def do_gone(self, *, name: str = RUNTIME, gone: bool = True, words: Any = ()) -> None:
        """A process ends, having said just these words unasked; or it goes on."""
        last = self._server.last_puppet(name).last_words(self._patience if gone else GLANCE)
        if (last is not None) != gone:
            raise Mismatch(
                f"{name} {'ends' if gone else 'goes on living'}", f"it {'goes on living' if gone else 'ends'}"
            )
        self._judge(list(words), last or [], "what it said unasked")

    def do_word(self, *, name: str = RUNTIME, want: Table) -> None:
        """A process says something unasked: that it got a signal."""
        self._judge(want, self._server.last_puppet(name).word(self._patience), "it")

    def do_keep(self, *, value: str, called: str) -> None:
        """Remember a value, for `{name}` in later steps."""
        self._values[called] = value

    def do_log(self, *, within: float | None = None, want: Table) -> None:
        """Lines that match `lines` came in this order in the server's log, none that matches `absent`."""
        lines = want.get("lines", [])
        text = self._server.log_until(lambda log: not first_missing(lines, log), within or self._patience)
        if wrong := log_differences(want, text):
            raise Mismatch(f"log {dict(want)}", wrong)

    def do_signal(self, *, signal: str) -> None:
        """Send a signal to the server itself."""
        self._server.signal(signal)

    def do_server_ends(self) -> None:
        """The server itself ends."""
        self._waiting = False
        if not self._server.ends(self._patience):
            raise Mismatch("the server ends", "it goes on")

    # -- how

    def filled(self, value: Any) -> Any:
        """With the names that are known by now."""
        return filled(value, self._values)

    def _wait_until_read(self) -> None:
        """Have something answered that changes nothing anywhere: what was sent before it has been read then."""
        self.do_send(on="behind", method="POST", path=f"{API}/runtime/invocation/none/response", body="")
        self._observe("behind", self._patience)

    def _puppet(self, name: str) -> Puppet:
        puppet = self._server.puppet(name, self._patience)
        if not puppet:
            raise Mismatch(f"{name} is started", f"no process {name} was started")
        return puppet

    def _post(self, path: str, request: dict[str, Any]) -> None:
        on, want = request.pop("on", "post"), request.pop("want", ACCEPTED)
        path = path.replace("{id}", request.pop("id", self._values["id"]))
        self.do_send(on=on, **{"method": "POST", "path": path, **request})
        self._answer(on, self._patience, want)

    def _connect(self, on: str, address: Address) -> Connection:
        if on in self._connections:
            self._give_up(on)
            self._connections[on].close()
        self._connections[on] = Connection(address)
        return self._connections[on]

    def _send(self, on: str, address: Address, prefix: str, request: Mapping[str, Any], party: str) -> None:
        request = {**request, "path": prefix + request["path"]}
        reuse = request.pop("reuse", False)
        connection = self._connections[on] if reuse and on in self._connections else self._connect(on, address)
        connection.method = request.get("method", "GET")
        self._parties[on] = party
        data = encoded("{}:{}".format(*address), **request)
        head, _, body = data.partition(b"\r\n\r\n")
        line, _, headers = head.decode("latin-1").partition("\r\n")
        self._recorder.note(party, "api", line, headers, body)
        self._open.add(on)
        connection.send(data)

    def _give_up(self, on: str) -> None:
        self._left = self._left or on in self._open
        self._open.discard(on)

    def _observe(self, on: str, within: float) -> Seen | Nothing:
        connection, party = self._connections[on], self._parties.get(on, "runtime")
        try:
            answer = connection.answer(within)
        except Nothing as nothing:
            self._recorder.note(party, party, f"no answer: {nothing.kind}")
            return nothing
        self._open.discard(on)
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers)
        self._recorder.note("api", party, str(answer.status), head, answer.body)
        invoked = self._connections.get("caller", connection).sent_at
        for name, header in NAMED_FROM.items():
            if value := answer.header(header):
                self._values[name] = value
        return Seen(answer, time.time() - connection.sent_at, invoked)

    def _answer(self, on: str, within: float, want: Table) -> Seen | Nothing:
        silent = want.get("silent", within)
        seen = self._observe(on, GLANCE if silent is True else silent)
        if wrong := differences(want, seen):
            raise Mismatch(_told(want), wrong)
        return seen

    def _judge(self, want: Any, found: Any, what: str) -> None:
        if wrong := differs(want, found, what):
            raise Mismatch(_told(want), wrong)


def _told(want: Any) -> str:
    """What is wanted, in few words."""
    if isinstance(want, dict | MappingProxyType):
        return ", ".join(f"{name} {shown(value)}" for name, value in want.items()) or "anything"
    return shown(want)
