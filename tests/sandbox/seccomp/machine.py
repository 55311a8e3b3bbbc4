"""The kernel's filter machine, as far as seccomp filters use it: it runs the bytes that the kernel gets."""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = ["Call", "run"]

LOAD, RETURN = 0x20, 0x06
JUMPS = {
    0x15: lambda word, operand: word == operand,
    0x25: lambda word, operand: word > operand,
    0x35: lambda word, operand: word >= operand,
    0x45: lambda word, operand: word & operand != 0,
}
WORD = 0xFFFF_FFFF


class Call(NamedTuple):
    """What a filter is shown of a system call."""

    architecture: int
    number: int
    arguments: tuple[int, ...] = ()

    def data(self) -> bytes:
        """As in struct seccomp_data."""
        arguments = [argument & 0xFFFF_FFFF_FFFF_FFFF for argument in (*self.arguments, *[0] * 6)[:6]]
        return struct.pack("<IIQ6Q", self.number & WORD, self.architecture, 0, *arguments)


def run(program: bytes, call: Call) -> int:
    """The verdict on a call."""
    instructions = list(struct.iter_unpack("<HBBI", program))
    data, accumulator, at = call.data(), 0, 0
    while True:
        code, then, otherwise, operand = instructions[at]
        at += 1
        if code == RETURN:
            return int(operand)
        if code == LOAD:
            assert operand % 4 == 0
            (accumulator,) = struct.unpack_from("<I", data, operand)
        else:
            at += then if JUMPS[code](accumulator, operand) else otherwise
