"""What is found about a subject: a judgement for each case, and all of them together."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .cases import Case
    from .exchange import Message

__all__ = ["CannotRun", "Findings", "Judgement", "Verdict", "failures"]


class CannotRun(Exception):
    """The subject cannot be judged at all; the message says what to do. Exit code 2."""


class Verdict(StrEnum):
    """How a case ended."""

    OK = "OK"  # the requirement is kept
    NON_STRICT = "NON-STRICT"  # a recommendation is not followed, which is allowed
    FAILED = "FAILED"  # the requirement is broken
    UNIMPLEMENTED = "UNIMPLEMENTED"  # an optional part that the subject does not have
    SKIPPED = "SKIPPED"  # not judged; the reason says why


class Judgement(NamedTuple):
    """What was found in one case."""

    case: Case
    verdict: Verdict
    expected: str = ""  # of the step that went otherwise
    happened: str = ""
    reason: str = ""  # why it was skipped or is unimplemented
    exchange: tuple[Message, ...] = ()
    seconds: float = 0


class Findings(NamedTuple):
    """A whole run: the subject, how it was judged, and what was found."""

    subject: str  # the command or URL that was judged
    side: str  # "runtime" or "server"
    level: str
    strict: bool
    seed: int
    judgements: tuple[Judgement, ...]
    news: tuple[str, ...] = ()  # compared with a baseline: what it does not know
    stale: tuple[str, ...] = ()  # and what it knows but is no more
    baseline: bool = False  # whether there was one
    seconds: float = 0
    replay: str = ""  # a command line that judges one case alone, with {id} in it

    @property
    def exit_code(self) -> int:
        """0: everything asked for is kept; 1: something is not."""
        if self.baseline:
            return 1 if self.news or self.stale else 0
        return 1 if failures(self) else 0

    def count(self, verdict: Verdict) -> int:
        """How many cases ended so."""
        return sum(judgement.verdict is verdict for judgement in self.judgements)


def failures(findings: Findings) -> list[Judgement]:
    """The judgements that make a run fail."""
    failing = {Verdict.FAILED, Verdict.NON_STRICT} if findings.strict else {Verdict.FAILED}
    return [judgement for judgement in findings.judgements if judgement.verdict in failing]
