"""A CPython on this machine: what it says of itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import LayerError
from .images import machine_of

__all__ = ["Interpreter", "ask", "find"]

_SECONDS = 30
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
    """A CPython: its true executable (not that of a virtual environment) and its parts."""

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
        """As in `python3.11`, what its folder in lib is called."""
        return f"python{self.dotted}{self.abiflags}"

    @property
    def dotted(self) -> str:
        """As in `3.11`."""
        return f"{self.version[0]}.{self.version[1]}"


def ask(executable: Path) -> Interpreter:
    """What the interpreter says of itself; `LayerError` when it is none."""
    command = [str(executable), "-I", "-S", "-c", _QUESTION]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
        told = json.loads(run.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise LayerError(
            f"{executable} does not run as a Python: {_why(error)}; name another with --python"
        ) from error
    _, _, release = told["libc"].partition(" ")
    return Interpreter(
        Path(told["executable"]),
        told["implementation"],
        (told["version"][0], told["version"][1]),
        told["release"],
        told["abiflags"],
        Path(told["stdlib"]),
        Path(told["platstdlib"]),
        told["platform"],
        machine_of(told["machine"]),
        _pair(release),
        told["certificates"],
    )


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    if isinstance(error, ValueError):
        return "it answers as none"
    lines = str(getattr(error, "stderr", None) or error).strip().splitlines()
    return lines[-1] if lines else str(error)


def find(dotted: str, preferred: Path) -> Interpreter | None:
    """An interpreter of a version: the preferred one if it is of that version, or what PATH has under its name."""
    candidates = [preferred, *map(Path, filter(None, [shutil.which(f"python{dotted}")]))]
    for candidate in candidates:
        try:
            found = ask(candidate)
        except LayerError:
            continue  # a shim, say, of a version that is not set up
        if found.dotted == dotted and found.implementation == "cpython":
            return found
    return None


def _pair(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    minor = minor.partition(".")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)
