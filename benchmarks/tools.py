"""Compile the C programs of the benchmarks, and bootjack itself."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checkouts import IMPORT_PATHS, PROJECT
from benchmarks.errors import Unusable

SOURCES = Path(__file__).parent
COMPILE_LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Tools:
    """A scratch directory and the compiled programs in it, which every measurement uses."""

    scratch: Path
    echo: Path
    load: Path
    feeder: Path
    slow_clock: Path


def build(scratch: Path) -> Tools:
    compiler = shutil.which("cc")
    if compiler is None:
        raise Unusable("the benchmarks need a C compiler: there is no `cc` on PATH")
    echo, load, feeder = (_compile(compiler, name, scratch) for name in ("echo", "load", "feeder"))
    slow_clock = _compile(compiler, "slow_clock", scratch, "-shared", "-fPIC")
    _write_bytecode()
    return Tools(scratch, echo, load, feeder, slow_clock)


def _write_bytecode() -> None:
    """Compile bootjack as an installer does; where bytecode is switched off, each start would compile all of it."""
    packages = {"": ("bootjack", "runtime_api"), "bootstrap": ("bootjack_bootstrap",), "layers": ("bootjack_layers",)}
    folders = [PROJECT / path / package for path in IMPORT_PATHS for package in packages[path]]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "compileall", "-q", *map(str, folders)]
    subprocess.run(command, env=environment, timeout=COMPILE_LIMIT_SECONDS, check=True)


def _compile(compiler: str, name: str, scratch: Path, *options: str) -> Path:
    program = scratch / name
    command = [compiler, "-O2", "-pthread", *options, "-o", str(program), str(SOURCES / f"{name}.c")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_LIMIT_SECONDS, check=False)
    if done.returncode != 0:
        raise Unusable(f"{name}.c does not compile:\n{done.stderr.strip()}")
    return program
