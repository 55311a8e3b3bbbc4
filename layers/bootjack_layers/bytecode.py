"""Compile bytecode that survives an archive: validated by the hash of its source, since file times change on the way.

/opt is read-only, so Python compiles stale bytecode again at every cold start: importing aiohttp takes twice as long.
PEP 552 defines the kinds. The header has 16 bytes: magic, flags, then either time and size or a hash.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from .errors import LayerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .interpreter import Interpreter

__all__ = ["CACHE", "HEADER", "Bytecode", "Kind", "compile_tree", "drop_bytecode", "read_header", "source_of"]

Kind = Literal["unchecked", "checked"]
CACHE = "__pycache__"
HEADER = 16
_SHARES = 4  # fixed, and not the number of cores: the output must not depend on the machine
_LIMIT_S = 600
_NAME = re.compile(r"(?P<module>.+)\.(?P<tag>[a-z]+-\d+)(\.opt-\w+)?\.pyc")


class Bytecode(NamedTuple):
    """The header of a .pyc file; `digest` overlaps `seconds` and `size`, and `hashed` says which counts."""

    magic: int
    hashed: bool
    checked: bool
    seconds: int
    size: int
    digest: bytes


def read_header(head: bytes) -> Bytecode | None:
    """Parse the first 16 bytes of a .pyc file; None if they are something else."""
    if len(head) < HEADER or head[2:4] != b"\r\n":
        return None
    magic, flags = struct.unpack("<HxxI", head[:8])
    seconds, size = struct.unpack("<II", head[8:HEADER])
    return Bytecode(magic, bool(flags & 1), bool(flags & 2), seconds, size, head[8:HEADER])


def source_of(name: str) -> tuple[str, str] | None:
    """The source that a file in `__pycache__` belongs to, and its interpreter's tag (`cpython-311`)."""
    folder, _, last = name.rpartition("/")
    matched = _NAME.fullmatch(last)
    if not matched or folder.rpartition("/")[2] != CACHE:
        return None
    parent = folder[: -len(CACHE)]
    return f"{parent}{matched['module']}.py", matched["tag"]


def drop_bytecode(root: Path) -> None:
    """Delete every `__pycache__`: its bytecode would be stale, and contains paths of this machine."""
    for cache in [Path(folder) for folder, _, _ in os.walk(root) if Path(folder).name == CACHE]:
        shutil.rmtree(cache)


def compile_tree(root: Path, names: Sequence[str], place: str, interpreter: Interpreter, kind: Kind) -> list[str]:
    """Compile sources below root that will be mounted at `place`; return the names that do not compile."""
    shares = [names[number::_SHARES] for number in range(_SHARES)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(_compile, root, share, place, interpreter, kind) for share in shares if share]
        return sorted(name for run in runs for name in run.result())


def _compile(root: Path, names: Iterable[str], place: str, interpreter: Interpreter, kind: Kind) -> list[str]:
    script = Path(__file__).with_name("compile_tree.py")
    command = [str(interpreter.executable), "-s", "-S", "-B", str(script), str(root), place, kind]
    # The order of constants in a frozenset depends on the hash seed; -I would ignore the variable that sets it.
    environment = {"PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1", "PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    sources = b"\0".join(os.fsencode(name) for name in names)
    try:
        run = subprocess.run(
            command, input=sources, capture_output=True, timeout=_LIMIT_S, check=True, env=environment
        )
    except subprocess.SubprocessError as error:
        lines = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
        why = lines[-1] if lines else error
        raise LayerError(f"{interpreter.executable} cannot compile bytecode: {why}; try --bytecode none") from error
    return os.fsdecode(run.stdout).split("\n")[:-1]
