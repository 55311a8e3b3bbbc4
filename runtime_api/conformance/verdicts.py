"""The result of a run: a judgement for each case, and the findings as a whole."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .cases import Case
    from .exchange import Message

__all__ = ["CannotRun", "Findings", "Judgement", "Verdict", "failures"]


class CannotRun(Exception):
    """The run is impossible; the message says what to do. Exit code 2."""


class Verdict(StrEnum):
    """How a case ended."""

    OK = "OK"  # the subject meets the requirement
    NON_STRICT = "NON-STRICT"  # the subject ignores a recommendation, which is allowed
    FAILED = "FAILED"  # the subject does not meet the requirement
    UNIMPLEMENTED = "UNIMPLEMENTED"  # the subject lacks an optional part of the API
    SKIPPED = "SKIPPED"  # not judged; the reason says why


class Judgement(NamedTuple):
    """The result of one case."""

    case: Case
    verdict: Verdict
    expected: str = ""  # by the step that failed
    happened: str = ""
    reason: str = ""  # why it was skipped, is unimplemented, or is only a recommendation
    exchange: tuple[Message, ...] = ()
    seconds: float = 0


class Findings(NamedTuple):
    """A whole run: the subject, the settings, and the judgements."""

    subject: str  # the command or URL that was judged
    side: str  # "runtime" or "server"
    level: str
    strict: bool
    seed: int
    judgements: tuple[Judgement, ...]
    news: tuple[str, ...] = ()  # deviations that the baseline does not contain
    stale: tuple[str, ...] = ()  # entries of the baseline that no longer apply
    baseline: bool = False  # whether the run was compared with a baseline
    seconds: float = 0
    replay: str = ""  # the command line that runs one case alone, with {id} in it

    @property
    def exit_code(self) -> int:
        """0 when the run passes, else 1."""
        if self.baseline:
            return 1 if self.news or self.stale else 0
        return 1 if failures(self) else 0

    def count(self, verdict: Verdict) -> int:
        """How many cases have this verdict."""
        return sum(judgement.verdict is verdict for judgement in self.judgements)


def failures(findings: Findings) -> list[Judgement]:
    """The judgements that make a run fail."""
    failing = {Verdict.FAILED, Verdict.NON_STRICT} if findings.strict else {Verdict.FAILED}
    return [judgement for judgement in findings.judgements if judgement.verdict in failing]
