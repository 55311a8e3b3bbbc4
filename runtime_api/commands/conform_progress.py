"""What `bootjack conform` says on stderr while it runs: a line redrawn on a terminal, else a line now and then."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.conformance.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from random import Random

    from runtime_api.conformance.cases import Case
    from runtime_api.conformance.judge import Side
    from runtime_api.conformance.verdicts import Judgement

__all__ = ["Progress", "Standing", "Watched", "line", "note"]

REDRAW_S = 0.25  # on a terminal
REPEAT_S = 5.0  # elsewhere
SHORT_CASE_S = 0.3  # about what a case takes that does not say how long it takes
GUESS_AFTER_S = 1.5
CLEAR = "\r\x1b[K"  # takes the line away that is being redrawn


class Standing(NamedTuple):
    """How far a run is."""

    done: int
    cases: int
    failed: int
    seconds: float  # so far
    left_s: float | None  # about; None while it is too early to say
    longest: tuple[str, float] | None  # the case that has run longest, and its seconds


def line(now: Standing) -> str:
    """The standing in one line."""
    parts = [f"{now.done} of {now.cases} cases"]
    parts += [f"{now.failed} FAILED"] if now.failed else []
    parts.append(f"{now.seconds:.0f} s")
    parts += [f"about {max(1, round(now.left_s))} s left"] if now.left_s is not None and now.done < now.cases else []
    running = f"; {now.longest[0]} ({now.longest[1]:.0f} s)" if now.longest else ""
    return f"conform: {', '.join(parts)}{running}"


def note(text: str) -> None:
    """Say something on stderr that stays: on a terminal it replaces the line, which is drawn again below it."""
    if sys.stderr is not None:
        print(f"{CLEAR if sys.stderr.isatty() else ''}{text}", file=sys.stderr, flush=True)


class Progress:
    """Keeps the standing of a run, and shows it while the run lasts."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._begin = time.monotonic()
        self._weights = {case.id: case.seconds or SHORT_CASE_S for case in cases}
        self._running: dict[str, float] = {}
        self._done = 0
        self._failed = 0
        self._left = sum(self._weights.values())
        self._whole = self._left

    def begun(self, case: Case) -> None:
        """A case begins."""
        self._running[case.id] = time.monotonic()

    def judged(self, judgement: Judgement) -> None:
        """A case has its judgement."""
        self._running.pop(judgement.case.id, None)
        self._left -= self._weights[judgement.case.id]
        self._done += 1
        self._failed += judgement.verdict is Verdict.FAILED

    def standing(self) -> Standing:
        """How far the run is now."""
        now = time.monotonic()
        seconds, done = now - self._begin, self._whole - self._left
        left_s = self._left * seconds / done if done and seconds > GUESS_AFTER_S else None
        longest = min(self._running.items(), key=lambda item: item[1], default=None)
        case = (longest[0], now - longest[1]) if longest else None
        return Standing(self._done, len(self._weights), self._failed, seconds, left_s, case)

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Show the standing on stderr, if there is one, until the block ends."""
        showing = asyncio.ensure_future(self._show())
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    async def _show(self) -> None:
        if sys.stderr is None:
            return
        if not sys.stderr.isatty():
            while True:
                await asyncio.sleep(REPEAT_S)
                print(line(self.standing()), file=sys.stderr, flush=True)
        try:
            while True:
                width = shutil.get_terminal_size().columns - 1
                print(f"\r{line(self.standing())[:width]}\x1b[K", end="", file=sys.stderr, flush=True)
                await asyncio.sleep(REDRAW_S)
        finally:
            print(CLEAR, end="", file=sys.stderr, flush=True)


class Watched:
    """A side that tells the progress when a case begins."""

    def __init__(self, side: Side, progress: Progress) -> None:
        self._side = side
        self._progress = progress

    async def __aenter__(self) -> Watched:
        await self._side.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._side.__aexit__(*error)

    async def run(self, case: Case, rng: Random) -> Judgement:
        """Run the case on the side."""
        self._progress.begun(case)
        return await self._side.run(case, rng)
