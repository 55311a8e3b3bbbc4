"""Makes inputs from the grammar, one for each number, the same for the same seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.fuzz.grammar import MESSAGES, ODD, TOKEN, WORDS
from tests.fuzz.inputs import Ending, Input, Port

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["make"]

PORTS = (Port.PUBLIC, Port.RUNTIME)
ENDINGS = (
    *[Ending.HALF] * 8,
    *[Ending.CLOSE] * 6,
    *[Ending.RESET] * 3,
    *[Ending.VANISH] * 2,
    Ending.DEAF,
)
COUNTS = (1, 1, 1, 1, 2, 2, 2, 3, 4, 6)  # messages on one connection
CHANGES = (0, 0, 1, 1, 1, 1, 2, 2, 3, 8)
RAW = 0.01  # the share of inputs that are no HTTP at all
ODD_SHARE = 0.15  # of messages that come from the corpus
MOST_BYTES = 200_000


def make(seed: int, number: int) -> Input:
    """The input with this number."""
    dice = random.Random(seed << 48 | number)
    port = PORTS[number & 1]
    data = _stream(dice, port)
    for _ in range(CHANGES[int(dice.random() * len(CHANGES))]):
        data = _changed(dice, data, port)
    return Input(port, tuple(_pieces(dice, data[:MOST_BYTES])), ENDINGS[int(dice.random() * len(ENDINGS))])


def _pick(dice: random.Random, of: Sequence[bytes]) -> bytes:
    return of[int(dice.random() * len(of))]


def _stream(dice: random.Random, port: Port) -> bytes:
    """What one connection sends in its life, before it is mutated."""
    if dice.random() < RAW:
        return dice.randbytes(int(dice.random() * 400))
    messages = []
    for _ in range(COUNTS[int(dice.random() * len(COUNTS))]):
        message = _pick(dice, (ODD if dice.random() < ODD_SHARE else MESSAGES)[port])
        messages.append(message.replace(TOKEN, b"%08x" % dice.getrandbits(32)))
    return b"".join(messages)


def _changed(dice: random.Random, data: bytes, port: Port) -> bytes:
    """The same with one change."""
    at = int(dice.random() * (len(data) + 1))
    kind = int(dice.random() * 12)
    if kind == 0:  # another byte
        return data[:at] + dice.randbytes(1) + data[at + 1 :]
    if kind == 1:  # one bit
        return (
            data[:at] + bytes([data[at] ^ 1 << int(dice.random() * 8)]) + data[at + 1 :] if at < len(data) else data
        )
    if kind == 2:  # bytes lost
        return data[:at] + data[at + 1 + int(dice.random() * 20) :]
    if kind == 3:  # bytes repeated
        return data[:at] + data[at : at + 1 + int(dice.random() * 30)] + data[at:]
    if kind == 4:  # the end lost
        return data[:at]
    if kind == 5:  # a line lost, or repeated
        return _line_changed(dice, data, at)
    if kind == 6:  # a digit changed: lengths, sizes, versions
        return _digit_changed(dice, data, at)
    if kind == 7:  # the rest from another message
        other = _pick(dice, MESSAGES[port])
        return data[:at] + other[int(dice.random() * len(other)) :]
    if kind == 8:  # a word where a line begins
        start = data.find(b"\r\n", at) + 2
        return data[:start] + _pick(dice, WORDS) + data[start:]
    if kind == 9:  # letters in another case
        return data[:at] + data[at : at + 20].swapcase() + data[at + 20 :]
    if kind == 10:  # a word in the place of as many bytes
        word = _pick(dice, WORDS)
        return data[:at] + word + data[at + len(word) :]
    return data[:at] + _pick(dice, WORDS) + data[at:]


def _line_changed(dice: random.Random, data: bytes, at: int) -> bytes:
    start = data.rfind(b"\r\n", 0, at) + 2
    end = data.find(b"\r\n", at) + 2
    if start < 2 or end < 2:
        return data
    line = data[start:end]
    if dice.random() < 0.5:
        return data[:start] + data[end:]
    place = data.find(b"\r\n", int(dice.random() * len(data))) + 2
    return data[:place] + line + data[place:]


def _digit_changed(dice: random.Random, data: bytes, at: int) -> bytes:
    for place in range(at, min(at + 300, len(data))):
        if data[place] in b"0123456789":
            return data[:place] + b"%d" % int(dice.random() * 10) + data[place + 1 :]
    return data


def _pieces(dice: random.Random, data: bytes) -> list[bytes]:
    """The reads that the server sees."""
    kind = dice.random()
    if kind < 0.6 or len(data) < 2:
        return [data]
    if kind > 0.98 and len(data) < 400:
        return [data[at : at + 1] for at in range(len(data))]
    places = sorted(int(dice.random() * len(data)) for _ in range(1 + int(dice.random() * 4)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True) if start < end]
