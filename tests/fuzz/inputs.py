"""One input of the fuzz: what a peer sends on one connection, in which pieces, and how it leaves. Seeds are files."""

from __future__ import annotations

import ast
import hashlib
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

__all__ = ["SEEDS", "Ending", "Input", "Port", "load", "stored"]

SEEDS = Path(__file__).with_name("seeds")
LINE_BYTES = 100  # of a piece in one line of a seed


class Port(StrEnum):
    """Where an input goes."""

    PUBLIC = "public"
    RUNTIME = "runtime"


class Ending(StrEnum):
    """How the peer leaves."""

    CLOSE = "close"  # once the server has nothing more to say
    HALF = "half"  # it says that it sends nothing more, and waits for the server to end
    RESET = "reset"  # once the server has nothing more to say
    VANISH = "vanish"  # reset at once, whatever the server is doing
    DEAF = "deaf"  # it reads nothing until it has sent everything, then as HALF


class Input(NamedTuple):
    """What a peer does."""

    port: Port
    pieces: tuple[bytes, ...]
    ending: Ending

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)

    def text(self, why: str) -> str:
        """The content of a seed: why it was kept, then one line for each part of it."""
        lines = [f"# {line}" for line in why.splitlines()]
        lines += [f"port {self.port}", f"ending {self.ending}"]
        for piece in self.pieces:
            lines.append("piece")
            lines += [f"  {piece[at : at + LINE_BYTES]!r}" for at in range(0, len(piece), LINE_BYTES)]
        return "\n".join(lines) + "\n"

    def store(self, why: str, folder: Path = SEEDS) -> Path:
        """Write a seed, named by what it holds."""
        folder.mkdir(exist_ok=True)
        name = hashlib.sha256(repr(self).encode()).hexdigest()[:12]
        path = folder / f"{self.port}-{name}.txt"
        path.write_text(self.text(why))
        return path


def load(path: Path) -> Input:
    """Read a seed."""
    found: dict[str, str] = {}
    pieces: list[bytes] = []
    for line in path.read_text().splitlines():
        if line.startswith("  "):
            pieces[-1] += ast.literal_eval(line.strip())
        elif line == "piece":
            pieces.append(b"")
        elif not line.startswith("#"):
            key, _, value = line.partition(" ")
            found[key] = value
    return Input(Port(found["port"]), tuple(pieces), Ending(found["ending"]))


def stored() -> dict[str, Input]:
    """All seeds, by their names."""
    return {path.stem: load(path) for path in sorted(SEEDS.glob("*.txt"))}
