"""Judging a subject whose deviations are known, without waiting long for what is known not to come.

Most deviations show as silence, which lasts as long as the kit waits. A case that is known to deviate gets
`SHORT_TIMEOUT_S`. Every other case gets the whole timeout, so that slowness on a busy machine does not count as a
deviation. With the short timeout, a busy machine can at worst hide that a known deviation is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.conformance.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from runtime_api.conformance.cases import Case
    from runtime_api.conformance.judge import Side
    from runtime_api.conformance.verdicts import Judgement

__all__ = ["judge_known"]

SHORT_TIMEOUT_S = 2.0


async def judge_known(
    side: Callable[[float], Side], cases: Sequence[Case], known: Collection[str], jobs: int, timeout_s: float
) -> list[Judgement]:
    """Judge a subject with a side for each of the two waits."""
    judgements = []
    for seconds, are_known in ((timeout_s, False), (min(timeout_s, SHORT_TIMEOUT_S), True)):
        # Basic cases come first: behind one that fails, others are skipped.
        chosen = [case for case in cases if (case.id in known and not case.basic) is are_known]
        async with side(seconds) as opened:
            judgements += await judge(opened, chosen, jobs=jobs)
    return judgements
