"""The filter as a program: find the system call's number by bisection, look at its arguments, return a verdict.

The kernel asks a filter that is being installed about every number there is, to remember which ones it always allows
(kernel/seccomp.c, seccomp_cache_prepare). With bisection that takes a tenth of what a row of comparisons does.
"""

from __future__ import annotations

from enum import IntEnum
from errno import ENOSYS
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from .bpf import Branch, Condition, Label, Load, Return, Statement, assemble
from .rules import RULES, HasNone, Is, IsNot, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["ARCHITECTURES", "Architecture", "Verdict", "program"]

NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # where they are in struct seccomp_data (linux/seccomp.h)
ARGUMENT_BYTES = 8  # the low half comes first
X32_NUMBERS = 0x4000_0000  # __X32_SYSCALL_BIT: the same kernel, with other layouts that no rule here knows
ALLOW, KILL = "allow", "kill"
BEGIN = "the bisection"


class Verdict(IntEnum):
    """What the kernel does (linux/seccomp.h); REFUSE has the error number in its low half."""

    KILL = 0x8000_0000  # SECCOMP_RET_KILL_PROCESS
    REFUSE = 0x0005_0000  # SECCOMP_RET_ERRNO
    ALLOW = 0x7FFF_0000


class Architecture(NamedTuple):
    """What a filter has to know of an architecture."""

    machine: str  # as in `uname -m`, and the field of `Rule` with its numbers
    audit: int  # AUDIT_ARCH_... (linux/audit.h): 64 bits, little-endian, and the number of ELF
    x32: bool = False

    def number(self, rule: Rule) -> int | None:
        """The number of a system call here; None if there is none."""
        found: int | None = getattr(rule, self.machine)
        return found


ARCHITECTURES = (Architecture("x86_64", 0xC000_003E, x32=True), Architecture("aarch64", 0xC000_00B7))


def program(architecture: Architecture, rules: Sequence[Rule] = RULES) -> bytes:
    """The filter of these rules. A process that makes calls of another architecture is killed."""
    return assemble(_statements(architecture, rules))


def _statements(architecture: Architecture, rules: Sequence[Rule]) -> Iterator[Statement]:
    yield Load(ARCHITECTURE)
    yield Branch(Condition.EQUAL, architecture.audit, "number", KILL)
    yield Label("number")
    yield Load(NUMBER)
    spans = _spans(architecture, rules)
    yield from _bisection(spans, BEGIN)
    for rule in rules:
        if rule.exception is not None and architecture.number(rule) is not None:
            yield from _exception(rule, rule.exception)
    yield Label(KILL)
    yield Return(Verdict.KILL)
    yield Label(ALLOW)
    yield Return(Verdict.ALLOW)
    for refusal in sorted({ENOSYS, *(rule.refusal for rule in rules)}):
        yield Label(_refused(refusal))
        yield Return(Verdict.REFUSE | refusal)


class _Span(NamedTuple):
    """From this number on, up to the next span, go on at this label."""

    begin: int
    label: str


def _spans(architecture: Architecture, rules: Sequence[Rule]) -> list[_Span]:
    """The line of all numbers, cut where something else happens."""
    labels = {architecture.number(rule): rule.name if rule.exception else _refused(rule.refusal) for rule in rules}
    cuts = sorted({cut for number in labels if number is not None for cut in (number, number + 1)} | {0})
    line = [_Span(cut, labels.get(cut, ALLOW)) for cut in cuts]
    if architecture.x32:
        line.append(_Span(X32_NUMBERS, _refused(ENOSYS)))
    return line[:1] + [span for before, span in pairwise(line) if span.label != before.label]


def _bisection(spans: Sequence[_Span], name: str) -> Iterator[Statement]:
    """Branches that lead to the label of the span that the loaded number is in."""
    middle = len(spans) // 2
    halves = {f"{name}, below {spans[middle].begin}": spans[:middle], f"{name}, above": spans[middle:]}
    below, above = (half[0].label if len(half) == 1 else label for label, half in halves.items())
    yield Label(name)
    yield Branch(Condition.AT_LEAST, spans[middle].begin, above, below)
    for label, half in halves.items():
        if len(half) > 1:
            yield from _bisection(half, label)


def _exception(rule: Rule, exception: Is | IsNot | HasNone) -> Iterator[Statement]:
    refused = _refused(rule.refusal)
    yield Label(rule.name)
    yield Load(ARGUMENTS + exception.argument * ARGUMENT_BYTES)
    match exception:
        case HasNone(_, bits):
            yield Branch(Condition.ANY_BIT, bits, refused, ALLOW)
        case Is(_, values):
            yield from _comparisons(rule.name, values, ALLOW, refused)
        case IsNot(_, values):
            yield from _comparisons(rule.name, values, refused, ALLOW)


def _comparisons(name: str, values: tuple[int, ...], found: str, missing: str) -> Iterator[Statement]:
    for value in values:
        following = missing if value == values[-1] else f"{name}, not {value}"
        yield Branch(Condition.EQUAL, value, found, following)
        if following != missing:
            yield Label(following)


def _refused(number: int) -> str:
    return f"refused with {number}"
