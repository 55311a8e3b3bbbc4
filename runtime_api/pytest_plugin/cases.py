"""The conformance cases for bootstraps as tests of a pytest session."""

from __future__ import annotations

import asyncio
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from runtime_api.conformance.cases import load_cases, select
from runtime_api.conformance.exchange import render
from runtime_api.conformance.judge import judge
from runtime_api.conformance.reports.tables import facts
from runtime_api.conformance.runtime.side import RuntimeSide
from runtime_api.conformance.verdicts import Verdict
from runtime_api.sandbox.entrypoint import Program

if TYPE_CHECKING:
    from runtime_api.conformance.cases import Case
    from runtime_api.conformance.verdicts import Judgement

__all__ = ["ConformanceCases"]

TIMEOUT_S = 10.0  # for whatever a bootstrap should do next


class ConformanceCases:
    """A plugin that adds the cases to the tests that were collected."""

    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Add an item for each case of the chosen level."""
        subject = _subject(config)
        collector = _Collector.from_parent(session, name="conformance", nodeid="conformance")
        cases = select(load_cases("runtime"), level=config.getoption("--bootstrap-level"))
        items += [_CaseItem.from_parent(collector, name=case.id, case=case, subject=subject) for case in cases]


class _Subject(NamedTuple):
    """The bootstrap under test."""

    command: tuple[str, ...]
    handler: str
    directory: Path
    probed: dict[str, Judgement]  # by the cases so far


def _subject(config: pytest.Config) -> _Subject:
    given = config.getoption("--bootstrap")
    command = shlex.split(given)
    found = shutil.which(command[0]) if command else None
    if found is None:
        raise pytest.UsageError(f"--bootstrap {given!r}: no such command")
    directory = Path(config.getoption("--bootstrap-directory")).resolve()
    program = (str(Path(found).absolute()), *command[1:])
    return _Subject(program, config.getoption("--bootstrap-handler"), directory, {})


class _Collector(pytest.Collector):
    def collect(self) -> list[pytest.Item]:
        return []  # `ConformanceCases` makes the items


class _Deviation(Exception):
    """A case failed; the text is the report."""


class _CaseItem(pytest.Item):
    """One case as a test."""

    def __init__(self, *, case: Case, subject: _Subject, **rest: Any) -> None:
        super().__init__(**rest)
        self._case = case
        self._subject = subject

    def runtest(self) -> None:
        judgement = asyncio.run(self._judge())
        if judgement.verdict is Verdict.UNIMPLEMENTED:
            pytest.skip(judgement.reason)
        if judgement.verdict is Verdict.FAILED:
            raise _Deviation(_report(judgement))

    async def _judge(self) -> Judgement:
        program = Program(self._subject.directory, command=self._subject.command)
        async with RuntimeSide(program, self._subject.handler, {}, TIMEOUT_S) as side:
            (judgement,) = await judge(side, [self._case], probed=self._subject.probed)
        return judgement

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, _Deviation):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return "conformance", None, self._case.id


def _report(judgement: Judgement) -> str:
    lines = [f"{name:12} {value}" for name, value in facts(judgement)]
    return "\n".join([*lines, render(judgement.exchange)])
