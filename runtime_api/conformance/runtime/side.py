"""Starts the bootstrap for each case, runs the steps, and ends what it started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.conformance.exchange import Recorder
from runtime_api.conformance.verdicts import CannotRun, Judgement, Verdict

from .case_run import CaseRun
from .environment import launch
from .harness import Harness
from .script import Deviation, run_steps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random
    from typing import Self

    from runtime_api.conformance.cases import Case
    from runtime_api.sandbox.entrypoint import Program

__all__ = ["RuntimeSide"]


class RuntimeSide:
    """Judges a bootstrap."""

    def __init__(
        self, program: Program, handler: str, variables: Mapping[str, str], timeout_s: float, advice: str = ""
    ) -> None:
        self._program = program
        self._advice = advice  # what to do when the bootstrap cannot be started
        self._handler = handler
        self._variables = variables
        self._timeout_s = timeout_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to release: each case has released what it used."""

    async def run(self, case: Case, rng: Random) -> Judgement:
        """Run one case against a bootstrap process of its own."""
        recorder = Recorder()
        async with Harness(recorder) as harness:
            if not case.given.get("listening", True):
                harness.api.refuse()
            address = harness.api.address
            try:
                harness.start(launch(self._program, self._handler, self._variables, case.given, address))
            except CannotRun as error:
                raise CannotRun(f"{error}; {self._advice}" if self._advice else str(error)) from None
            run = CaseRun(harness, rng, self._timeout_s, commands=case.level == "contract")
            deviation = await run_steps(run, case.steps)
        return _judgement(case, deviation, recorder)


def _judgement(case: Case, deviation: Deviation | None, recorder: Recorder) -> Judgement:
    exchange, seconds = recorder.messages(), recorder.seconds
    if deviation is None:
        return Judgement(case, Verdict.OK, exchange=exchange, seconds=seconds)
    if deviation.unimplemented:
        reason = deviation.unimplemented
        return Judgement(case, Verdict.UNIMPLEMENTED, reason=reason, exchange=exchange, seconds=seconds)
    verdict = Verdict.NON_STRICT if case.strict else Verdict.FAILED
    return Judgement(case, verdict, deviation.expected, deviation.happened, "", exchange, seconds)
