"""One run of one case against a server: its connections, and the values that its steps refer to.

Connections have names. "poll" is the one in which the runtime waits for an event between cases; `polling` says
whether its request is open. A server need not notice that a client has gone, so a session can serve the next case
only when the waiting poll is the one request that is open at the end, and no request was given up before
(`reusable_poll`).
"""

from __future__ import annotations

import select
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.matching import differs, filled
from runtime_api.conformance.words import in_words, wanted

from .connection import Address, Connection, NoAnswer
from .expect import Observed, Table, differences
from .request import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from runtime_api.conformance.exchange import Recorder

    from .puppets import Puppet
    from .sessions import Session
    from .telemetry import TelemetryListener

__all__ = ["ANYTHING", "GLANCE_S", "CaseRun", "Mismatch", "described"]

GLANCE_S = 0.25  # how long to look for something that should not happen
ENDS = {
    "close": "closes the connection",
    "reset": "resets the connection",
    "half": "closes the connection in one direction",
}
ANYTHING: Table = MappingProxyType({})
# The values that answers define, by the name that later steps use.
VALUE_HEADERS = {
    "id": "Lambda-Runtime-Aws-Request-Id",
    "invocation": "Lambda-Runtime-Invocation-Id",
    "extension": "Lambda-Extension-Identifier",
}


class Mismatch(Exception):
    """The server did something other than the case expects."""

    def __init__(self, expected: str, happened: str) -> None:
        super().__init__(happened)
        self.expected = expected
        self.happened = happened


