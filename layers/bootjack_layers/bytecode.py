"""Bytecode that survives an archive: judged by the hash of its source, not by times, which an archive does not keep.

In /opt nothing can be written, so bytecode that does not fit is made anew at every cold start: importing aiohttp
takes twice as long. (PEP 552 tells the kinds; the header has 16 bytes: magic, flags, then time and size, or a hash.)
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
_SHARES = 4  # fixed: how names are divided must not hang on the machine, or the bytes might
_SECONDS = 600
_NAME = re.compile(r"(?P<module>.+)\.(?P<tag>[a-z]+-\d+)(\.opt-\w+)?\.pyc")


class Bytecode(NamedTuple):
    """The head of a .pyc file."""

    magic: int
    hashed: bool
    checked: bool
    seconds: int
    size: int
    digest: bytes


def read_header(head: bytes) -> Bytecode | None:
    """What the first 16 bytes say; None when they are no bytecode's."""
    if len(head) < HEADER or head[2:4] != b"\r\n":
        return None
    magic, flags = struct.unpack("<HxxI", head[:8])
    seconds, size = struct.unpack("<II", head[8:HEADER])
    return Bytecode(magic, bool(flags & 1), bool(flags & 2), seconds, size, head[8:HEADER])


def source_of(name: str) -> tuple[str, str] | None:
    """The source that a name in a cache belongs to, and the tag of its interpreter (`cpython-311`)."""
    folder, _, last = name.rpartition("/")
    matched = _NAME.fullmatch(last)
    if not matched or folder.rpartition("/")[2] != CACHE:
        return None
    parent = folder[: -len(CACHE)]
    return f"{parent}{matched['module']}.py", matched["tag"]


def drop_bytecode(root: Path) -> None:
    """Take away every cache: bytecode with times would be stale, and names this machine's folders."""
    for cache in [Path(folder) for folder, _, _ in os.walk(root) if Path(folder).name == CACHE]:
        shutil.rmtree(cache)


def compile_tree(root: Path, names: Sequence[str], place: str, interpreter: Interpreter, kind: Kind) -> list[str]:
    """Compile sources below root that will stand below `place`; gives the names that do not compile."""
    shares = [names[number::_SHARES] for number in range(_SHARES)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(_compile, root, share, place, interpreter, kind) for share in shares if share]
        return sorted(name for run in runs for name in run.result())


def _compile(root: Path, names: Iterable[str], place: str, interpreter: Interpreter, kind: Kind) -> list[str]:
    script = Path(__file__).with_name("compile_tree.py")
    command = [str(interpreter.executable), "-s", "-S", "-B", str(script), str(root), place, kind]
    # The order of a set of constants follows the hash seed, which -I would ignore.
    environment = {"PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1", "PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    given = b"\0".join(os.fsencode(name) for name in names)
    try:
        run = subprocess.run(command, input=given, capture_output=True, timeout=_SECONDS, check=True, env=environment)
    except subprocess.SubprocessError as error:
        lines = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
        raise LayerError(
            f"{interpreter.executable} could not make bytecode: {lines[-1] if lines else error}; try --bytecode none"
        ) from error
    return os.fsdecode(run.stdout).split("\n")[:-1]
