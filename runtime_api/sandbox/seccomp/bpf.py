"""An assembler for classic BPF, as far as seccomp filters need it: jumps go to labels, and forward only."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Branch", "Condition", "Label", "Load", "Return", "Statement", "assemble"]

LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS (linux/bpf_common.h)
RETURN = 0x06  # BPF_RET | BPF_K
LONGEST_JUMP = 255  # an offset is one byte
INSTRUCTION = struct.Struct("<HBBI")  # struct sock_filter (linux/filter.h); both architectures are little-endian


class Condition(IntEnum):
    """How a branch compares the loaded word with its operand: BPF_JMP | ... | BPF_K."""

    EQUAL = 0x15
    AT_LEAST = 0x35
    ANY_BIT = 0x45


class Label(NamedTuple):
    """The place of the statement that follows."""

    name: str


class Load(NamedTuple):
    """Load a word of struct seccomp_data."""

    offset: int


class Branch(NamedTuple):
    """Go on at one of two labels."""

    condition: Condition
    operand: int
    then: str
    otherwise: str


class Return(NamedTuple):
    """End with this verdict."""

    verdict: int


Statement = Label | Load | Branch | Return


def assemble(statements: Iterable[Statement]) -> bytes:
    """The instructions as the kernel reads them. ValueError if a jump is too long or goes back."""
    places: dict[str, int] = {}
    instructions: list[Load | Branch | Return] = []
    for statement in statements:
        if isinstance(statement, Label):
            places[statement.name] = len(instructions)
        else:
            instructions.append(statement)
    return b"".join(_encoded(instruction, at, places) for at, instruction in enumerate(instructions))


def _encoded(instruction: Load | Branch | Return, at: int, places: dict[str, int]) -> bytes:
    match instruction:
        case Load(offset):
            return INSTRUCTION.pack(LOAD_WORD, 0, 0, offset)
        case Return(verdict):
            return INSTRUCTION.pack(RETURN, 0, 0, verdict)
        case Branch(condition, operand, then, otherwise):
            jumps = [places[label] - at - 1 for label in (then, otherwise)]
            if not all(0 <= jump <= LONGEST_JUMP for jump in jumps):
                raise ValueError(f"no jump reaches from {at} to {then} or {otherwise}: {jumps}")
            return INSTRUCTION.pack(condition, *jumps, operand)
