"""One run of one case against a bootstrap: what its steps share, and how they observe and answer calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from .answers import answer_bytes, event_headers, in_pieces
from .calls import Call
from .expect import described, differs_from, why_unsupported
from .listener import PIECE_S

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from .harness import Harness, Observation

__all__ = ["CaseRun", "CommandUnsupported", "Deviated"]


class Deviated(Exception):
    """The bootstrap did something else than expected: an observation of this kind, or "silence"."""

    def __init__(self, expected: str, happened: str, kind: str = "") -> None:
        super().__init__(happened)
        self.expected = expected
        self.happened = happened
        self.kind = kind


class CommandUnsupported(Exception):
    """The conformance handler says that it does not support a command, or a part of its answer."""


class CaseRun:
    """The state of a run."""

    def __init__(self, harness: Harness, rng: Random, timeout_s: float, *, commands: bool) -> None:
        self.harness = harness
        self.timeout_s = timeout_s
        self.waiting: list[Call] = []  # polls for an event that are not answered yet
        self.names = {"id": "", "n": "00", "api": harness.api.address}  # filled into the texts of later steps
        self._rng = rng
        self._commands = commands  # whether the handler takes commands, and may not support one of them
        self._count = 0

    async def next_poll(self, step: Mapping[str, Any]) -> Call:
        """A poll for an event: one that is waiting, or the next to arrive."""
        if self.waiting:
            return self.waiting.pop(0)
        return await self.expect_call({"do": "next", "want": step.get("poll", {})})

    async def deliver(self, call: Call, step: Mapping[str, Any]) -> str:
        """Answer a poll with an event; returns its request id."""
        self._count += 1
        self.names["n"] = f"{self._count % 100:02}"
        request_id = step.get("request_id") or str(UUID(int=self._rng.getrandbits(128), version=4))
        self.names["id"] = request_id
        headers = event_headers(step, request_id, self.names)
        await self.send(call, {"body": "{}", **step, "headers": headers})
        return request_id

    async def accept(self, step: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Wait for a call and answer it; with `hold` only after that many seconds without any other call."""
        found = await self.expect_call(step)
        if "hold" in step:
            await self.expect_nothing(step["hold"])
        await self.send(found, {**answer, **step.get("answer", {})})

    async def expect(self, step: Mapping[str, Any], *, or_sleeps: bool = False) -> Observation:
        """The next observation; Deviated when it is not what the step expects."""
        found = await self.take(step, or_sleeps=or_sleeps)
        self.judge(step, found)
        return found

    async def expect_call(self, step: Mapping[str, Any], *, or_sleeps: bool = False) -> Call:
        """The next observation, of a step that expects a call."""
        found = await self.expect(step, or_sleeps=or_sleeps)
        assert isinstance(found, Call), "`judge` refuses every other kind of observation"
        return found

    async def expect_nothing(self, seconds: float) -> None:
        """Deviated when anything is observed during that time."""
        found = await self.harness.next_observation(seconds)
        if found is not None:
            raise Deviated(f"nothing for {seconds} s", str(found))

    async def take(
        self, step: Mapping[str, Any] | None = None, expected: str = "", *, or_sleeps: bool = False
    ) -> Observation:
        """The next observation of any kind; Deviated when none comes, or when the bootstrap `or_sleeps` instead."""
        found = await self.harness.expected_observation(self.timeout_s, or_sleeps=or_sleeps)
        if found is None:
            expected = expected or (described(step) if step else "a result")
            happened = "nothing: its processes sleep" if or_sleeps else f"nothing for {self.timeout_s:g} s"
            raise Deviated(expected, happened, "silence")
        return found

    def judge(self, step: Mapping[str, Any], found: Observation) -> None:
        """Deviated when an observation is not what the step expects."""
        wrong = differs_from(step, found)
        unsupported = why_unsupported(step, found, wrong) if self._commands else None
        if unsupported is not None:
            raise CommandUnsupported(unsupported)
        if wrong is not None:
            raise Deviated(described(step), wrong, found.kind)

    async def send(self, call: Call, answer: Mapping[str, Any]) -> None:
        """Answer a call."""
        head, body = answer_bytes(answer)
        pieces = tuple(in_pieces(head, body, answer))
        self._note_answer(call, pieces, len(head), len(head) + len(body))
        pause, then = answer.get("pause", PIECE_S), answer.get("then", "keep")
        await self.harness.api.send(call, pieces, pause=pause, then=then)

    def _note_answer(self, call: Call, pieces: tuple[bytes, ...], head: int, whole: int) -> None:
        """Record what is sent, which may be less than the whole answer, whose head has so many bytes."""
        sent = b"".join(pieces)
        line, _, rest = sent[:head].decode("utf-8", "replace").rstrip("\r\n").partition("\r\n")
        notes = [f"in {len(pieces)} pieces"] if len(pieces) > 1 else []
        notes += [f"only {len(sent)} of {whole} bytes"] if len(sent) < whole else []
        text = line.partition(" ")[2] + (f" ({', '.join(notes)})" if notes else "")
        self.harness.recorder.note("api", "runtime", text, rest, sent[head:], call.connection)
