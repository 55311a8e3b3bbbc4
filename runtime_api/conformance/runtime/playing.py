"""Plays one script: what a case's steps do, and what they wait for.

The steps:

    event       wait for a /next, and answer it with an event
    result      wait for a response or an error, and answer it
    invoke      both, `times` in a row
    take_result wait for a result, and end its connection
    next        wait for a /next, and leave it waiting
    polls       wait until several /next are waiting
    raw         answer the /next that waits with a text that need not be HTTP
    parallel    answer several waiting /next with events, and take their results in any order
    init_error, restore_next, restore_error
                wait for it, and answer it
    exit        wait for the end of the process
    any         wait for whichever of several comes
    until_exit  answer all calls in the same way until the process ends
    quiet       nothing happens for some seconds
    idle        the same, and the processes sleep
    output      the process writes something
    signal, refuse, hang_up
                do that
    connections count them
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from runtime_api.conformance.matching import expanded, filled, shown

from .answers import ACCEPTED, answer_bytes, event_headers, in_pieces
from .calls import Call, Ended
from .door import PIECE_S
from .expect import described, differs_from, is_unsupported
from .processes import are_running, processes_of
from .stage import RUNTIME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from .stage import Happening, Stage

__all__ = ["Deviation", "Playing"]

LOOKS = 20


class Deviation(NamedTuple):
    """A step that went otherwise."""

    expected: str
    happened: str
    unimplemented: str = ""  # why this means that the subject just does not have an optional part


class _Deviated(Exception):
    """Something else than expected; of the `kind` of the happening, or "silence"."""

    def __init__(self, expected: str, happened: str, kind: str = "") -> None:
        super().__init__(happened)
        self.expected = expected
        self.happened = happened
        self.kind = kind


class Playing:
    """One playing of one script."""

    def __init__(self, stage: Stage, chance: Random, patience: float, commands: bool) -> None:
        self._stage = stage
        self._chance = chance
        self._patience = patience
        self._commands = commands  # whether the handler knows commands, and may say that it does not know one
        self._waiting: list[Call] = []  # polls for an event that are not answered yet
        self._last: Call | None = None
        self._names = {"id": "", "n": "00", "api": stage.door.address}
        self._count = 0

    async def play(self, steps: Sequence[Mapping[str, Any]]) -> Deviation | None:
        """Do every step; the first that goes otherwise ends it."""
        for step in steps:
            try:
                await self._play_one(step)
            except _Deviated as deviated:
                unimplemented = step.get("otherwise", {}).get(deviated.kind, "")
                return Deviation(deviated.expected, deviated.happened, unimplemented)
            except _Unsupported as unsupported:
                return Deviation("", "", str(unsupported))
        return None

    async def _play_one(self, step: Mapping[str, Any]) -> None:
        await getattr(self, f"_do_{step['do']}")({"id": self._names["id"], **filled(expanded(step), self._names)})

    async def _do_event(self, step: Mapping[str, Any]) -> None:
        call = await self._next(step)
        await self._deliver(call, step)

    async def _next(self, step: Mapping[str, Any]) -> Call:
        """A poll for an event: one that waits already, or the next to come."""
        if self._waiting:
            return self._waiting.pop(0)
        found = await self._expect({"do": "next", "want": step.get("poll", {})})
        assert isinstance(found, Call)
        return found

    async def _deliver(self, call: Call, step: Mapping[str, Any]) -> str:
        """Answer a poll with an event; gives its id."""
        self._count += 1
        self._names["n"] = f"{self._count % 100:02}"
        request_id = step.get("request_id") or str(UUID(int=self._chance.getrandbits(128), version=4))
        self._names["id"] = request_id
        headers = event_headers(step, request_id, self._names)
        await self._send(call, {"body": "{}", **step, "headers": headers})
        return request_id

    async def _do_result(self, step: Mapping[str, Any]) -> None:
        await self._accept(step, ACCEPTED)

    async def _accept(self, step: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Wait for a call and answer it; with `hold` after some seconds, in which nothing else may happen."""
        found = await self._expect(step)
        if "hold" in step:
            await self._do_quiet({"seconds": step["hold"]})
        await self._send(found, {**answer, **step.get("answer", {})})

    async def _do_take_result(self, step: Mapping[str, Any]) -> None:
        """Wait for a result, and end its connection in the place of an answer."""
        found = await self._expect({"do": "result", "id": step["id"]})
        assert isinstance(found, Call)
        await self._stage.door.send(found, (), then=step["then"])

    async def _do_raw(self, step: Mapping[str, Any]) -> None:
        """Answer the poll that waits with this text as it is."""
        self._stage.recorder.note("api", "runtime", step["text"].strip())
        await self._stage.door.send(self._waiting.pop(0), [step["text"].encode()], then=step["then"])

    async def _do_invoke(self, step: Mapping[str, Any]) -> None:
        for _ in range(step.get("times", 1)):
            await self._do_event(step)
            wanted = {key: step[key] for key in ("want", "answer") if key in step}
            await self._do_result({"do": "result", "id": self._names["id"], **filled(wanted, self._names)})

    async def _do_init_error(self, step: Mapping[str, Any]) -> None:
        await self._do_result(step)

    async def _do_restore_next(self, step: Mapping[str, Any]) -> None:
        await self._accept(step, {"status": 200, "headers": []})

    async def _do_restore_error(self, step: Mapping[str, Any]) -> None:
        await self._do_result(step)

    async def _do_next(self, step: Mapping[str, Any]) -> None:
        if not self._waiting:
            found = await self._expect(step)
            assert isinstance(found, Call)
            self._waiting.append(found)

    async def _do_polls(self, step: Mapping[str, Any]) -> None:
        """Several polls wait at the same time."""
        while len(self._waiting) < step["count"]:
            found = await self._expect({"do": "next"})
            assert isinstance(found, Call)
            self._waiting.append(found)

    async def _do_parallel(self, step: Mapping[str, Any]) -> None:
        """Deliver an event to each waiting poll, then take as many results, each told by its id."""
        bodies: dict[str, Any] = {}
        for event in step["events"]:
            request_id = await self._deliver(self._waiting.pop(0), {**step, **event})
            bodies[request_id] = event
        order = list(bodies) if "order" in step else []
        for place in range(len(step["events"])):
            found = await self._take()
            while isinstance(found, Call) and found.kind == "next":  # who has its result accepted may poll again
                self._waiting.append(found)
                found = await self._take()
            event = bodies.pop(getattr(found, "request_id", ""), None)
            if order and getattr(found, "request_id", "") != order[step["order"][place]]:
                raise _Deviated("the result of the quick invocation before that of the slow one", str(found))
            if event is None:
                raise _Deviated("a result of one of the invocations that run", str(found))
            assert isinstance(found, Call)
            self._judge({"do": "result", "id": found.request_id, "want": event.get("want", {})}, found)
            await self._send(found, ACCEPTED)

    async def _do_exit(self, step: Mapping[str, Any]) -> None:
        await self._expect(step)

    async def _do_any(self, step: Mapping[str, Any]) -> None:
        found = await self._take(step)
        ways = [{"id": step["id"], **way} for way in step["of"]]
        way = next((way for way in ways if differs_from(way, found) is None), None)
        if way is None:
            raise _Deviated(described(step), str(found))
        if way["do"] == "next":
            assert isinstance(found, Call)
            self._waiting.append(found)
        elif isinstance(found, Call):
            await self._send(found, {**ACCEPTED, **way.get("answer", {})})

    async def _do_until_exit(self, step: Mapping[str, Any]) -> None:
        """Answer each call in the same way; after `most` of them the process should have ended."""
        for _ in range(step.get("most", 50)):
            found = self._waiting.pop(0) if self._waiting else await self._take(step, "the end of the process")
            if isinstance(found, Ended):
                self._judge({"do": "exit", "want": step.get("want", {})}, found)
                return
            if found.kind not in step.get("calls", ["next"]):
                raise _Deviated("the end of the process", str(found))
            await self._send(found, step.get("answer", {}))
        raise _Deviated("the end of the process", f"{step.get('most', 50)} more calls")

    async def _do_quiet(self, step: Mapping[str, Any]) -> None:
        found = await self._stage.next_happening(step["seconds"])
        if found is not None:
            raise _Deviated(f"nothing for {step['seconds']} s", str(found))

    async def _do_output(self, step: Mapping[str, Any]) -> None:
        wanted = str(step["has"])
        if not await self._stage.wait_output(wanted.encode(), self._patience):
            written = shown(self._stage.output)
            raise _Deviated(f"that the process writes {wanted!r}", f"it wrote {written}")

    async def _do_signal(self, step: Mapping[str, Any]) -> None:
        self._stage.recorder.note("kit", "process", f"SIG{step['name']}")
        self._stage.sandbox.signal(RUNTIME, signal.Signals[f"SIG{step['name']}"])

    async def _do_refuse(self, _step: Mapping[str, Any]) -> None:
        self._stage.recorder.note("kit", "api", "refuse connections")
        self._stage.door.refuse()

    async def _do_hang_up(self, step: Mapping[str, Any]) -> None:
        how = step.get("how", "close")
        self._stage.recorder.note("kit", "api", f"{how} every connection")
        self._waiting.clear()
        self._stage.door.hang_up(reset=how == "reset")

    async def _do_connections(self, step: Mapping[str, Any]) -> None:
        door = self._stage.door
        for what, count in (("ever", door.connected), ("open", door.connections)):
            if what in step and count > step[what]:
                raise _Deviated(f"{step[what]} connections ({what}) at most", f"{count} connections")

    async def _do_idle(self, step: Mapping[str, Any]) -> None:
        """Nothing happens for some seconds, and the processes sleep: they are looked at again and again."""
        processes = processes_of(self._stage.door.address)
        running = 0
        for _ in range(LOOKS):
            await self._do_quiet({"seconds": step["seconds"] / LOOKS})
            running += are_running(processes)
        if running > LOOKS / 2:
            raise _Deviated(
                "a process that sleeps", f"it ran, each time of {running} that it was looked at in {LOOKS}"
            )

    async def _expect(self, step: Mapping[str, Any]) -> Happening:
        found = await self._take(step)
        self._judge(step, found)
        return found

    def _judge(self, step: Mapping[str, Any], found: Happening) -> None:
        if self._commands and is_unsupported(found):
            raise _Unsupported(f"the handler does not have this command: {shown(getattr(found, 'body', b''))}")
        wrong = differs_from(step, found)
        if wrong is not None:
            raise _Deviated(described(step), wrong, found.kind)

    async def _take(self, step: Mapping[str, Any] | None = None, expected: str = "") -> Happening:
        found = await self._stage.next_happening(self._patience)
        if found is None:
            expected = expected or (described(step) if step else "a result")
            raise _Deviated(expected, f"nothing, for {self._patience:g} s", "silence")
        return found

    async def _send(self, call: Happening, answer: Mapping[str, Any]) -> None:
        assert isinstance(call, Call)
        head, body = answer_bytes(answer)
        text = head.decode("utf-8", "replace").strip()
        line, _, rest = text.partition("\r\n")
        self._stage.recorder.note("api", "runtime", line.partition(" ")[2], rest, body)
        pause, then = answer.get("pause", PIECE_S), answer.get("then", "keep")
        await self._stage.door.send(call, in_pieces(head, body, answer), pause=pause, then=then)


class _Unsupported(Exception):
    """The handler says that it does not have a command."""
