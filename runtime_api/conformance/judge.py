"""Plays the selected cases, some at a time, and collects the judgements in the order of the cases."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Protocol

from .cases import LEVELS
from .verdicts import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from .cases import Case

__all__ = ["Side", "judge"]

PASSED = (Verdict.OK, Verdict.NON_STRICT)


class Side(Protocol):
    """One side of the Runtime API, which plays scripts against a subject on the other."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def play(self, case: Case, chance: Random) -> Judgement:
        """Play one case; several are played at a time. All that is left to chance comes from `chance`.

        A subject that misbehaves is a judgement. CannotRun when it cannot be judged at all: it is not there, say.
        """


async def judge(
    side: Side,
    cases: Sequence[Case],
    *,
    jobs: int = 1,
    seed: int = 0,
    tell: Callable[[Judgement], None] = lambda _judgement: None,
) -> list[Judgement]:
    """Judge the subject of an opened side; each judgement is told as soon as it is there."""
    judged: dict[str, Judgement] = {}

    def keep(judgement: Judgement) -> None:
        judged[judgement.case.id] = judgement
        tell(judgement)

    broken = await _play_basics(side, cases, seed, keep)
    rest = []
    for case in cases:
        reason = None if case.basic else _why_not(case, broken)
        if reason:
            keep(Judgement(case, Verdict.SKIPPED, reason=reason))
        elif not case.basic:
            rest.append(case)
    await _play_all(side, rest, jobs, seed, keep)
    return [judged[case.id] for case in cases]


async def _play_basics(
    side: Side, cases: Sequence[Case], seed: int, keep: Callable[[Judgement], None]
) -> Judgement | None:
    """Play them one after another; the first that does not pass, behind which basics are skipped, too."""
    broken: Judgement | None = None
    for case in sorted((case for case in cases if case.basic), key=lambda case: LEVELS.index(case.level)):
        reason = _why_not(case, broken)
        if reason:
            keep(Judgement(case, Verdict.SKIPPED, reason=reason))
            continue
        judgement = await side.play(case, _chance(seed, case))
        keep(judgement)
        if judgement.verdict not in PASSED:
            broken = judgement
    return broken


def _why_not(case: Case, broken: Judgement | None) -> str | None:
    """Why a case cannot be judged; None when it can."""
    if broken is None or LEVELS.index(case.level) < LEVELS.index(broken.case.level):
        return None
    return f"cannot be judged, since {broken.case.id} is {broken.verdict}"


async def _play_all(
    side: Side, cases: Sequence[Case], jobs: int, seed: int, keep: Callable[[Judgement], None]
) -> None:
    """The longest first, so that a long one does not stand alone at the end."""
    waiting = sorted(cases, key=lambda case: case.seconds)

    async def work() -> None:
        while waiting:
            case = waiting.pop()
            keep(await side.play(case, _chance(seed, case)))

    tasks = [asyncio.ensure_future(work()) for _ in range(min(jobs, len(waiting)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _chance(seed: int, case: Case) -> Random:
    """The same for a case, whatever else is played."""
    return Random(f"{seed} {case.id}")
