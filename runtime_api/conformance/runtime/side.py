"""The side itself: starts the bootstrap for each case, plays the case's script, and ends what it started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.conformance.exchange import Recorder
from runtime_api.conformance.verdicts import Judgement, Verdict

from .playing import Deviation, Playing
from .stage import Stage
from .surroundings import launch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random
    from types import TracebackType
    from typing import Self

    from runtime_api.conformance.cases import Case
    from runtime_api.sandbox.entrypoint import Program

__all__ = ["RuntimeSide"]


class RuntimeSide:
    """Judges the bootstrap of a program."""

    def __init__(self, program: Program, handler: str, variables: Mapping[str, str], patience: float) -> None:
        self._program = program
        self._handler = handler
        self._variables = variables
        self._patience = patience

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing outlives a case."""

    async def play(self, case: Case, chance: Random) -> Judgement:
        """Play one case against a bootstrap of its own."""
        recorder = Recorder()
        async with Stage(recorder) as stage:
            address = stage.door.address
            if case.given.get("door") == "closed":
                stage.door.refuse()
            stage.start(launch(self._program, self._handler, self._variables, case.given, address))
            playing = Playing(stage, chance, self._patience, commands=case.level == "contract")
            deviation = await playing.play(case.steps)
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
