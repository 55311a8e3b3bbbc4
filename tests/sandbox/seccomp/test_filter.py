"""The filter of system calls, run on a machine of the tests' own: every row of the table, on both architectures."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.sandbox.seccomp import system_call_filter
from runtime_api.sandbox.seccomp.bpf import Branch, Condition, Label, Load, Return, Statement, assemble
from runtime_api.sandbox.seccomp.program import ARCHITECTURES, Architecture, program
from runtime_api.sandbox.seccomp.rules import RULES, Rule
from tests.sandbox.seccomp.machine import Call, run

ALLOWED, KILLED, REFUSED = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
AUDIT = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
OTHERS = {"x86_64": (0x4000_0003, 0xC000_00B7, 0), "aarch64": (0x4000_0028, 0xC000_003E, 0)}  # i386, arm, none
FIRST_FREE = 600  # no system call has a number above yet
HIGH = 0xDEAD_BEEF_0000_0000  # the half of an argument that the kernel does not look at where it takes an int

both = pytest.mark.parametrize("machine", AUDIT)
PROGRAMS = {machine: found for machine in AUDIT if (found := system_call_filter(machine))}


def verdict(machine: str, number: int, *arguments: int) -> int:
    return run(PROGRAMS[machine], Call(AUDIT[machine], number, arguments))


def number_of(machine: str, name: str) -> int:
    (number,) = (getattr(rule, machine) for rule in RULES if rule.name == name)
    return int(number)


@both
def test_the_kept_bytes_are_those_of_the_table(machine: str) -> None:
    (architecture,) = (found for found in ARCHITECTURES if found.machine == machine)
    assert PROGRAMS[machine] == program(architecture), "run `make filters`"


def test_there_is_no_filter_for_other_machines() -> None:
    assert system_call_filter("riscv64") is None


@both
@pytest.mark.parametrize("rule", [rule for rule in RULES if not rule.exception], ids=lambda rule: rule.name)
def test_a_system_call_of_the_table_is_refused_whatever_its_arguments(machine: str, rule: Rule) -> None:
    number = getattr(rule, machine)
    if number is not None:
        for arguments in ((), (0xFFFF_FFFF_FFFF_FFFF,) * 6, (1, 2, 3, 4, 5, 6)):
            assert verdict(machine, number, *arguments) == REFUSED | rule.refusal


@both
def test_every_other_system_call_is_allowed(machine: str) -> None:
    listed = {getattr(rule, machine) for rule in RULES}
    others = [number for number in range(FIRST_FREE) if number not in listed]
    assert {verdict(machine, number) for number in others} == {ALLOWED}
    assert len(others) > FIRST_FREE - len(RULES) - 1


NEW_USER, NEW_NETWORK, NEW_TIME, THREAD, FILES = 0x1000_0000, 0x4000_0000, 0x80, 0x0001_0000, 0x400
ARGUMENTS = [
    ("clone", (0x003D_0F00,), 0),  # as pthread_create makes threads
    ("clone", (0x0120_0011,), 0),  # as fork does
    ("clone", (NEW_USER | 17,), errno.EPERM),
    ("clone", (NEW_NETWORK,), errno.EPERM),
    ("clone", (HIGH | NEW_USER,), errno.EPERM),
    ("unshare", (FILES,), 0),
    ("unshare", (NEW_USER | FILES,), errno.EPERM),
    ("unshare", (NEW_TIME,), errno.EPERM),
    ("ioctl", (0, 0x5401), 0),  # TCGETS
    ("ioctl", (0, 0x5412), errno.EPERM),
    ("ioctl", (0, 0x541C), errno.EPERM),
    ("ioctl", (0, 0x5423), errno.EPERM),
    ("ioctl", (0, HIGH | 0x5412), errno.EPERM),  # CVE-2019-10063
    ("personality", (0,), 0),
    ("personality", (0xFFFF_FFFF,), 0),
    ("personality", (0xFFFF_FFFF_FFFF_FFFF,), 0),
    ("personality", (0x0004_0000,), 0),
    ("personality", (0x0040_0000,), errno.EPERM),  # READ_IMPLIES_EXEC
    ("personality", (8,), errno.EPERM),
    *[(name, (family,), 0) for name in ("socket", "socketpair") for family in (0, 1, 2, 10, 16)],
    *[(name, (HIGH | family,), 0) for name in ("socket", "socketpair") for family in (1, 2)],
    *[
        (name, (family,), errno.EAFNOSUPPORT)
        for name in ("socket", "socketpair")
        for family in range(48)
        if family not in (0, 1, 2, 10, 16)
    ],
    ("socket", (HIGH | 40,), errno.EAFNOSUPPORT),  # AF_VSOCK
]


@both
@pytest.mark.parametrize(("name", "arguments", "refusal"), ARGUMENTS)
def test_arguments_make_the_exceptions(machine: str, name: str, arguments: tuple[int, ...], refusal: int) -> None:
    assert verdict(machine, number_of(machine, name), *arguments) == (REFUSED | refusal if refusal else ALLOWED)


def test_every_rule_with_an_exception_is_tried_both_ways() -> None:
    tried = {(name, bool(refusal)) for name, _, refusal in ARGUMENTS}
    assert tried == {(rule.name, way) for rule in RULES if rule.exception for way in (True, False)}


@both
def test_calls_of_another_architecture_kill(machine: str) -> None:
    for architecture in OTHERS[machine]:
        for number in (0, 1, 11, 0x4000_0000):
            assert run(PROGRAMS[machine], Call(architecture, number)) == KILLED


def test_x32_is_not_there() -> None:
    for number in (0x4000_0000, 0x4000_0000 + 101, 0x4000_0000 + 520, 0xFFFF_FFFF):
        assert verdict("x86_64", number) == REFUSED | errno.ENOSYS


@both
@given(number=st.integers(0, 0xFFFF_FFFF), arguments=st.tuples(*[st.integers(0, (1 << 64) - 1)] * 6))
def test_any_call_gets_one_of_the_verdicts(machine: str, number: int, arguments: tuple[int, ...]) -> None:
    refusals = {REFUSED | refusal for refusal in (errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT)}
    assert verdict(machine, number, *arguments) in {ALLOWED, *refusals}


def test_no_system_call_stands_in_the_table_twice() -> None:
    for column in ("name", *AUDIT):
        found = [getattr(rule, column) for rule in RULES if getattr(rule, column) is not None]
        assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "rules", [RULES[:1], RULES[3:5], [Rule("zero", 0, 0)], [Rule("one", 1, 1), Rule("two", 2, 2)]]
)
def test_a_filter_of_few_rules_refuses_just_these(rules: list[Rule]) -> None:
    filtered = program(Architecture("x86_64", AUDIT["x86_64"]), rules)
    found = [number for number in range(FIRST_FREE) if run(filtered, Call(AUDIT["x86_64"], number)) != ALLOWED]
    assert found == sorted(rule.x86_64 for rule in rules if rule.x86_64 is not None)


@pytest.mark.parametrize("distance", [255, 256])
def test_a_jump_that_is_too_long_for_the_machine_is_an_error(distance: int) -> None:
    statements: list[Statement] = [
        Branch(Condition.EQUAL, 1, "near", "far"),
        Label("near"),
        *[Load(0) for _ in range(distance)],
        Label("far"),
        Return(0),
    ]
    if distance > 255:
        with pytest.raises(ValueError, match="no jump reaches"):
            assemble(statements)
    else:
        assert len(assemble(statements)) == (distance + 2) * 8


def test_a_jump_back_is_an_error() -> None:
    with pytest.raises(ValueError, match="no jump reaches"):
        assemble((Label("back"), Load(0), Branch(Condition.EQUAL, 1, "back", "back")))