class CaseRun:
    """What the steps of one case share."""

    def __init__(self, session: Session, recorder: Recorder, rng: Random, timeout_s: float) -> None:
        self.server = session.server
        self.recorder = recorder
        self.rng = rng
        self.timeout_s = timeout_s
        self.values: dict[str, str] = {"id": "none", **self.server.told}
        self.telemetry: TelemetryListener | None = None
        self.polling = session.poll is not None
        self._connections: dict[str, Connection] = {} if session.poll is None else {"poll": session.poll}
        self._parties: dict[str, str] = {}
        self._open: set[str] = set(self._connections)  # connections with an unanswered request
        self._given_up = False  # whether a connection was closed while its request was open

    def filled(self, value: Any) -> Any:
        """A step's value with the known names filled in."""
        return filled(value, self.values)

    def send(self, on: str, address: Address, prefix: str, request: Mapping[str, Any], party: str) -> None:
        """Send a request on a new connection, or with `reuse` on the one of that name."""
        request = {**request, "path": prefix + request["path"]}
        reuse = request.pop("reuse", False)
        connection = self._connections[on] if reuse and on in self._connections else self._connect(on, address, party)
        connection.method = request.get("method", "GET")
        self._parties[on] = party
        data = encoded("{}:{}".format(*address), **request)
        head, _, body = data.partition(b"\r\n\r\n")
        line, _, headers = head.decode("latin-1").partition("\r\n")
        self.recorder.note(party, "api", line, headers, body)
        self._open.add(on)
        connection.send(data)

    def send_characters(self, on: str, address: Address, text: str) -> None:
        """Send characters that need not be HTTP, on the connection of that name or on a new one."""
        self._parties.setdefault(on, "runtime")
        connection = self._connections.get(on) or self._connect(on, address, self._parties[on])
        self._open.add(on)
        connection.send(text.encode("latin-1"))

    def expect_answer(self, on: str, within: float, want: Table) -> Observed | NoAnswer:
        """Read an answer; Mismatch when it is not what is wanted."""
        silent = want.get("silent", within)
        observed = self.observe(on, GLANCE_S if silent is True else silent)
        if wrong := differences(want, observed):
            raise Mismatch(described(want), wrong)
        return observed

    def observe(self, on: str, within: float) -> Observed | NoAnswer:
        """Read an answer, and keep the values it defines."""
        connection, party = self._connections[on], self._parties.get(on, "runtime")
        try:
            answer = connection.answer(within)
        except NoAnswer as nothing:
            self._note_nothing(party, nothing, within)
            return nothing
        self._open.discard(on)
        how = f" (in {answer.chunks} chunk{'s'[: answer.chunks != 1]})" if answer.chunks else ""
        self.recorder.note("api", party, f"{answer.status} {answer.reason}{how}", _lines(answer.headers), answer.body)
        invoked = self._connections.get("caller", connection).sent_at
        for name, header in VALUE_HEADERS.items():
            if value := answer.header(header):
                self.values[name] = value
        return Observed(answer, time.time() - connection.sent_at, invoked)

    def interim(self, on: str) -> int:
        """Read an informational answer, or the head of one whose body has not ended; its status."""
        head = self._connections[on].interim(self.timeout_s)
        text = f"{head.status} {head.reason} (the head)"
        self.recorder.note("api", self._parties.get(on, "runtime"), text, _lines(head.headers))
        return head.status

    def _note_nothing(self, party: str, nothing: NoAnswer, within: float) -> None:
        """Record that no answer came, and what came of one."""
        if nothing.kind == "closed":
            self.recorder.note("api", party, "closes the connection", body=nothing.received)
        else:
            self.recorder.note(party, party, f"no answer for {within:g} s", body=nothing.received)

    def server_starts_again(self, timeout_s: float) -> bool | None:
        """Whether the server starts a process before it answers the caller; None when it does neither in time."""
        return self.server.starts_before_answering(self._connections["caller"], timeout_s)

    def race(self, names: Sequence[str]) -> None:
        """Wait for the first answer on two connections, and rename them to `winner` and `loser`."""
        racers = [self._connections.pop(name) for name in names]
        self._open = self._open - set(names) | {"winner", "loser"}
        self.polling = self.polling and "poll" not in names
        first = select.select(racers, [], [], self.timeout_s)[0]
        winner, loser = sorted(racers, key=lambda racer: racer not in first)
        self._connections |= {"winner": winner, "loser": loser}

    def hang_up(self, on: str, how: str) -> None:
        """Close a connection: `close`, `reset`, or `half` for the sending direction only."""
        connection = self._connections[on]
        self.polling = self.polling and on != "poll"
        if how != "half":
            self._give_up(on)
        self.recorder.note(self._parties.get(on, "runtime"), "api", ENDS[how])
        {"close": connection.close, "reset": connection.reset, "half": connection.finish_sending}[how]()

    def puppet(self, name: str) -> Puppet:
        """The running process of that name; Mismatch when there is none."""
        puppet = self.server.puppet(name, self.timeout_s)
        if not puppet:
            raise Mismatch(f"process {name} is started", f"no process {name} was started")
        return puppet

    def judge(self, want: Any, found: Any, what: str) -> None:
        """Mismatch when a value does not match a pattern."""
        if wrong := differs(want, found, what):
            raise Mismatch(described(want), wrong)

    def reusable_poll(self) -> Connection | None:
        """The waiting poll, to be passed on to the next case; None when the session cannot be reused."""
        clean = self.polling and not self._given_up and self._open <= {"poll"}
        return self._connections.pop("poll") if clean else None

    def close(self) -> None:
        """Close every connection that is not passed on."""
        for connection in self._connections.values():
            connection.close()
        if self.telemetry is not None:
            self.telemetry.close()

    def _connect(self, on: str, address: Address, party: str) -> Connection:
        if on in self._connections:
            self._give_up(on)
            self.recorder.note(self._parties.get(on, party), "api", ENDS["close"])
            self._connections[on].close()
        self._connections[on] = Connection(address, self.server.caller(address, party))
        return self._connections[on]

    def _give_up(self, on: str) -> None:
        self._given_up = self._given_up or on in self._open
        self._open.discard(on)


def _lines(headers: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)


def described(want: Any) -> str:
    """What is wanted, in a few words."""
    if isinstance(want, dict | MappingProxyType):
        return wanted(want)
    return in_words(want)
