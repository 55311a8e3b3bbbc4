"""Ask a Python interpreter on this machine about itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import LayerError, os_reason
from .images import machine_of

__all__ = ["Interpreter", "find_python", "inspect_python"]

_LIMIT_S = 30
_QUESTION = """
import importlib.util, json, os, platform, sys, sysconfig
try:
    import ssl
    store = ssl.get_default_verify_paths().openssl_cafile
except ImportError:
    store = ""
names = getattr(os, "confstr_names", {})
libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in names else ""
print(json.dumps({
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "implementation": sys.implementation.name,
    "version": list(sys.version_info[:2]),
    "release": platform.python_version(),
    "abiflags": getattr(sys, "abiflags", ""),
    "stdlib": sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix}),
    "platstdlib": sysconfig.get_path("platstdlib", vars={"platbase": sys.base_exec_prefix}),
    "platform": sys.platform,
    "machine": platform.machine(),
    "libc": libc or "",
    "certificates": store or "",
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """An interpreter; `executable` is the real one, not a virtual environment's."""

    executable: Path
    implementation: str
    version: tuple[int, int]
    release: str
    abiflags: str
    stdlib: Path
    platstdlib: Path
    platform: str
    machine: str
    glibc: tuple[int, int]
    certificates: str

    @property
    def name(self) -> str:
        """The name of its directory in lib, such as `python3.11`."""
        return f"python{self.dotted}{self.abiflags}"

    @property
    def dotted(self) -> str:
        """The version as text, such as `3.11`."""
        return f"{self.version[0]}.{self.version[1]}"


def inspect_python(executable: Path) -> Interpreter:
    """Run the interpreter to learn its version and layout; raise `LayerError` if it isn't one."""
    command = [str(executable), "-I", "-S", "-c", _QUESTION]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=True)
        return _interpreter(json.loads(run.stdout))  # not orjson: a path that is not UTF-8 has lone surrogates
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, KeyError, IndexError) as error:
        why = _why(error)
        raise LayerError(f"{executable} is not a working Python: {why}; name another with --python") from error


def _interpreter(answer: Any) -> Interpreter:
    _, _, glibc = answer["libc"].partition(" ")
    return Interpreter(
        Path(answer["executable"]),
        answer["implementation"],
        (answer["version"][0], answer["version"][1]),
        answer["release"],
        answer["abiflags"],
        Path(answer["stdlib"]),
        Path(answer["platstdlib"]),
        answer["platform"],
        machine_of(answer["machine"]),
        _pair(glibc),
        answer["certificates"],
    )


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return os_reason(error)
    if not isinstance(error, subprocess.SubprocessError):
        return "it does not answer like one"
    lines = str(getattr(error, "stderr", None) or error).strip().splitlines()
    return lines[-1] if lines else str(error)


def find_python(dotted: str, preferred: Path) -> Interpreter | None:
    """A CPython of this version: the preferred interpreter if it fits, else `python3.X` from PATH."""
    candidates = [preferred, *map(Path, filter(None, [shutil.which(f"python{dotted}")]))]
    for candidate in candidates:
        try:
            found = inspect_python(candidate)
        except LayerError:
            continue  # for example pyenv's shim of a version that is not installed
        if found.dotted == dotted and found.implementation == "cpython":
            return found
    return None


def _pair(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    minor = minor.partition(".")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)
