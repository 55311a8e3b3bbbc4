"""Runs the selected cases, several at a time, and returns the judgements in the order of the cases."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Protocol

from .cases import LEVELS
from .verdicts import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from .cases import Case

__all__ = ["Side", "judge"]

PASSED = (Verdict.OK, Verdict.NON_STRICT)


class Side(Protocol):
    """One side of the Runtime API, which runs cases against a subject on the other side."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def run(self, case: Case, rng: Random) -> Judgement:
        """Run one case, while others run, too; every random choice comes from `rng`.

        A subject that misbehaves gets a judgement. CannotRun when the subject cannot be judged at all, because it is
        missing, for instance.
        """


async def judge(
    side: Side,
    cases: Sequence[Case],
    *,
    jobs: int = 1,
    seed: int = 0,
    on_judgement: Callable[[Judgement], None] = lambda _judgement: None,
    probed: dict[str, Judgement] | None = None,
) -> list[Judgement]:
    """Judge the subject of an opened side; `on_judgement` receives each judgement as soon as it is made.

    `probed` has the judgements of probes that earlier runs have made of this subject, and gets those of this run.
    """
    judged: dict[str, Judgement] = {}

    def keep(judgement: Judgement) -> None:
        judged[judgement.case.id] = judgement
        on_judgement(judgement)

    broken = await _run_basics(side, cases, seed, keep)
    rest = []
    for case in cases:
        reason = None if case.basic else _why_not(case, broken)
        if reason:
            keep(Judgement(case, Verdict.SKIPPED, reason=reason))
        elif not case.basic:
            rest.append(case)
    await _run_features(side, rest, jobs, seed, keep, {} if probed is None else probed)
    return [judged[case.id] for case in cases]


async def _run_basics(
    side: Side, cases: Sequence[Case], seed: int, keep: Callable[[Judgement], None]
) -> Judgement | None:
    """Run the basic cases one after another, and return the first that does not pass; the rest are skipped."""
    broken: Judgement | None = None
    for case in sorted((case for case in cases if case.basic), key=lambda case: LEVELS.index(case.level)):
        reason = _why_not(case, broken)
        if reason:
            keep(Judgement(case, Verdict.SKIPPED, reason=reason))
            continue
        judgement = await side.run(case, _rng(seed, case))
        keep(judgement)
        if judgement.verdict not in PASSED:
            broken = judgement
    return broken


def _why_not(case: Case, broken: Judgement | None) -> str | None:
    """Why a case cannot be judged; None when it can."""
    if broken is None or LEVELS.index(case.level) < LEVELS.index(broken.case.level):
        return None
    return f"cannot be judged because {broken.case.id} is {broken.verdict}"


async def _run_features(
    side: Side,
    cases: Sequence[Case],
    jobs: int,
    seed: int,
    keep: Callable[[Judgement], None],
    probed: dict[str, Judgement],
) -> None:
    """Run the cases, those of a feature after its probe: when that is UNIMPLEMENTED, so are they, without a run."""
    probes = {case.probe.id: case.probe for case in cases if case.probe is not None and case.probe.id not in probed}

    def keep_probe(judgement: Judgement) -> None:
        probed[judgement.case.id] = judgement

    await _run_all(side, list(probes.values()), jobs, seed, keep_probe)
    rest = []
    for case in cases:
        probe = probed.get(case.probe.id) if case.probe is not None else None
        if case.id in probed:
            keep(probed[case.id])
        elif probe is not None and probe.verdict is Verdict.UNIMPLEMENTED:
            keep(Judgement(case, Verdict.UNIMPLEMENTED, reason=probe.reason))
        else:
            rest.append(case)
    await _run_all(side, rest, jobs, seed, keep)


async def _run_all(
    side: Side, cases: Sequence[Case], jobs: int, seed: int, keep: Callable[[Judgement], None]
) -> None:
    """Run the longest cases first, so that none of them runs alone at the end."""
    waiting = sorted(cases, key=lambda case: case.seconds)

    async def work() -> None:
        while waiting:
            case = waiting.pop()
            keep(await side.run(case, _rng(seed, case)))

    tasks = [asyncio.ensure_future(work()) for _ in range(min(jobs, len(waiting)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _rng(seed: int, case: Case) -> Random:
    """A generator for one case, so that its choices do not depend on which other cases run."""
    return Random(f"{seed} {case.id}")
