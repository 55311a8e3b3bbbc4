"""Plays a case's steps against a server under test.

Every step is a table: `do` names a method below, the other keys are its arguments, and `want` is what has to be
observed. A deviation replaces wants of single steps; what is seen then has to differ from the case's own want, too.
A step is called by its `do` and, from the second on, its number: `answer`, `answer-2`.
"""

import re
import select
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tests.wire.connection import Address, Connection, Nothing
from tests.wire.expect import Seen, Table, differences, log_differences, table_differences
from tests.wire.request import encoded
from tests.wire.servers import Puppet, Server

PATIENCE = 5.0
# How long to look for something that should not happen.
GLANCE = 0.2
API = "/2018-06-01"
NEXT = f"{API}/runtime/invocation/next"
INVOKE = "/2015-03-31/functions/function/invocations"

ANYTHING: Table = MappingProxyType({})
ACCEPTED: Table = MappingProxyType(
    {"status": 202, "body": '{"status":"OK"}\n', "headers": {"Content-Type": "application/json"}}
)
# Of a table that is replaced, the values not named stay; of the ways to describe a body, one is enough.
MERGED = {"headers", "env"}
BODIES = {"body", "json", "error", "transition"}
ERROR = '{"errorMessage":"broken","errorType":"Function.Broken"}'
INIT_ERROR = '{"errorMessage":"cannot start","errorType":"Runtime.Broken"}'


class Mismatch(AssertionError):
    """The server did something else than the case, or its deviation, says."""


