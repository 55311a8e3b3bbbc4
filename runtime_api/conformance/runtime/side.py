"""Starts the bootstrap for each case, runs the steps, and ends what it started."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from runtime_api.conformance.exchange import Recorder
from runtime_api.conformance.verdicts import CannotRun, Judgement, Verdict

from .case_run import CaseRun
from .environment import launch
from .harness import Harness
from .private_tmp import TMP, has_private_tmp
from .script import Deviation, run_steps
from .shared_tmp import SharedTmp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Self

    from runtime_api.conformance.cases import Case
    from runtime_api.sandbox import Launch
    from runtime_api.sandbox.entrypoint import Program

__all__ = ["RuntimeSide"]


class RuntimeSide:
    """Judges a bootstrap; `say` gets what its user has to know about the run."""

    def __init__(
        self,
        program: Program,
        handler: str,
        variables: Mapping[str, str],
        timeout_s: float,
        advice: str = "",
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._program = program
        self._advice = advice  # what to do when the bootstrap cannot be started
        self._handler = handler
        self._variables = variables
        self._timeout_s = timeout_s
        self._say = say
        self._shared_tmp: SharedTmp | None = None  # None: each case has a /tmp of its own

    async def __aenter__(self) -> Self:
        """Start the bootstrap once, to see that it can be: bubblewrap's messages would not say why not."""
        async with Harness(Recorder()) as harness:
            launched = self._launch({}, harness.api.address)
            self._start(harness, launched)
        if not has_private_tmp(launched):
            self._shared_tmp = SharedTmp(TMP, self._say)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to release: each case has released what it used."""

    async def run(self, case: Case, rng: Random) -> Judgement:
        """Run one case against a bootstrap process of its own."""
        seed = rng.getrandbits(64)
        if self._shared_tmp is None:
            return await self._run(case, Random(seed))
        return await self._shared_tmp.run(lambda: self._run(case, Random(seed)))

    async def _run(self, case: Case, rng: Random) -> Judgement:
        recorder = Recorder()
        async with Harness(recorder) as harness:
            if not case.given.get("listening", True):
                harness.api.refuse()
            launched = self._launch(case.given, harness.api.address)
            self._start(harness, launched, private_tmp=self._shared_tmp is None)
            run = CaseRun(harness, rng, self._timeout_s, commands=case.level == "contract")
            deviation = await run_steps(run, case.steps)
        return _judgement(case, deviation, recorder)

    def _launch(self, given: Mapping[str, Any], address: str) -> Launch:
        return launch(self._program, self._handler, self._variables, given, address)

    def _start(self, harness: Harness, launched: Launch, *, private_tmp: bool = False) -> None:
        try:
            harness.start(launched, private_tmp=private_tmp)
        except CannotRun as error:
            raise CannotRun(f"{error}; {self._advice}" if self._advice else str(error)) from None


def _judgement(case: Case, deviation: Deviation | None, recorder: Recorder) -> Judgement:
    exchange, seconds = recorder.messages(), recorder.seconds
    if deviation is None:
        return Judgement(case, Verdict.OK, exchange=exchange, seconds=seconds)
    if deviation.unimplemented:
        reason = deviation.unimplemented
        return Judgement(case, Verdict.UNIMPLEMENTED, reason=reason, exchange=exchange, seconds=seconds)
    verdict = Verdict.NON_STRICT if case.strict else Verdict.FAILED
    return Judgement(case, verdict, deviation.expected, deviation.happened, case.reason, exchange, seconds)
