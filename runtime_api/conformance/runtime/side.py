"""The side itself: starts the bootstrap for each case and plays the case's script against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random
    from types import TracebackType
    from typing import Self

    from runtime_api.conformance.cases import Case
    from runtime_api.conformance.verdicts import Judgement
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
        return None

    async def play(self, case: Case, chance: Random) -> Judgement:
        """Play one case."""
        raise NotImplementedError