class Script:
    """One playing of one case."""

    def __init__(self, server: Server, instead: Mapping[str, Table]) -> None:
        self._server = server
        self._instead = instead
        self._counts: Counter[str] = Counter()
        self._step = ""
        self._connections: dict[str, Connection] = {}
        self._waiting = False  # whether "poll" is an open request for an event
        host, port = server.api_address
        self._values: dict[str, str] = {"id": "none", "api": f"{host}:{port}", "cwd": str(server.folder)}

    def play(self, steps: Sequence[Table]) -> None:
        """Do every step; raise `Mismatch` at the first that is not as wanted."""
        self._server.forget_log()
        left = dict(self._instead)
        try:
            for step in steps:
                self._play_one(dict(step))
                if left.pop(self._step, ANYTHING).get("stop"):
                    break
        except (Nothing, AssertionError) as error:
            raise Mismatch(f"step {self._step}: {error}\n--- log ---\n{self._server.log()}") from None
        finally:
            for connection in self._connections.values():
                connection.close()
        if left:
            raise Mismatch(f"a deviation names steps that were not played: {sorted(left)}")

    def _play_one(self, step: dict[str, Any]) -> None:
        kind = step.pop("do")
        self._counts[kind] += 1
        self._step = kind if self._counts[kind] == 1 else f"{kind}-{self._counts[kind]}"
        getattr(self, f"do_{kind}")(**self._filled(step))

    def do_invoke(self, *, on: str = "caller", **request: Any) -> None:
        """Send an invocation; its answer is read by `answer`."""
        self._send(on, self._server.invoke_address, {"method": "POST", "path": INVOKE, "body": "{}", **request})

    def do_puppet(self, *, new: bool = False, within: float = PATIENCE, want: Table = ANYTHING) -> None:
        """Wait until the runtime process is there; `new`: another one than before."""
        wanted = self._replaced({"started": True, **want})
        puppet = self._server.puppet(within if wanted["started"] else GLANCE, new=new)
        self._judge({"started": True, **want}, {"started": puppet is not None})

    def do_deliver(self, *, new: bool = False, want: Table = ANYTHING, **request: Any) -> None:
        """Invoke, let the runtime start when it has to, and take the event, by the poll that waits if one does."""
        self.do_invoke(**request)
        if not self._server.puppet(PATIENCE, new=new):
            raise Mismatch("no runtime process was started")
        if self._waiting:
            self.do_event(want=want)
        else:
            self.do_next(want=want)

    def do_next(self, *, on: str = "runtime", want: Table = ANYTHING, **request: Any) -> None:
        """Ask for an event and take it."""
        self._send(on, self._server.api_address, {"path": NEXT, **request})
        self.do_event(on=on, want=want)

    def do_park(self, *, on: str = "poll", **request: Any) -> None:
        """Ask for an event and leave the request open; the ping behind it shows that the server has read it."""
        self._send(on, self._server.api_address, {"path": NEXT, **request})
        self._send("ping", self._server.api_address, {"path": f"{API}/ping"})
        self._connections["ping"].answer(PATIENCE)
        self._waiting = self._waiting or on == "poll"

    def do_event(self, *, on: str = "poll", within: float = PATIENCE, want: Table = ANYTHING) -> None:
        """Take the event that an open request brings."""
        self._waiting = self._waiting and on != "poll"
        seen = self._answer(on, within, {"status": 200, **want})
        if isinstance(seen, Seen):
            self._values["id"] = seen.answer.header("Lambda-Runtime-Aws-Request-Id") or self._values["id"]
            self._values["invocation"] = seen.answer.header("Lambda-Runtime-Invocation-Id") or "none"

    def do_respond(self, **request: Any) -> None:
        """Post a response for the invocation taken last."""
        self._post("/runtime/invocation/{id}/response", {"body": '"done"', **request})

    def do_fail(self, **request: Any) -> None:
        """Post an error for the invocation taken last."""
        self._post("/runtime/invocation/{id}/error", {"body": ERROR, **request})

    def do_fail_init(self, **request: Any) -> None:
        """Post an init error."""
        self._post("/runtime/init/error", {"body": INIT_ERROR, **request})

    def do_finish(self, *, want: Table = ANYTHING) -> None:
        """Respond, go back to waiting, and see that the caller gets the response."""
        self._post("/runtime/invocation/{id}/response", {"body": '"fine"'}, judged=False)
        self.do_park()
        self._answer("caller", PATIENCE, {"status": 200, "body": '"fine"', **want})

    def do_call(self, *, on: str = "call", want: Table = ANYTHING, **request: Any) -> None:
        """Send any request to the Runtime API and read its answer."""
        self._send(on, self._server.api_address, request)
        self._answer(on, PATIENCE, want)

    def do_send(self, *, on: str = "call", **request: Any) -> None:
        """Send any request to the Runtime API and leave it open."""
        self._send(on, self._server.api_address, request)

    def do_raw(self, *, text: str, on: str = "call") -> None:
        """Send characters as they are, on the connection of that name or on a new one."""
        connection = self._connections.get(on) or self._connect(on, self._server.api_address)
        connection.send(text.encode("latin-1"))

    def do_answer(self, *, on: str = "caller", within: float = PATIENCE, want: Table = ANYTHING) -> None:
        """Read the answer on a connection."""
        self._answer(on, within, want)

    def do_interim(self, *, on: str = "call", want: Table) -> None:
        """Read one informational answer, with the rest of the request still to be sent."""
        self._judge(want, {"status": self._connections[on].interim(PATIENCE)})

    def do_race(self, *, on: list[str]) -> None:
        """See which of two open requests is answered first; they are called `winner` and `loser` from then on."""
        racers = [self._connections.pop(name) for name in on]
        first = select.select(racers, [], [], PATIENCE)[0]
        winner, loser = sorted(racers, key=lambda racer: racer not in first)
        self._connections |= {"winner": winner, "loser": loser}

    def do_hang_up(self, *, on: str = "call", how: str = "close") -> None:
        """Close a connection: `close`, `reset`, or `half` (our direction only)."""
        connection = self._connections[on]
        self._waiting = self._waiting and on != "poll"
        {"close": connection.close, "reset": connection.reset, "half": connection.finish_sending}[how]()

    def do_tell(self, *, want: Table = ANYTHING, **order: Any) -> None:
        """Give the runtime process an order."""
        self._judge(want, self._puppet().tell(order))

    def do_child_gone(self, *, want: Table = ANYTHING) -> None:
        """The child that the runtime left has ended, too."""
        patience = PATIENCE if self._replaced({"gone": True, **want})["gone"] else GLANCE
        self._judge({"gone": True, **want}, {"gone": self._server.last_puppet().child_ended(patience)})

    def do_gone(self, *, within: float = PATIENCE, want: Table = ANYTHING) -> None:
        """The runtime process ends, and has said nothing unasked before."""
        wanted = self._replaced({"gone": True, **want})
        words = self._server.last_puppet().last_words(within if wanted["gone"] else GLANCE)
        self._judge({"gone": True, "words": [], **want}, {"gone": words is not None, "words": words or []})

    def do_keep(self, *, value: str, called: str) -> None:
        """Remember a value, for `{name}` in later steps."""
        self._values[called] = value

    def do_log(self, *, within: float = PATIENCE, want: Table) -> None:
        """Lines that match `lines` came in this order in the server's log, none that matches `absent`."""
        wanted = self._replaced(want)
        self._server.log_has(wanted.get("lines", []), within)
        text = self._server.log()
        self._compare(want, lambda wants: log_differences(wants, text))

    def do_signal(self, *, signal: str) -> None:
        """Send a signal to the server itself."""
        self._server.signal(signal)

    def do_server_ends(self, *, want: Table) -> None:
        """The server itself ends."""
        code = self._server.exit_code(PATIENCE)
        self._judge(want, {"ended": code is not None, "code": code})

    def _puppet(self) -> Puppet:
        puppet = self._server.puppet(PATIENCE)
        if not puppet:
            raise Mismatch("no runtime process was started")
        return puppet

    def _post(self, path: str, request: dict[str, Any], *, judged: bool = True) -> None:
        on, want = request.pop("on", "post"), request.pop("want", ACCEPTED)
        filled = API + path.replace("{id}", request.pop("id", self._values["id"]))
        self._send(on, self._server.api_address, {"method": "POST", "path": filled, **request})
        if judged:
            self._answer(on, PATIENCE, want)
        elif differences(want, self._observe(on, PATIENCE)):
            raise Mismatch("the response was not accepted")

    def _connect(self, on: str, address: Address) -> Connection:
        if on in self._connections:
            self._connections[on].close()
        self._connections[on] = Connection(address)
        return self._connections[on]

    def _send(self, on: str, address: Address, request: dict[str, Any]) -> None:
        connection = self._connections[on] if request.pop("reuse", False) else self._connect(on, address)
        connection.method = request.get("method", "GET")
        connection.send(encoded("{}:{}".format(*address), **request))

    def _observe(self, on: str, within: float) -> Seen | Nothing:
        connection = self._connections[on]
        try:
            answer = connection.answer(within)
        except Nothing as nothing:
            return nothing
        invoked = self._connections.get("caller", connection).sent_at
        return Seen(answer, time.time() - connection.sent_at, invoked)

    def _answer(self, on: str, within: float, want: Table) -> Seen | Nothing:
        silent = self._replaced(want).get("silent", within)
        seen = self._observe(on, GLANCE if silent is True else silent)
        self._compare(want, lambda wants: differences(wants, seen))
        return seen

    def _judge(self, want: Table, found: Table) -> None:
        self._compare(want, lambda wants: table_differences(wants, found))

    def _compare(self, want: Table, judge: Callable[[Table], dict[str, str]]) -> None:
        if wrong := judge(self._replaced(want)):
            raise Mismatch("\n".join(wrong.values()))
        if self._step in self._instead:
            own = judge(self._filled(want))
            if not own or any(key in want and key not in own for key in self._instead[self._step]):
                raise Mismatch(f"the case's own want is fulfilled, in part at least: this is no deviation: {own}")

    def _replaced(self, want: Table) -> dict[str, Any]:
        instead = {key: value for key, value in self._instead.get(self._step, {}).items() if key != "stop"}
        if set(Nothing.kinds) & set(instead):
            return dict(self._filled(instead))
        others = BODIES if BODIES & set(instead) else set()
        answered = set(Nothing.kinds) if instead else set()
        merged = {key: value for key, value in want.items() if key not in others | answered}
        for key, value in instead.items():
            merged[key] = {**merged.get(key, {}), **value} if key in MERGED else value
        return dict(self._filled(merged))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", lambda name: self._values.get(name[1], name[0]), value)
        return value
